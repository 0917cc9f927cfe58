"""Stores for a seed: empty, migrated, on its own clock, with wake-ups that are heard in virtual time."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, cast

from nuvom._clock import Clock
from nuvom.stores.base import Store
from nuvom.stores.paired.store import PairedStore
from nuvom.stores.registry import open_store
from nuvom.stores.sqlite.listener import Events
from nuvom.stores.sqlite.prune import Pruner

TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'migrations' AND name NOT LIKE 'sqlite_stat%'"


@contextmanager
def opened(kind: str, clock: Clock, lease: float) -> Iterator[tuple[Store, Callable[[], Store]]]:
    """Give an empty store as it is seen from outside, and a function that opens it for one process."""
    if kind == "memory":
        store = _emptied(clock, lease)
        yield store, lambda: store
        return
    if kind == "split":
        pair = PairedStore(_emptied(clock, lease), _emptied(clock, lease, 1))
        yield pair, lambda: pair
        return
    with tempfile.TemporaryDirectory(dir=_folder(), ignore_cleanup_errors=True) as folder:
        file = Path(folder) / "nuvom.db"
        shutil.copy(_template(), file)
        ears, stores = Events(), list[Any]()

        def another() -> Store:
            one: Any = open_store(f"sqlite:///{file}", clock=clock, lease=lease)
            one._database.ears = ears
            stores.append(one)
            return cast("Store", one)

        try:
            yield another(), another
        finally:
            for one in stores:
                one.close()


def _emptied(clock: Clock, lease: float, number: int = 0) -> Store:
    """Return a store in memory as if it were new: to migrate another costs as much as a seed."""
    store = _in_memory(number)
    database = store._database
    database.clock = clock
    database.ears = Events()
    store.workers._lease = int(lease * 1_000_000)
    store._pruner = Pruner(database)
    tables = _tables()
    with database.write(durable=False) as connection:
        connection.execute("PRAGMA defer_foreign_keys = ON")
        for table in tables:
            connection.execute(f"DELETE FROM {table}")
    return cast("Store", store)


@cache
def _in_memory(number: int) -> Any:
    store = open_store("memory://")
    store.migrate()
    return store


@cache
def _tables() -> tuple[str, ...]:
    with _in_memory(0)._database.read() as connection:
        return tuple(name for (name,) in connection.execute(TABLES))


@cache
def _template() -> Path:
    """Return an empty file with the newest schema."""
    path = Path(tempfile.mkdtemp(dir=_folder(), prefix="nuvom-simulation-")) / "nuvom.db"
    with closing(open_store(f"sqlite:///{path}")) as store:
        store.migrate()
    return path


def _folder() -> str | None:
    """Return where files are in memory: what is simulated need not reach a disk."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None

"""Copying a store into another one, of each kind into each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from nuvom.stores import moving
from nuvom.stores.base import Store
from nuvom.stores.registry import open_store
from nuvom.stores.transfer import COLUMNS, JobRow, Kind, Movable, Transfer
from tests import servers
from tests.furnished import furnish

Place = Callable[[str], str]


def transfer(store: Store) -> Transfer:
    assert isinstance(store, Movable)
    return store.transfer


def copied(source: Store, target: Store, **said: Any) -> moving.Copied:
    source.workers.rescue()
    return moving.copy(transfer(source), transfer(target), lambda *_: None, **{"live": False, **said})


def everything(store: Store) -> dict[Kind, list[tuple[Any, ...]]]:
    """Every row of a store, in its order."""
    found = {}
    for kind in Kind:
        rows, after = [], None
        while True:
            page = transfer(store).keys(kind, after, 50)
            by_key = {row[: len(page.keys[0])]: row for row in transfer(store).rows(kind, page.keys)}
            rows += [by_key[key] for key in page.keys]
            after = page.after
            if after is None:
                break
        found[kind] = rows
    return found


@pytest.fixture
def place(tmp_path: Path, postgres_server: str) -> Iterator[Place]:
    """Gives the URL of a new, empty store of a kind."""
    schemas: list[str] = []

    def make(kind: str) -> str:
        name = f"moving_{len(schemas)}"
        schemas.append(name)
        if kind == "sqlite":
            return f"sqlite:///{tmp_path / name}.db"
        servers.drop_schema(postgres_server, name)
        return servers.with_parameters(postgres_server, schema=name)

    yield make
    for name in schemas:
        servers.drop_schema(postgres_server, name)


@pytest.fixture(params=["sqlite", "postgresql"])
def source(request: pytest.FixtureRequest, place: Place) -> Iterator[Store]:
    with closing(servers.migrated(place(request.param))) as store:
        yield store


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, place: Place) -> Iterator[Store]:
    with closing(servers.migrated(place(request.param))) as store:
        yield store


def test_a_furnished_store_has_a_row_of_every_kind_and_a_value_in_every_column(source: Store) -> None:
    furnish(source.url)
    source.workers.rescue()
    found = everything(source)
    empty = {
        f"{kind.value}.{column}"
        for kind, rows in found.items()
        for number, column in enumerate(COLUMNS[kind])
        if not any(row[number] for row in rows)
    }
    assert empty == set()

"""How many jobs of each queue ended lately: added up once a batch, in the transaction that ends them."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable

from nuvom.stores.sqlite.database import Database
from nuvom.stores.sqlite.statements import load
from nuvom.stores.values import Throughput

_SECOND = 1_000_000
_SLICE = 10 * _SECOND  # what is added up in one row for each queue
_MINUTE, _HOUR = 60 * _SECOND, 3_600 * _SECOND


def count_ended(
    connection: sqlite3.Connection, now_us: int, *, succeeded: Iterable[str] = (), failed: Iterable[str] = ()
) -> None:
    """Count jobs that end in the caller's transaction: the queue of each that succeeded, and of each that failed."""
    good, bad = Counter(succeeded), Counter(failed)  # which count in C: this is done for each job
    since = now_us - now_us % _SLICE
    for queue in good.keys() | bad.keys():
        connection.execute(load("count_ended"), (since, queue, good[queue], bad[queue]))


def throughput(database: Database) -> list[Throughput]:
    """Return what ended in each queue lately; see `JobStore.throughput`."""
    now = database.now_us()
    with database.read() as connection:
        found = connection.execute(load("throughput"), (now - _MINUTE, now - _HOUR, now)).fetchall()
    return [Throughput(*row) for row in found]


def forget(database: Database) -> None:
    """Delete what is too old to be asked for."""
    before = (database.now_us() - _HOUR - _SLICE,)
    with database.read() as connection:
        old = connection.execute(load("has_old_throughput"), before).fetchone()
    if old is not None:
        with database.write(durable=False) as connection:
            connection.execute(load("forget_throughput"), before)

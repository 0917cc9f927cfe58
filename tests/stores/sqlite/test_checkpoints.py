"""The write-ahead log: housekeeping keeps it small, and callers do where nobody keeps house."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from nuvom.stores.sqlite import checkpoints
from nuvom.stores.sqlite.store import SqliteStore
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import a_job


def large_jobs(store: SqliteStore, megabytes: int) -> None:
    for _ in range(megabytes):
        store.jobs.push([a_job(arguments=b'[["' + b"x" * 1_000_000 + b'"],{}]')])


def in_file(path: Path) -> int:
    return path.stat().st_size


def test_housekeeping_moves_the_log_once_a_minute(store: SqliteStore, path: Path, clock: VirtualClock) -> None:
    large_jobs(store, 1)
    store.maintain()
    moved = in_file(path)
    assert moved > 1_000_000
    large_jobs(store, 1)
    store.maintain()
    assert in_file(path) == moved
    clock.advance(60)
    store.maintain()
    assert in_file(path) > moved + 900_000


def test_housekeeping_moves_a_large_log_at_once(
    store: SqliteStore, path: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "_LARGE", 2_000_000)
    store.maintain()
    large_jobs(store, 3)
    clock.advance(1)
    store.maintain()
    assert in_file(path) > 3_000_000


def test_the_log_shrinks_once_it_was_moved(store: SqliteStore, path: Path, clock: VirtualClock) -> None:
    large_jobs(store, 8)
    assert store._database.log_size() > 8_000_000
    clock.advance(60)
    store.maintain()
    store.jobs.push([a_job()])
    assert store._database.log_size() <= 4 << 20


def test_a_producer_moves_a_log_that_nobody_else_does(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "_TOO_LARGE", 3_000_000)
    large_jobs(store, 2)
    assert in_file(path) < 1_000_000
    large_jobs(store, 2)
    assert in_file(path) > 2_000_000


def test_a_long_read_delays_the_move_and_nobody(store: SqliteStore, path: Path, clock: VirtualClock) -> None:
    store.jobs.push([a_job()])
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM jobs").fetchone() == (1,)
        large_jobs(store, 2)
        clock.advance(60)
        store.maintain()
        large_jobs(store, 1)
        assert reader.execute("SELECT count(*) FROM jobs").fetchone() == (1,)
        reader.execute("COMMIT")
        clock.advance(60)
        store.maintain()
    assert in_file(path) > 3_000_000
    assert store.jobs.counts()["queued"] == 4

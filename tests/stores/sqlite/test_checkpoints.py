"""The write-ahead log: housekeeping keeps it small, and callers do where nobody keeps house."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from nuvom.stores.sqlite.store import SqliteStore, open_sqlite
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import a_job, a_worker, claimed, succeeded

LARGE = b'[["' + b"x" * 1_000_000 + b'"],{}]'


def large_jobs(store: SqliteStore, megabytes: int) -> None:
    for _ in range(megabytes):
        store.jobs.push([a_job(arguments=LARGE)])


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


def test_writers_who_sync_nothing_leave_more_in_the_log_and_not_without_bound(store: SqliteStore, path: Path) -> None:
    worker = a_worker(store)
    large_jobs(store, 60)
    moved, sizes = in_file(path), []
    for job in claimed(store, worker, 60):
        store.jobs.finish(worker, [succeeded(job)._replace(value=LARGE)])
        sizes.append(store._database.log_size())
    assert max(sizes) > 30_000_000
    assert in_file(path) > moved + 30_000_000
    assert max(sizes) < 40_000_000


def test_the_log_shrinks_once_it_was_moved(store: SqliteStore) -> None:
    store.jobs.push([a_job(arguments=LARGE) for _ in range(8)])
    assert store._database.log_size() > 8_000_000
    store.jobs.push([a_job()])
    assert store._database.log_size() <= 4 << 20


def test_a_producer_alone_moves_the_log_and_uses_its_file_again(store: SqliteStore, path: Path) -> None:
    large_jobs(store, 3)
    assert in_file(path) < 1_000_000
    sizes = []
    for _ in range(40):
        large_jobs(store, 1)
        sizes.append(store._database.log_size())
    assert in_file(path) > 30_000_000
    assert max(sizes) < 6_000_000


def test_producers_share_the_moving(store: SqliteStore, path: Path, clock: VirtualClock) -> None:
    with closing(open_sqlite(path, clock=clock, busy_timeout=5, lease=30)) as other:
        for _ in range(20):
            large_jobs(store, 1)
            large_jobs(other, 1)
            assert store._database.log_size() < 7_000_000
    assert in_file(path) > 30_000_000


def test_a_producer_does_not_try_at_each_push_while_a_long_read_keeps_the_log(
    store: SqliteStore, path: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []
    monkeypatch.setattr(store._database, "checkpoint", lambda: tried.append(store._database.log_size()))
    large_jobs(store, 5)
    for _ in range(30):
        store.jobs.push([a_job()])
    assert len(tried) == 1
    clock.advance(1)
    store.jobs.push([a_job()])
    assert len(tried) == 2
    large_jobs(store, 11)
    assert len(tried) == 4


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

"""The write lock: who waits, for how long, and what they are told."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from nuvom._job import TaskDefaults
from nuvom.errors import StoreBusy, StoreError, StoreUnavailable
from nuvom.stores.registry import open_store
from nuvom.stores.sqlite.store import SqliteStore
from nuvom.stores.values import TaskRow
from nuvom.testing.conformance.examples import a_job, a_worker
from tests.stores.sqlite import processes

WRITER = """
with_lock = store()
for _ in range(40):
    with_lock.jobs.push([job()])
"""


def locker(path: Path) -> sqlite3.Connection:
    """Return a stranger's connection that holds the write lock."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")
    return connection


def test_eight_writers_at_once_lose_nothing_and_see_no_lock(path: Path) -> None:
    writers = [processes.start(WRITER, path) for _ in range(8)]
    for writer in writers:
        processes.finish(writer)
    with closing(open_store(f"sqlite:///{path}")) as store:
        assert store.jobs.counts()["queued"] == 8 * 40


def test_threads_of_one_store_write_without_errors(store: SqliteStore) -> None:
    threads = [
        threading.Thread(target=lambda: [store.jobs.push([a_job()]) for _ in range(25)], name=f"writer {n}")
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.jobs.counts()["queued"] == 200


def test_a_caller_of_a_locked_store_is_told_after_its_timeout(store: SqliteStore, path: Path) -> None:
    with closing(open_store(f"sqlite:///{path}", busy_timeout=0.2)) as caller, closing(locker(path)):
        began = time.monotonic()
        with pytest.raises(StoreBusy, match=r"nuvom\.db stayed locked for 0\.2 s .* repeat"):
            caller.jobs.push([a_job()])
        assert 0.15 < time.monotonic() - began < 2


def test_a_thread_that_waits_for_another_is_told_after_its_timeout(path: Path) -> None:
    with closing(open_store(f"sqlite:///{path}", busy_timeout=0.2)) as store:
        assert isinstance(store, SqliteStore)
        failed: list[Exception] = []

        def push() -> None:
            try:
                store.jobs.push([a_job()])
            except StoreBusy as error:
                failed.append(error)

        with store._database.write(durable=False):
            thread = threading.Thread(target=push)
            thread.start()
            thread.join()
        assert len(failed) == 1


def test_reads_go_on_while_another_writes(store: SqliteStore, path: Path) -> None:
    job = a_job()
    store.jobs.push([job])
    with closing(locker(path)):
        assert store.jobs.get(job.id) is not None


def test_a_service_waits_as_long_as_it_takes(store: SqliteStore, path: Path) -> None:
    job = a_job()
    with closing(open_store(f"sqlite:///{path}", busy_timeout=None)) as service:
        connection = locker(path)
        pushing = threading.Thread(target=service.jobs.push, args=([job],))
        pushing.start()
        pushing.join(0.3)
        assert pushing.is_alive()
        assert store.jobs.get(job.id) is None
        connection.close()
        pushing.join()
    assert store.jobs.get(job.id) is not None


def test_closing_a_store_ends_the_waits_in_it(store: SqliteStore, path: Path) -> None:
    service = open_store(f"sqlite:///{path}", busy_timeout=None)
    service.migrate()
    failed: list[Exception] = []

    def push() -> None:
        try:
            service.jobs.push([a_job()])
        except StoreUnavailable as error:
            failed.append(error)

    with closing(locker(path)):
        pushing = threading.Thread(target=push)
        pushing.start()
        pushing.join(0.1)
        service.close()
        pushing.join()
    assert "was closed" in str(failed[0])


def test_a_closed_store_says_so(store: SqliteStore) -> None:
    store.close()
    store.close()
    with pytest.raises(StoreUnavailable, match="was closed"):
        store.jobs.push([a_job()])
    with pytest.raises(StoreUnavailable, match="was closed"):
        store.jobs.has_ready(None)


def test_an_error_in_a_transaction_undoes_all_of_it(store: SqliteStore) -> None:
    known = a_worker(store)
    row: dict[str, Any] = {"canonical": "a", "defaults": TaskDefaults(), "signature": "()"}
    names = ["a", None]
    with pytest.raises(StoreError, match="NOT NULL"):
        store.workers.remember_tasks([TaskRow(name=cast("str", name), **row) for name in names])
    assert store.workers.tasks() == []
    assert store.workers.heartbeat([known]) == frozenset()


def test_what_breaks_a_rule_of_the_schema_is_an_error_of_the_store(store: SqliteStore) -> None:
    job = a_job()
    store.jobs.push([job])
    with pytest.raises(StoreError, match="CHECK constraint"), store._database.write(durable=False) as connection:
        connection.execute("UPDATE jobs SET state = 'running'")


@pytest.mark.parametrize(
    ("query", "expected"), [("", [2, 1]), ("?synchronous=full", [2, 2]), ("?synchronous=normal", [1, 1])]
)
def test_what_callers_were_promised_is_synced_and_the_rest_as_the_url_says(
    path: Path, query: str, expected: list[int]
) -> None:
    with closing(open_store(f"sqlite:///{path}{query}")) as store:
        assert isinstance(store, SqliteStore)
        levels = []
        for durable in (True, False):
            with store._database.write(durable=durable) as connection:
                levels += connection.execute("PRAGMA synchronous").fetchone()
        assert levels == expected

"""Rows that do not decode: each ends `failed` with a reason, and the rest goes on."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from nuvom._ids import raw
from nuvom._job import JobError, JobStatus
from nuvom.stores.registry import open_store
from nuvom.stores.sqlite.store import SqliteStore
from nuvom.stores.values import JobFilter, Order
from nuvom.testing.conformance.examples import a_job, a_worker, claimed, failed, ids, pushed, running, the

DAMAGE = {
    "task": "task = CAST(x'ff61' AS TEXT)",
    "key": "key = CAST(x'ff61' AS TEXT)",
    "schedule_name": "schedule_name = CAST(x'c328' AS TEXT)",
    "schedule_id": "schedule_id = x'01'",
    "metadata": "metadata = CAST('{' AS BLOB)",
    "metadata list": "metadata = CAST('[]' AS BLOB)",
    "options": "options = x'ff'",
    "run_at": "run_at = -9000000000000000000",
    "scheduled_for": "scheduled_for = 9000000000000000000",
}


def damage(path: Path, job_id: str, change: str) -> None:
    """Change a row behind the store's back."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"UPDATE jobs SET {change} WHERE id = ?", (raw(job_id),))
        connection.commit()


@pytest.mark.parametrize("change", DAMAGE.values(), ids=DAMAGE)
def test_a_row_that_does_not_decode_fails_and_its_neighbours_run(store: SqliteStore, path: Path, change: str) -> None:
    batch = [a_job() for _ in range(5)]
    store.jobs.push(batch)
    damage(path, batch[2].id, change)
    taken = claimed(store, a_worker(store))
    assert ids(taken) == [job.id for n, job in enumerate(batch) if n != 2]
    ended = the(store, batch[2].id)
    assert ended.status is JobStatus.FAILED
    assert ended.error is not None
    assert (ended.error.kind, "does not decode" in ended.error.message) == ("corrupt", True)
    assert [attempt.error for attempt in store.jobs.attempts(ended.id)] == [ended.error]


@pytest.mark.parametrize("change", DAMAGE.values(), ids=DAMAGE)
def test_a_row_that_does_not_decode_can_be_looked_at(store: SqliteStore, path: Path, change: str) -> None:
    batch = [a_job() for _ in range(3)]
    store.jobs.push(batch)
    damage(path, batch[1].id, change)
    assert ids(store.jobs.list(JobFilter(), 10)) == ids(batch)[::-1]
    assert the(store, batch[1].id).status is JobStatus.QUEUED
    assert sum(stats.ready for stats in store.jobs.queues()) == 3


@pytest.mark.parametrize("order", [Order.FAIR, Order.SUSPECT])
def test_no_order_stumbles_over_a_row_that_does_not_decode(store: SqliteStore, path: Path, order: Order) -> None:
    job = running(store) if order is Order.SUSPECT else a_job()
    if order is Order.SUSPECT:
        store.workers.release(the(store, job.id).worker or "", "killed")
    else:
        store.jobs.push([a_job(id=job.id)])
    damage(path, job.id, DAMAGE["task"])
    assert claimed(store, a_worker(store), order=order) == []
    assert the(store, job.id).status is JobStatus.FAILED


def test_a_job_held_by_a_row_that_does_not_decode_goes_on(store: SqliteStore, path: Path) -> None:
    broken, held = pushed(store, key="k"), pushed(store, key="k")
    damage(path, broken, DAMAGE["metadata"])
    worker = a_worker(store)
    assert claimed(store, worker) == []
    assert ids(claimed(store, worker)) == [held]


def test_an_error_that_does_not_decode_is_still_an_error(store: SqliteStore, path: Path) -> None:
    worker = a_worker(store)
    job = running(store, worker)
    store.jobs.finish(worker, [failed(job)])
    damage(path, job.id, "error = x'ff'")
    error = the(store, job.id).error
    assert error is not None
    assert error.kind == "corrupt"


def test_an_error_that_utf8_cannot_carry_is_kept_as_far_as_it_can(store: SqliteStore) -> None:
    worker = a_worker(store)
    job = running(store, worker)
    store.jobs.finish(worker, [failed(job, JobError("error", "ValueError", "bad \ud800 text"))])
    assert the(store, job.id).error == JobError("error", "ValueError", "bad ? text")


def test_the_doctor_finds_a_page_that_is_damaged_although_nothing_has_failed_yet(
    store: SqliteStore, path: Path
) -> None:
    job = a_job()
    store.jobs.push([job, *(a_job() for _ in range(200))])
    assert store.health().facts["integrity"] == "all pages are whole (PRAGMA quick_check)"
    store.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        [page] = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'jobs_claim'").fetchone()
        [size] = connection.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size + 12)  # where the page says where its cells are
        file.write(b"\xff" * 64)
    with closing(open_store(f"sqlite:///{path}")) as again:
        [danger] = again.health().dangers
        assert danger.startswith(f"{path} is damaged (")
        assert "restore a backup or run `sqlite3" in danger
        assert "\n" not in danger
        assert again.jobs.get(job.id) is not None


class Alarm(threading.Timer):
    """One that has gone off before the file is looked at, as often as it takes."""

    def start(self) -> None:
        self.interval = 0.0
        super().start()

    def run(self) -> None:
        while not self.finished.is_set():
            self.function()


def test_a_file_that_is_too_large_to_be_looked_at_in_time_is_no_damaged_one(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.jobs.push([a_job(arguments=b'["' + b"x" * 5_000 + b'",{}]') for _ in range(1_000)])
    monkeypatch.setattr("nuvom.stores.sqlite.health.threading.Timer", Alarm)
    health = store.health()
    assert health.facts["integrity"].startswith("not looked at: it takes longer")
    assert health.dangers == ()
    assert store.jobs.queues()[0].ready == 1_000

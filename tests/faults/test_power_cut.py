"""A power cut: the file as it was synced, with any part of the log behind that, opens and lacks nothing accepted.

Without a checkpoint the log only grows, and a commit of a connection with `synchronous=FULL` syncs it to its end: its
size when a call returns is what a power cut must leave of it at least. What comes behind may be gone, torn, or there.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from nuvom._job import JobStatus, Outcome, Verdict
from nuvom._schedule import ScheduleEnvelope, ScheduleState
from nuvom.scheduler.service import SchedulerService
from nuvom.stores.registry import open_store
from nuvom.stores.sqlite.database import Database
from nuvom.stores.sqlite.store import SqliteStore
from nuvom.stores.values import JobFilter, Order
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import a_job, a_worker, claimed, planned
from tests.faults import invariants
from tests.scheduler.examples import NOON, interval, one_off, seconds

HEADER, FRAME = 32, 24 + 4096  # bytes (https://www.sqlite.org/fileformat2.html#the_write_ahead_log)


class Life:
    """A store in use, and what was accepted at which size of its log."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "jobs.db"
        self.clock = VirtualClock(NOON)
        store = open_store(f"sqlite:///{self.file}", clock=self.clock)
        assert isinstance(store, SqliteStore)
        self.store = store
        self.log = Path(f"{self.file}-wal")
        self.pushed: list[tuple[int, str]] = []
        self.promised: list[tuple[int, str]] = []
        self.cancelled: list[tuple[int, str]] = []

    def size(self) -> int:
        return self.log.stat().st_size

    def live(self, rounds: int) -> None:
        """Push, schedule, dispatch, claim, finish and cancel, so that durable commits lie between others."""
        worker = a_worker(self.store)
        service = SchedulerService(self.store, clock=self.clock)
        for number in range(rounds):
            for _ in range(3):
                (pushed,) = self.store.jobs.push([a_job()])
                self.pushed.append((self.size(), pushed.id))
            once = one_off(NOON + seconds(number + 2), name=f"once{number}")
            often = interval(1.0, NOON + seconds(number + 1), name=f"often{number}")
            for wanted in (once, often):
                stored = self.store.schedules.upsert(wanted).envelope
                self.promised.append((self.size(), stored.id))
            if number % 3 == 2:
                assert self.store.schedules.cancel(stored.id)
                self.cancelled.append((self.size(), stored.id))
            self.clock.advance(1)
            service.step()
            jobs = claimed(self.store, worker, limit=4)
            self.store.jobs.finish(worker, [Outcome(job, Verdict.SUCCEEDED, b"1") for job in jobs])


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    made = Life(tmp_path)
    made.store.migrate()
    yield made
    made.store.close()


def test_a_log_cut_at_any_frame_opens_with_all_that_was_accepted_by_then_and_no_half_dispatch(
    life: Life, tmp_path: Path
) -> None:
    life.live(5)
    whole = life.log.read_bytes()
    frames = (len(whole) - HEADER) // FRAME
    assert (len(whole) - HEADER) % FRAME == 0
    assert frames > 100
    for frame in range(frames + 1):
        end = HEADER + frame * FRAME
        after(life, tmp_path / "cut", whole[:end], end)


def test_a_log_torn_in_the_middle_of_a_frame_loses_only_what_was_not_accepted(life: Life, tmp_path: Path) -> None:
    life.live(4)
    whole = life.log.read_bytes()
    for end, _ in life.pushed:
        torn = whole[:end] + whole[end : end + 1000] + bytes(3000)
        after(life, tmp_path / "cut", torn, end)


def test_what_was_moved_into_the_file_stays_whatever_becomes_of_the_log(life: Life, tmp_path: Path) -> None:
    life.live(3)
    with closing(open_store(f"sqlite:///{life.file}", clock=life.clock)) as other:
        assert isinstance(other, SqliteStore)
        other._database.checkpoint()
    after(life, tmp_path / "cut", b"", life.size())


def after(life: Life, folder: Path, log: bytes, end: int) -> None:
    """Open what a power cut left, and look for all that was accepted while the log had at most `end` bytes."""
    folder.mkdir(exist_ok=True)
    for left in folder.iterdir():
        left.unlink()
    file = folder / "jobs.db"
    shutil.copyfile(life.file, file)
    Path(f"{file}-wal").write_bytes(log)
    with closing(open_store(f"sqlite:///{file}", clock=life.clock)) as store:
        store.migrate()
        there = {job.id for job in store.jobs.list(JobFilter(), 1000)}
        assert {job for size, job in life.pushed if size <= end} <= there
        for size, schedule in life.promised:
            if size <= end:
                assert store.schedules.get(schedule) or store.ledger.fence(schedule)
        for size, schedule in life.cancelled:
            if size <= end:
                assert store.schedules.get(schedule) is None
    invariants.check(file)


def test_after_a_power_cut_what_was_running_is_run_again_and_counts_on(life: Life, tmp_path: Path) -> None:
    (pushed,) = life.store.jobs.push([a_job()])
    synced = life.size()
    worker = a_worker(life.store)
    (job,) = claimed(life.store, worker)
    life.store.jobs.finish(worker, [Outcome(job, Verdict.SUCCEEDED, b"1")])
    after(life, tmp_path / "cut", life.log.read_bytes()[:synced], synced)
    with closing(open_store(f"sqlite:///{tmp_path / 'cut' / 'jobs.db'}", clock=life.clock)) as store:
        again = a_worker(store)
        (job,) = claimed(store, again)
        assert (job.id, job.attempt) == (pushed.id, 1)
        assert store.jobs.finish(again, [Outcome(job, Verdict.SUCCEEDED, b"2")]) == []
        assert store.jobs.counts()[JobStatus.SUCCEEDED] == 1


# What a caller was told is accepted, each as a call on a store that has a worker, a job and a schedule.
ACCEPTED: dict[str, Callable[[SqliteStore], object]] = {
    "push": lambda store: store.jobs.push([a_job()]),
    "cancel of a job": lambda store: store.jobs.cancel(a_push(store)),
    "retry": lambda store: store.jobs.retry(a_failure(store)),
    "upsert": lambda store: store.schedules.upsert(interval(name="new")),
    "enqueue": lambda store: store.schedules.enqueue(interval(name="new")),
    "update": lambda store: store.schedules.update(replace(a_schedule(store), state=ScheduleState.PAUSED)),
    "cancel of a schedule": lambda store: store.schedules.cancel(a_schedule(store).id),
    "fence": lambda store: store.ledger.raise_fence(interval(name="new"), None),
    "delivery, which another store's advance follows": lambda store: store.ledger.deliver(
        [planned(interval(name="new"), NOON)]
    ),
    "definition of a fence elsewhere": lambda store: store.schedules.follow([interval(name="new")]),
    "claim of a job that may run once": lambda store: (
        claimed(store, a_worker(store), order=Order.BEST) if store.jobs.push([a_job(max_crashes=0)]) else None
    ),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_was_accepted_is_on_a_connection_that_syncs_each_commit(
    life: Life, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_push(life.store)
    a_schedule(life.store)
    levels: list[int] = []
    commit = Database._commit

    def committed(database: Database, connection: sqlite3.Connection) -> None:
        levels.extend(connection.execute("PRAGMA synchronous").fetchone())
        commit(database, connection)

    monkeypatch.setattr(Database, "_commit", committed)
    ACCEPTED[name](life.store)
    assert levels[-1] == 2


def a_push(store: SqliteStore) -> str:
    return store.jobs.push([a_job()])[0].id


def a_failure(store: SqliteStore) -> str:
    job = a_push(store)
    store.jobs.cancel(job)
    return job


def a_schedule(store: SqliteStore) -> ScheduleEnvelope:
    return store.schedules.upsert(interval(name="kept")).envelope

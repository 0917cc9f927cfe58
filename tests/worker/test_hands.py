"""Threads that share short jobs: one runs a batch, and nobody waits behind a job that turns out to be slow."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from time import monotonic

import pytest

from nuvom._app import Nuvom
from nuvom._job import ClaimedJob
from nuvom._task import Definition, Task
from nuvom.worker.execution import Prepared, World
from nuvom.worker.hands import Pool
from nuvom.worker.lanes import Work
from tests.waiting import until

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
APP = Nuvom("memory://")


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool(3, World(lambda: NOW, lambda: 0.5), lambda: None)
    yield pool
    assert pool.close(5.0)


def work(function: Callable[[], object], number: int) -> Work:
    job = ClaimedJob(
        ref=number, id=f"job {number}", task="task", arguments=b"[[],{}]", queue="default", priority=0, run_at=NOW,
        started_at=NOW, created_at=NOW, attempt=1, errors=0, crashes=0, max_crashes=3, defers=0, suspect=False,
    )  # fmt: skip
    return job, Prepared.of(Task(APP, function, "task", Definition())), monotonic()


def ended(pool: Pool, count: int) -> list[int | str]:
    refs: list[int | str] = []

    def enough() -> bool:
        refs.extend(outcome.job.ref for outcome, _ in pool.collect(is_async=False))
        return len(refs) >= count

    until(enough, timeout=5.0, every=0.002)
    return refs


def test_one_thread_runs_a_batch_of_short_jobs_in_order(pool: Pool) -> None:
    threads = set[str]()
    pool.give([work(lambda: threads.add(threading.current_thread().name), number) for number in range(200)], short=True)
    assert ended(pool, 200) == list(range(200))
    assert len(threads) == 1


def test_nobody_waits_behind_short_jobs_that_turn_out_to_block(pool: Pool) -> None:
    release = threading.Event()
    pool.give([work(release.wait, 0), work(release.wait, 1), work(lambda: None, 2), work(lambda: None, 3)], short=True)
    try:
        assert ended(pool, 2) == [2, 3]
        assert pool.waiting() == 0
    finally:
        release.set()
    assert sorted(map(str, ended(pool, 2))) == ["0", "1"]


def test_jobs_behind_blocked_threads_can_be_taken_back(pool: Pool) -> None:
    release = threading.Event()
    pool.give([work(release.wait, number) for number in range(5)], short=False)
    try:
        until(lambda: pool.waiting() == 2, timeout=5.0)
        assert [job.ref for job in pool.take_back(monotonic() - 60)] == []
        assert [job.ref for job in pool.take_back(float("inf"))] == [3, 4]
    finally:
        release.set()
    assert sorted(map(str, ended(pool, 3))) == ["0", "1", "2"]
    assert pool.load(is_async=False) == 0

"""`JobStore.ended`: many jobs are waited for at once, and each that ends is told once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing

import pytest

from nuvom._job import JobStatus
from nuvom.stores.base import Store
from nuvom.testing.conformance.examples import NO_ID, a_job, a_worker, claimed, failed, pushed, running, succeeded
from nuvom.testing.conformance.listening import LONG, PROMPT

MANY = 1_500  # more than a store is given at once


def told(store: Store, job_ids: Sequence[str], timeout: float | None) -> list[tuple[str, JobStatus | None]]:
    """Wait for all of them, and return what was told, in its order."""
    return [(job_id, status) for batch in store.jobs.ended(job_ids, timeout) for job_id, status in batch.items()]


def waiting_for(
    pool: ThreadPoolExecutor, store: Store, job_ids: Sequence[str]
) -> Future[list[tuple[str, JobStatus | None]]]:
    """Start to wait for all of them, and give the wait the time to begin."""
    future = pool.submit(told, store, job_ids, LONG)
    time.sleep(0.02)  # either order must work; this makes the usual one likely
    return future


def test_what_is_final_already_is_told_at_once_and_the_rest_as_it_ends(store: Store) -> None:
    worker = a_worker(store)
    first, second, third = (running(store, worker) for _ in range(3))
    store.jobs.finish(worker, [succeeded(second)])
    with ThreadPoolExecutor() as pool:
        wait = waiting_for(pool, store, [first.id, second.id, third.id])
        store.jobs.finish(worker, [failed(third)])
        time.sleep(0.05)
        assert not wait.done()
        store.jobs.finish(worker, [succeeded(first)])
        assert wait.result(PROMPT) == [
            (second.id, JobStatus.SUCCEEDED), (third.id, JobStatus.FAILED), (first.id, JobStatus.SUCCEEDED),
        ]  # fmt: skip


def test_a_cancel_and_a_lost_process_end_a_wait_for_many(store: Store) -> None:
    worker = a_worker(store)
    lost, waits = running(store, worker, max_crashes=0), pushed(store)
    with ThreadPoolExecutor() as pool:
        wait = waiting_for(pool, store, [lost.id, waits])
        store.jobs.cancel(waits)
        store.workers.release(worker, "killed")
        assert dict(wait.result(PROMPT)) == {waits: JobStatus.CANCELLED, lost.id: JobStatus.FAILED}


def test_the_end_of_each_of_many_jobs_is_told_once(store: Store) -> None:
    worker = a_worker(store)
    jobs = [a_job() for _ in range(MANY)]
    for start in range(0, MANY, 500):
        store.jobs.push(jobs[start : start + 500])
    with ThreadPoolExecutor() as pool:
        wait = waiting_for(pool, store, [job.id for job in jobs])
        while taken := claimed(store, worker, 100):
            store.jobs.finish(worker, [succeeded(job) for job in taken])
        ended = wait.result(LONG)
    assert (len(ended), {status for _, status in ended}) == (MANY, {JobStatus.SUCCEEDED})
    assert {job_id for job_id, _ in ended} == {job.id for job in jobs}


@pytest.mark.parametrize("timeout", [0, 0.05])
def test_a_wait_for_many_ends_with_its_time(store: Store, timeout: float) -> None:
    worker = a_worker(store)
    job, other = running(store, worker), pushed(store)
    store.jobs.finish(worker, [succeeded(job)])
    assert told(store, [job.id, other], timeout) == [(job.id, JobStatus.SUCCEEDED)]


@pytest.mark.parametrize("unknown", [NO_ID, "nonsense", ""])
def test_what_is_not_there_is_told_as_nothing(store: Store, unknown: str) -> None:
    job_id = pushed(store)
    store.jobs.cancel(job_id)
    assert dict(told(store, [unknown, job_id], LONG)) == {unknown: None, job_id: JobStatus.CANCELLED}


def test_a_wait_for_nothing_ends_at_once(store: Store) -> None:
    assert told(store, [], None) == []


def test_a_wait_for_many_that_is_closed_leaves_the_store_as_it_was(store: Store) -> None:
    worker = a_worker(store)
    job, other = running(store, worker), running(store, worker)
    with closing(store.jobs.ended([job.id, other.id], LONG)) as batches:
        assert next(batches) == {}
        assert next(batches) == {}
        store.jobs.finish(worker, [succeeded(job)])
        assert next(filter(None, batches)) == {job.id: JobStatus.SUCCEEDED}
    store.jobs.finish(worker, [succeeded(other)])
    assert claimed(store, worker) == []

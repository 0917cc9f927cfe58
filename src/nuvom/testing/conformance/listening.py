"""`Store.listener` and `JobStore.wait_final`: whoever sleeps is woken, and a wake-up before the sleep counts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest

from nuvom._job import Job, JobStatus
from nuvom.stores.base import Listener, Store
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import (
    SECOND,
    a_job,
    a_worker,
    claimed,
    daily,
    failed,
    pushed,
    running,
    stored,
    succeeded,
)

LONG = 20.0  # seconds that no test waits for when all is well
PROMPT = 5.0  # seconds within which a wake-up must have come, on the slowest machine


@contextmanager
def listening(store: Store, kind: str) -> Iterator[Listener]:
    """Open an ear, tell others where it is, and let it hear of that."""
    with closing(store.listener(kind)) as listener:
        a_worker(store, kind=kind, address=listener.address)
        quiet(listener)
        yield listener


def quiet(listener: Listener) -> None:
    """Wait until nothing is left to hear."""
    assert any(not listener.wait(0.3) for _ in range(20)), "the listener hears things that nobody does"


def heard(listener: Listener, action: Callable[[], object]) -> None:
    """Check that an action ends the wait, whether it happens before or during it."""
    action()
    began = time.monotonic()
    assert listener.wait(LONG)
    assert time.monotonic() - began < PROMPT


def test_a_worker_hears_of_a_push_before_it_sleeps(store: Store) -> None:
    with listening(store, "worker") as listener:
        heard(listener, lambda: pushed(store))


def test_a_worker_hears_of_a_push_while_it_sleeps(store: Store) -> None:
    with listening(store, "worker") as listener, ThreadPoolExecutor() as pool:
        sleeping = pool.submit(listener.wait, LONG)
        pushed(store)
        assert sleeping.result(PROMPT)


def test_every_worker_hears_of_a_push(store: Store) -> None:
    with listening(store, "worker") as first, listening(store, "worker") as second:
        quiet(first)
        pushed(store)
        assert first.wait(LONG)
        assert second.wait(LONG)


def test_a_scheduler_hears_of_changed_schedules(store: Store, clock: VirtualClock) -> None:
    with listening(store, "scheduler") as listener:
        envelope = daily(clock.now())
        heard(listener, lambda: stored(store, envelope))
        quiet(listener)
        heard(listener, lambda: store.schedules.enqueue(daily(clock.now())))


def test_a_worker_hears_of_jobs_that_a_dispatch_made(store: Store, clock: VirtualClock) -> None:
    from nuvom.testing.conformance.examples import planned

    envelope = stored(store, daily(clock.now()))
    with listening(store, "worker") as listener:
        heard(listener, lambda: store.schedules.apply([planned(envelope, None)]))


@pytest.mark.parametrize("kind", ["worker", "scheduler"])
def test_wake_ends_the_wait_from_another_thread(store: Store, kind: str) -> None:
    with listening(store, kind) as listener, ThreadPoolExecutor() as pool:
        sleeping = pool.submit(listener.wait, LONG)
        listener.wake()
        assert sleeping.result(PROMPT)
        quiet(listener)
        heard(listener, listener.wake)


def test_a_wait_ends_with_its_time(store: Store) -> None:
    with listening(store, "worker") as listener:
        began = time.monotonic()
        assert not listener.wait(0.05)
        assert 0.04 < time.monotonic() - began < PROMPT


def test_a_final_job_is_not_waited_for(store: Store) -> None:
    worker = a_worker(store)
    job = running(store, worker)
    store.jobs.finish(worker, [succeeded(job)])
    ended = store.jobs.wait_final(job.id, LONG)
    assert ended is not None
    assert ended.status is JobStatus.SUCCEEDED


@pytest.mark.parametrize("timeout", [0, 0.05])
def test_a_job_that_is_not_final_in_time_is_returned_as_it_is(store: Store, timeout: float) -> None:
    job = store.jobs.wait_final(pushed(store), timeout)
    assert job is not None
    assert job.status is JobStatus.QUEUED


def waiting(pool: ThreadPoolExecutor, store: Store, job_id: str, timeout: float | None) -> Future[Job | None]:
    """Start waiting for a job, and give the wait the time to begin."""
    future = pool.submit(store.jobs.wait_final, job_id, timeout)
    time.sleep(0.02)  # either order must work; this makes the usual one likely
    return future


@pytest.mark.parametrize("timeout", [LONG, None])
def test_the_end_of_a_job_wakes_all_who_wait_for_it(store: Store, timeout: float | None) -> None:
    worker = a_worker(store)
    job, other = running(store, worker), running(store, worker)
    with ThreadPoolExecutor() as pool:
        waits = [waiting(pool, store, job.id, timeout) for _ in range(3)]
        store.jobs.finish(worker, [failed(other)])
        assert not any(wait.done() for wait in waits)
        store.jobs.finish(worker, [succeeded(job, b"7")])
        for wait in waits:
            ended = wait.result(PROMPT)
            assert ended is not None
            assert (ended.status, ended.value) == (JobStatus.SUCCEEDED, b"7")


def test_a_cancel_wakes_those_who_wait(store: Store, clock: VirtualClock) -> None:
    job_id = pushed(store, run_at=clock.now() + SECOND)
    with ThreadPoolExecutor() as pool:
        wait = waiting(pool, store, job_id, LONG)
        store.jobs.cancel(job_id)
        ended = wait.result(PROMPT)
        assert ended is not None
        assert ended.status is JobStatus.CANCELLED


def test_a_failure_at_release_wakes_those_who_wait(store: Store) -> None:
    worker = a_worker(store)
    job = running(store, worker, max_crashes=0)
    with ThreadPoolExecutor() as pool:
        wait = waiting(pool, store, job.id, LONG)
        store.workers.release(worker, "killed")
        ended = wait.result(PROMPT)
        assert ended is not None
        assert ended.status is JobStatus.FAILED


def test_many_results_are_waited_for_at_once(store: Store) -> None:
    worker = a_worker(store)
    store.jobs.push([a_job() for _ in range(8)])
    jobs = claimed(store, worker)
    with ThreadPoolExecutor() as pool:
        waits = [waiting(pool, store, job.id, LONG) for job in jobs]
        store.jobs.finish(worker, [succeeded(job, job.id.encode().join([b'"', b'"'])) for job in jobs])
        ended = [wait.result(PROMPT) for wait in waits]
    assert [job and job.id for job in ended] == [job.id for job in jobs]

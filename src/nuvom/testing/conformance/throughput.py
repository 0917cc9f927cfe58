"""`JobStore.throughput`: what ended lately is counted once, for its queue."""

from __future__ import annotations

from nuvom._job import Outcome, Verdict
from nuvom.stores.base import Store
from nuvom.stores.values import Throughput
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import (
    HOUR,
    MINUTE,
    SECOND,
    a_worker,
    deferred,
    failed,
    pushed,
    put_back,
    retried,
    running,
    succeeded,
)


def test_what_succeeded_and_what_failed_is_counted_for_its_queue(store: Store) -> None:
    worker = a_worker(store)
    ended = [
        succeeded(running(store, worker)),
        succeeded(running(store, worker)),
        failed(running(store, worker)),
        succeeded(running(store, worker, queue="other")),
    ]
    assert store.jobs.throughput() == []
    store.jobs.finish(worker, ended)
    assert store.jobs.throughput() == [Throughput("default", 2, 1, 2, 1), Throughput("other", 1, 0, 1, 0)]


def test_what_goes_on_or_never_ran_is_not_counted(store: Store, clock: VirtualClock) -> None:
    worker = a_worker(store)
    store.jobs.cancel(pushed(store))
    pushed(store, expires_at=clock.now() + SECOND)
    clock.advance(2)
    store.jobs.promote(10)
    jobs = [running(store, worker) for _ in range(4)]
    later = clock.now() + MINUTE
    cancelled = Outcome(jobs[3], Verdict.CANCELLED)
    store.jobs.finish(worker, [retried(jobs[0], later), deferred(jobs[1], later), put_back(jobs[2]), cancelled])
    assert store.jobs.throughput() == []


def test_an_outcome_that_is_refused_is_not_counted(store: Store) -> None:
    worker = a_worker(store)
    job, other = running(store, worker), running(store, worker)
    store.jobs.finish(worker, [succeeded(job)])
    store.jobs.finish(worker, [succeeded(job), failed(other)])
    assert store.jobs.throughput() == [Throughput("default", 1, 1, 1, 1)]


def test_a_job_that_is_lost_for_good_counts_as_failed(store: Store) -> None:
    worker = a_worker(store)
    running(store, worker, max_crashes=0)
    running(store, worker)
    store.workers.release(worker, "killed")
    assert store.jobs.throughput() == [Throughput("default", 0, 1, 0, 1)]


def test_what_ended_is_counted_for_a_minute_and_for_an_hour(store: Store, clock: VirtualClock) -> None:
    worker = a_worker(store)
    store.jobs.finish(worker, [succeeded(running(store, worker))])
    clock.advance(45 * SECOND)
    assert store.jobs.throughput() == [Throughput("default", 1, 0, 1, 0)]
    clock.advance(20 * SECOND)
    worker = a_worker(store)
    store.jobs.finish(worker, [failed(running(store, worker))])
    assert store.jobs.throughput() == [Throughput("default", 0, 1, 1, 1)]
    clock.advance(MINUTE + 10 * SECOND)
    assert store.jobs.throughput() == [Throughput("default", 0, 0, 1, 1)]
    clock.advance(HOUR)
    assert store.jobs.throughput() == []

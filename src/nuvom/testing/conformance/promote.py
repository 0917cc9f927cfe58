"""`JobStore.promote` and `next_wakeup`: delayed jobs become ready when they are due, and not before."""

from __future__ import annotations

import random

import pytest

from nuvom._job import JobState
from nuvom.stores.base import Store
from nuvom.stores.values import Wakeup
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import (
    HOUR,
    SECOND,
    a_job,
    a_worker,
    claimed,
    ids,
    pushed,
    running,
    the,
)
from nuvom.testing.conformance.harness import Harness


def test_due_delayed_jobs_become_ready_and_others_stay(store: Store, clock: VirtualClock) -> None:
    jobs = [pushed(store, run_at=clock.now() + n * SECOND) for n in (1, 2, 3)]
    clock.advance(2)
    assert store.jobs.promote(10) == 2
    assert [the(store, job_id).state.value for job_id in jobs] == ["ready", "ready", "delayed"]
    assert store.jobs.promote(10) == 0


def test_promotion_takes_the_oldest_first_up_to_its_limit(store: Store, clock: VirtualClock) -> None:
    moments = [clock.now() + n * SECOND for n in range(1, 11)]
    jobs = [a_job(run_at=at) for at in moments]
    store.jobs.push(random.Random(7).sample(jobs, len(jobs)))
    clock.advance(100)
    worker = a_worker(store)
    for start in (0, 4, 8):
        assert store.jobs.promote(4) == len(jobs[start : start + 4])
        assert ids(claimed(store, worker)) == ids(jobs[start : start + 4])


def test_promotion_moves_no_run_at(store: Store, clock: VirtualClock) -> None:
    at = clock.now() + SECOND
    job_id = pushed(store, run_at=at)
    clock.advance(60)
    store.jobs.promote(1)
    assert (the(store, job_id).state, the(store, job_id).run_at) == (JobState.READY, at)


def test_promotion_of_the_largest_batch(store: Store, clock: VirtualClock) -> None:
    store.jobs.push([a_job(run_at=clock.now() + SECOND) for _ in range(1_000)])
    clock.advance(1)
    assert [store.jobs.promote(1_000), store.jobs.promote(1_000)] == [1_000, 0]


def test_nothing_to_wait_for_is_never(store: Store) -> None:
    pushed(store)
    assert store.jobs.next_wakeup() == Wakeup(None, None)


def test_the_next_wakeup_is_the_earliest_delayed_job(store: Store, clock: VirtualClock) -> None:
    pushed(store, run_at=clock.now() + HOUR)
    pushed(store, run_at=clock.now() + 5 * SECOND)
    assert store.jobs.next_wakeup().delayed == pytest.approx(5, abs=1e-5)
    clock.advance(2)
    assert store.jobs.next_wakeup().delayed == pytest.approx(3, abs=1e-5)


def test_a_job_that_is_overdue_is_a_wakeup_now(store: Store, clock: VirtualClock) -> None:
    pushed(store, run_at=clock.now() + SECOND)
    clock.advance(10)
    delayed = store.jobs.next_wakeup().delayed
    assert delayed is not None
    assert delayed <= 0


def test_a_sleep_until_the_wakeup_is_long_enough(store: Store, clock: VirtualClock) -> None:
    pushed(store, run_at=clock.now() + SECOND / 3)
    delayed = store.jobs.next_wakeup().delayed
    assert delayed is not None
    clock.advance(delayed)
    assert store.jobs.promote(1) == 1


def test_the_next_wakeup_is_the_earliest_end_of_a_live_lease(
    store: Store, clock: VirtualClock, harness: Harness
) -> None:
    running(store)
    clock.advance(1)
    running(store)
    assert store.jobs.next_wakeup().lease == pytest.approx(harness.lease - 1, abs=1e-5)


def test_a_heartbeat_moves_the_wakeup_of_its_lease(store: Store, clock: VirtualClock, harness: Harness) -> None:
    worker = a_worker(store)
    running(store, worker)
    clock.advance(harness.lease / 2)
    store.workers.heartbeat([worker])
    assert store.jobs.next_wakeup().lease == pytest.approx(harness.lease, abs=1e-5)

"""Jobs that give up: never started in time they end `expired`; once started they run to their end."""

from __future__ import annotations

import pytest

from nuvom._job import JobStatus
from nuvom.stores.base import Store
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import (
    MINUTE,
    SECOND,
    a_worker,
    claimed,
    ids,
    pushed,
    retried,
    running,
    succeeded,
    the,
)


def test_a_job_that_was_not_started_in_time_is_never_claimed(store: Store, clock: VirtualClock) -> None:
    late = pushed(store, expires_at=clock.now() + MINUTE)
    other = pushed(store)
    clock.advance(MINUTE)
    assert ids(claimed(store, a_worker(store))) == [other]
    store.jobs.promote(10)
    job = the(store, late)
    assert (job.status, job.finished_at, job.attempt) == (JobStatus.EXPIRED, clock.now(), 0)


def test_what_gave_up_in_one_queue_does_not_hide_another_queue(store: Store, clock: VirtualClock) -> None:
    pushed(store, queue="a", expires_at=clock.now() + MINUTE)
    other = pushed(store, queue="b")
    clock.advance(MINUTE)
    assert ids(claimed(store, a_worker(store), 1)) == [other], "fewer are wanted than there are queues"


def test_a_job_is_claimed_up_to_its_last_moment(store: Store, clock: VirtualClock) -> None:
    job_id = pushed(store, expires_at=clock.now() + MINUTE)
    clock.advance(MINUTE - SECOND)
    assert ids(claimed(store, a_worker(store))) == [job_id]


def test_a_promotion_leaves_jobs_that_have_time(store: Store, clock: VirtualClock) -> None:
    job_id = pushed(store, expires_at=clock.now() + MINUTE)
    clock.advance(MINUTE - SECOND)
    assert store.jobs.promote(10) == 0
    assert the(store, job_id).state.value == "ready"


def test_a_retry_is_not_stopped(store: Store, clock: VirtualClock) -> None:
    worker = a_worker(store)
    job = running(store, worker, expires_at=clock.now() + MINUTE)
    store.jobs.finish(worker, [retried(job, clock.now() + 2 * MINUTE)])
    clock.advance(3 * MINUTE)
    store.jobs.promote(10)
    [again] = claimed(store, a_worker(store))
    assert (again.id, again.attempt) == (job.id, 2)


def test_the_store_says_when_the_next_job_gives_up(store: Store, clock: VirtualClock) -> None:
    pushed(store, expires_at=clock.now() + MINUTE)
    assert store.jobs.next_wakeup().delayed == pytest.approx(60)
    clock.advance(MINUTE)
    assert store.jobs.promote(10) == 0
    assert store.jobs.next_wakeup().delayed is None


@pytest.mark.parametrize("state", ["delayed", "held"])
def test_what_waits_gives_up_too(store: Store, clock: VirtualClock, state: str) -> None:
    pushed(store, key="k")
    said = {"run_at": clock.now() + 5 * MINUTE} if state == "delayed" else {"key": "k"}
    job_id = pushed(store, expires_at=clock.now() + MINUTE, **said)
    assert the(store, job_id).state.value == state
    clock.advance(MINUTE)
    store.jobs.promote(10)
    assert the(store, job_id).status is JobStatus.EXPIRED


def test_a_job_that_gives_up_releases_the_next_of_its_key(store: Store, clock: VirtualClock) -> None:
    pushed(store, key="k", expires_at=clock.now() + MINUTE)
    held = pushed(store, key="k")
    clock.advance(MINUTE)
    store.jobs.promote(10)
    assert ids(claimed(store, a_worker(store))) == [held]


def test_an_expired_job_can_be_retried_and_does_not_give_up_again(store: Store, clock: VirtualClock) -> None:
    job_id = pushed(store, expires_at=clock.now() + MINUTE)
    clock.advance(MINUTE)
    store.jobs.promote(10)
    assert store.jobs.retry(job_id) is True
    worker = a_worker(store)
    [job] = claimed(store, worker)
    assert store.jobs.finish(worker, [succeeded(job)]) == []

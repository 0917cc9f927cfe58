"""Jobs with a key: at most one is not held, and whoever ends the holder releases the oldest of the others."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nuvom._job import ClaimedJob, JobState, Outcome, Verdict
from nuvom.stores.base import Store
from nuvom.stores.values import CancelAnswer
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import (
    BOOM,
    HOUR,
    MINUTE,
    SECOND,
    a_job,
    a_worker,
    claimed,
    failed,
    ids,
    lose,
    lose_alone,
    pushed,
    running,
    succeeded,
    the,
)
from nuvom.testing.conformance.harness import Harness


def states(store: Store, *job_ids: str) -> list[str]:
    """Return the stored states, in order."""
    return [the(store, job_id).state.value for job_id in job_ids]


def test_a_job_whose_key_has_an_open_job_is_held(store: Store, clock: VirtualClock) -> None:
    first, second, other = pushed(store, key="a"), pushed(store, key="a"), pushed(store, key="b")
    assert states(store, first, second, other) == ["ready", "held", "ready"]


def test_a_delayed_job_holds_its_key(store: Store, clock: VirtualClock) -> None:
    first = pushed(store, key="a", run_at=clock.now() + HOUR)
    assert states(store, first, pushed(store, key="a")) == ["delayed", "held"]


def test_jobs_of_one_key_in_one_batch_are_held_behind_the_first(store: Store) -> None:
    batch = [a_job(key="a") for _ in range(3)]
    store.jobs.push(batch)
    assert states(store, *ids(batch)) == ["ready", "held", "held"]


def test_a_key_whose_jobs_are_final_is_free(store: Store) -> None:
    worker = a_worker(store)
    store.jobs.finish(worker, [succeeded(running(store, worker, key="a"))])
    assert states(store, pushed(store, key="a")) == ["ready"]


def test_a_held_job_is_never_claimed_nor_promoted(store: Store, clock: VirtualClock) -> None:
    first, second = pushed(store, key="a"), pushed(store, key="a")
    clock.advance(HOUR)
    assert store.jobs.promote(10) == 0
    assert ids(claimed(store, a_worker(store))) == [first]
    assert states(store, second) == ["held"]


@pytest.mark.parametrize("ending", [succeeded, failed])
def test_the_end_of_the_holder_releases_the_oldest_held(store: Store, ending: Callable[[ClaimedJob], Outcome]) -> None:
    worker = a_worker(store)
    holder = running(store, worker, key="a")
    held = [pushed(store, key="a", priority=p) for p in (0, 9, 5)]
    assert store.jobs.finish(worker, [ending(holder)]) == []
    assert states(store, *held) == ["ready", "held", "held"]


def test_held_jobs_run_one_after_the_other_in_the_order_of_their_pushes(store: Store) -> None:
    batch = [a_job(key="a") for _ in range(5)]
    store.jobs.push(batch)
    worker = a_worker(store)
    order = []
    while taken := claimed(store, worker):
        [job] = taken
        order.append(job.id)
        store.jobs.finish(worker, [succeeded(job)])
    assert order == ids(batch)


def test_one_batch_of_outcomes_releases_one_job_of_each_key(store: Store) -> None:
    worker = a_worker(store)
    store.jobs.push([a_job(key=key) for key in "abc"])
    held = [a_job(key=key) for key in "aabbcc"]
    store.jobs.push(held)
    store.jobs.finish(worker, [succeeded(job) for job in claimed(store, worker)])
    assert states(store, *ids(held)) == ["ready", "held"] * 3


def test_a_holder_that_goes_on_releases_nobody(store: Store, clock: VirtualClock) -> None:
    worker = a_worker(store)
    holder = running(store, worker, key="a")
    held = pushed(store, key="a")
    for verdict in (Verdict.RETRY, Verdict.DEFER, Verdict.PUT_BACK):
        outcome = Outcome(holder, verdict, error=BOOM, run_at=clock.now() + 5 * SECOND)
        assert store.jobs.finish(worker, [outcome]) == []
        assert states(store, held) == ["held"]
        clock.advance(5)
        store.jobs.promote(10)
        [holder] = claimed(store, worker)


def test_a_held_job_that_is_released_before_it_is_due_is_delayed(store: Store, clock: VirtualClock) -> None:
    worker = a_worker(store)
    holder = running(store, worker, key="a")
    held = pushed(store, key="a", run_at=clock.now() + MINUTE)
    assert states(store, held) == ["held"]
    store.jobs.finish(worker, [succeeded(holder)])
    assert states(store, held) == ["delayed"]
    assert claimed(store, worker) == []


def test_a_cancelled_holder_releases_the_next(store: Store) -> None:
    first, second, third = (pushed(store, key="a") for _ in range(3))
    assert store.jobs.cancel(first) is CancelAnswer.CANCELLED
    assert states(store, first, second, third) == ["cancelled", "ready", "held"]


def test_a_cancelled_held_job_releases_nobody(store: Store) -> None:
    first, second, third = (pushed(store, key="a") for _ in range(3))
    assert store.jobs.cancel(second) is CancelAnswer.CANCELLED
    assert states(store, first, second, third) == ["ready", "cancelled", "held"]


def test_a_holder_that_fails_at_rescue_releases_the_next(store: Store, clock: VirtualClock, harness: Harness) -> None:
    holder = running(store, key="a", max_crashes=0)
    held = pushed(store, key="a")
    assert lose(store, clock, harness.lease) == 1
    assert states(store, holder.id, held) == ["failed", "ready"]


def test_a_holder_that_becomes_suspect_still_holds(store: Store, clock: VirtualClock, harness: Harness) -> None:
    holder = running(store, key="a", max_crashes=1)
    held = pushed(store, key="a")
    lose(store, clock, harness.lease)
    assert states(store, holder.id, held) == ["ready", "held"]
    lose_alone(store, clock, harness.lease)
    assert states(store, holder.id, held) == ["failed", "ready"]


def test_a_holder_that_fails_at_release_releases_the_next(store: Store) -> None:
    worker = a_worker(store)
    holder = running(store, worker, key="a", max_crashes=0)
    held = pushed(store, key="a")
    store.workers.release(worker, "killed")
    assert states(store, holder.id, held) == ["failed", "ready"]


def test_an_explicit_retry_while_its_key_is_taken_is_held(store: Store) -> None:
    worker = a_worker(store)
    first = running(store, worker, key="a")
    store.jobs.finish(worker, [failed(first)])
    second = pushed(store, key="a")
    assert store.jobs.retry(first.id)
    assert states(store, first.id, second) == ["held", "ready"]
    assert the(store, first.id).state is JobState.HELD

"""Wall clocks that step back and forth: nothing runs twice, nothing is lost, generations only grow."""

from __future__ import annotations

from datetime import timedelta

import pytest

from nuvom._job import JobState
from nuvom.stores.base import Store
from nuvom.stores.values import Refusal
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    a_worker,
    all_jobs,
    claimed,
    every,
    ids,
    ledger,
    planned,
    pushed,
    running,
    stored,
    succeeded,
    the,
)

steps: pytest.MarkDecorator = pytest.mark.parametrize("step", [-5 * MINUTE, -400 * DAY, 5 * MINUTE], ids=str)


@steps
def test_a_job_that_was_ready_stays_ready(store: Store, clock: VirtualClock, step: timedelta) -> None:
    before = pushed(store)
    clock.step(step)
    after = pushed(store)
    assert {the(store, job_id).state for job_id in (before, after)} == {JobState.READY}
    assert set(ids(claimed(store, a_worker(store)))) == {before, after}


def test_a_delayed_job_waits_for_the_wall_clock_and_is_not_lost(store: Store, clock: VirtualClock) -> None:
    job_id = pushed(store, run_at=clock.now() + MINUTE)
    clock.step(-HOUR)
    clock.advance(MINUTE)
    assert store.jobs.promote(10) == 0
    delayed = store.jobs.next_wakeup().delayed
    assert delayed == pytest.approx(3600, abs=1e-3)
    clock.step(HOUR)
    assert store.jobs.promote(10) == 1
    assert ids(claimed(store, a_worker(store))) == [job_id]


@steps
def test_an_outcome_is_recorded_across_a_step(store: Store, clock: VirtualClock, step: timedelta) -> None:
    worker = a_worker(store)
    job = running(store, worker)
    clock.step(step)
    assert store.jobs.finish(worker, [succeeded(job)]) == []
    assert the(store, job.id).finished_at == clock.now()


def test_an_occurrence_is_not_dispatched_again_when_the_clock_goes_back(store: Store, clock: VirtualClock) -> None:
    envelope = stored(store, every(60, clock.now()))
    item = planned(envelope, clock.now() + MINUTE)
    store.schedules.apply([item])
    clock.step(-HOUR)
    assert store.schedules.due(clock.now(), 10) == []
    assert store.schedules.apply([item]) == [Refusal(envelope.id, "next_run")]
    clock.step(HOUR)
    assert store.schedules.due(clock.now(), 10) == []
    assert (len(ledger(store, envelope.id)), len(all_jobs(store))) == (1, 1)


def test_the_generation_grows_although_the_clock_goes_back(store: Store, clock: VirtualClock) -> None:
    wanted = every(60, clock.now() + DAY)
    seen = []
    for _ in range(4):
        seen.append(stored(store, wanted).generation)
        store.schedules.cancel(wanted.id)
        clock.step(-DAY)
    assert seen == sorted(set(seen))


def test_jobs_are_listed_in_the_order_of_their_pushes_across_a_step(store: Store, clock: VirtualClock) -> None:
    order = []
    for _ in range(4):
        order.append(pushed(store))
        clock.step(-DAY)
    assert ids(all_jobs(store)) == order[::-1]


def test_the_time_until_the_next_run_follows_the_wall_clock(store: Store, clock: VirtualClock) -> None:
    stored(store, every(60, clock.now() + SECOND))
    clock.step(-MINUTE)
    assert store.schedules.next_due() == pytest.approx(61, abs=1e-5)

"""Runs of a schedule that must not overlap: what is open decides, and it is looked at where the run is dispatched."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from nuvom._job import JobState, NewJob
from nuvom._schedule import Occurrence, Overlap, ScheduleEnvelope, run_key
from nuvom.stores.base import Store
from nuvom.stores.values import PlanItem
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import (
    HOUR,
    MINUTE,
    a_worker,
    claimed,
    dispatched,
    every,
    ids,
    job_of,
    ledger,
    retried,
    stored,
    succeeded,
    the,
)

SKIP, QUEUE_ONE, CANCEL_OTHER = Overlap.SKIP, Overlap.QUEUE_ONE, Overlap.CANCEL_OTHER


def a_run(store: Store, envelope: ScheduleEnvelope, nominal: datetime, **said: Any) -> NewJob:
    """Push a run of a schedule as a dispatch would; `said` are fields of NewJob."""
    job = job_of(envelope, dispatched(envelope, nominal))._replace(**{"key": run_key(envelope.id), **said})
    store.jobs.push([job])
    return job


def blocked(store: Store, envelope: ScheduleEnvelope, overlap: Overlap) -> bool:
    """Tell whether the schedule may not start another run."""
    return envelope.id in store.ledger.blocked({envelope.id: overlap})


def test_nothing_blocks_a_schedule_without_open_runs(store: Store, clock: VirtualClock) -> None:
    envelope = stored(store, every(60, clock.now()))
    assert store.ledger.blocked({envelope.id: SKIP, every(60, clock.now()).id: QUEUE_ONE}) == frozenset()
    assert store.ledger.blocked({}) == frozenset()


def test_an_open_run_blocks_skip_until_it_ends(store: Store, clock: VirtualClock) -> None:
    envelope = stored(store, every(60, clock.now()))
    a_run(store, envelope, clock.now())
    assert blocked(store, envelope, SKIP)
    worker = a_worker(store)
    [job] = claimed(store, worker)
    assert blocked(store, envelope, SKIP)
    store.jobs.finish(worker, [retried(job, clock.now() + HOUR)])
    assert blocked(store, envelope, SKIP), "it waits to be tried again"
    clock.advance(HOUR)
    store.jobs.promote(10)
    [job] = claimed(store, a_worker(store))
    store.jobs.finish(job_worker(store, job.id), [succeeded(job)])
    assert not blocked(store, envelope, SKIP)


def job_worker(store: Store, job_id: str) -> str:
    """Return who holds a job."""
    return str(the(store, job_id).worker)


def test_a_held_run_blocks_queue_one_and_a_running_one_does_not(store: Store, clock: VirtualClock) -> None:
    envelope = stored(store, every(60, clock.now()))
    first = a_run(store, envelope, clock.now())
    assert not blocked(store, envelope, QUEUE_ONE)
    second = a_run(store, envelope, clock.now() + MINUTE)
    assert [the(store, job.id).state for job in (first, second)] == [JobState.READY, JobState.HELD]
    assert blocked(store, envelope, QUEUE_ONE)
    worker = a_worker(store)
    [running] = claimed(store, worker)
    store.jobs.finish(worker, [succeeded(running)])
    assert the(store, second.id).state is JobState.READY, "whoever ends the first releases the next"
    assert not blocked(store, envelope, QUEUE_ONE)


def test_a_run_that_does_not_know_of_the_others_blocks_queue_one(store: Store, clock: VirtualClock) -> None:
    envelope = stored(store, every(60, clock.now()))
    a_run(store, envelope, clock.now(), key=None)
    assert blocked(store, envelope, QUEUE_ONE)


def test_a_backfill_blocks_nobody_and_a_run_by_hand_does(store: Store, clock: VirtualClock) -> None:
    envelope = stored(store, every(60, clock.now()))
    a_run(store, envelope, clock.now(), backfill=True, key=f"backfill:{envelope.id}")
    assert not blocked(store, envelope, SKIP)
    assert store.ledger.open_runs(envelope.id, 10) == 0
    a_run(store, envelope, clock.now() + MINUTE, waits=False)
    assert blocked(store, envelope, SKIP)
    assert store.ledger.open_runs(envelope.id, 10) == 1


def test_what_does_not_wait_starts_at_once_and_others_wait_for_it(store: Store, clock: VirtualClock) -> None:
    envelope = stored(store, every(60, clock.now()))
    first = a_run(store, envelope, clock.now())
    by_hand = a_run(store, envelope, clock.now() + MINUTE, waits=False)
    held = a_run(store, envelope, clock.now() + HOUR)
    assert [the(store, job.id).state.value for job in (first, by_hand, held)] == ["ready", "ready", "held"]
    worker = a_worker(store)
    both = claimed(store, worker)
    assert ids(both) == ids([first, by_hand])
    store.jobs.finish(worker, [succeeded(both[0])])
    assert the(store, held.id).state is JobState.HELD, "the one by hand runs still"
    store.jobs.finish(worker, [succeeded(both[1])])
    assert the(store, held.id).state is JobState.READY


def plan_of(envelope: ScheduleEnvelope, found: bool, *rows: Occurrence) -> PlanItem:
    """Return a plan that was made when the open runs said `found`."""
    assert envelope.next_nominal is not None
    jobs = tuple(job_of(envelope, row)._replace(key=run_key(envelope.id)) for row in rows if row.job_id)
    following = envelope.next_nominal + MINUTE
    return PlanItem(envelope, rows, jobs, following, following, blocked=found)


@pytest.mark.parametrize("way", ["apply", "deliver"])
def test_cancel_other_asks_the_running_one_to_stop_and_holds_the_next_until_it_ends(
    store: Store, clock: VirtualClock, way: str
) -> None:
    envelope = stored(store, every(60, clock.now(), overlap=CANCEL_OTHER))
    take = store.schedules.apply if way == "apply" else store.ledger.deliver
    a_run(store, envelope, clock.now() - HOUR)
    worker = a_worker(store)
    [running] = claimed(store, worker)
    assert not blocked(store, envelope, CANCEL_OTHER)
    plan = ousting(envelope, dispatched(envelope, clock.now()))
    assert take([plan]) == []
    assert store.jobs.asked_to_stop(worker) == [(running.ref, running.attempt)]
    [following] = [job.id for job in plan.jobs]
    assert the(store, following).state is JobState.HELD
    store.jobs.finish(worker, [retried(running, clock.now() + HOUR)])
    assert the(store, running.id).state is JobState.CANCELLED, "it was asked to stop: no other try"
    assert the(store, following).state is JobState.READY


def test_cancel_other_cancels_those_that_wait_and_no_backfill(store: Store, clock: VirtualClock) -> None:
    envelope = stored(store, every(60, clock.now(), overlap=CANCEL_OTHER))
    waiting = [a_run(store, envelope, clock.now() - MINUTE * n) for n in (3, 2)]
    past = a_run(store, envelope, clock.now() - HOUR, backfill=True, key=f"backfill:{envelope.id}")
    plan = ousting(envelope, dispatched(envelope, clock.now()))
    assert store.schedules.apply([plan]) == []
    assert [the(store, job.id).state.value for job in (*waiting, past, *plan.jobs)] == [
        *["cancelled"] * 2,
        *["ready"] * 2,
    ]
    error = the(store, waiting[0].id).error
    assert error is not None
    assert error.message == "a later run of its schedule took its place"


def test_cancel_other_does_not_start_beside_a_run_that_does_not_know_of_the_others(
    store: Store, clock: VirtualClock
) -> None:
    envelope = stored(store, every(60, clock.now()))
    a_run(store, envelope, clock.now(), key=None)
    assert blocked(store, envelope, CANCEL_OTHER)


def ousting(envelope: ScheduleEnvelope, *rows: Occurrence) -> PlanItem:
    """Return a plan whose runs take the place of the others."""
    plan = plan_of(envelope, False, *rows)
    return plan._replace(jobs=tuple(job._replace(ousts=True) for job in plan.jobs))


@pytest.mark.parametrize("way", ["apply", "deliver"])
@pytest.mark.parametrize("overlap", [SKIP, QUEUE_ONE])
def test_a_plan_is_refused_when_the_open_runs_say_something_else_by_now(
    store: Store, clock: VirtualClock, overlap: Overlap, way: str
) -> None:
    envelope = stored(store, every(60, clock.now(), overlap=overlap))
    take = store.schedules.apply if way == "apply" else store.ledger.deliver
    a_run(store, envelope, clock.now() - HOUR)
    a_run(store, envelope, clock.now() - MINUTE)
    [refusal] = take([plan_of(envelope, False, dispatched(envelope, clock.now()))])
    assert refusal == (envelope.id, "open_runs")
    assert ledger(store, envelope.id) == []
    assert store.schedules.get(envelope.id) == envelope, "what is refused does not move on"
    assert len(claimed(store, a_worker(store))) == 1, "the others are as they were"


def test_a_plan_is_refused_when_what_blocked_it_has_ended(store: Store, clock: VirtualClock) -> None:
    envelope, other = (stored(store, every(60, clock.now(), overlap=SKIP)) for _ in range(2))
    [refusal] = store.schedules.apply([plan_of(envelope, True), plan_of(other, False, dispatched(other, clock.now()))])
    assert refusal == (envelope.id, "open_runs")
    assert len(ledger(store, other.id)) == 1, "the rest goes on"

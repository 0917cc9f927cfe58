"""`Ledger`: rows that say for good what became of an occurrence, fences, and delivery for schedules kept elsewhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from nuvom._job import JobStatus
from nuvom._schedule import OccurrenceOutcome, ScheduleEnvelope, ScheduleState
from nuvom.stores.base import Store
from nuvom.stores.values import Fence, Refusal
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import (
    HOUR,
    MINUTE,
    NO_ID,
    SECOND,
    a_worker,
    all_jobs,
    all_schedules,
    claimed,
    dispatched,
    every,
    ids,
    ledger,
    missed,
    one_off,
    planned,
    succeeded,
    the,
)


def elsewhere(clock: VirtualClock, generation: int = 5) -> ScheduleEnvelope:
    """Return a schedule of another store, due now."""
    now = clock.now()
    return every(60, now, name="elsewhere", generation=generation, created_at=now, updated_at=now)


def test_deliver_records_rows_and_pushes_jobs(store: Store, clock: VirtualClock) -> None:
    envelope = elsewhere(clock)
    rows = (
        missed(envelope, clock.now() - 3 * MINUTE, last=clock.now() - 2 * MINUTE, count=2),
        dispatched(envelope, clock.now(), lateness=timedelta(milliseconds=250)),
    )
    assert store.ledger.deliver([planned(envelope, clock.now() + MINUTE, *rows)]) == []
    kept = [
        row._replace(recorded_at=clock.now(), job_status=JobStatus.QUEUED if row.job_id else None) for row in rows[::-1]
    ]
    assert ledger(store, envelope.id) == kept
    [job] = all_jobs(store)
    assert (job.id, job.schedule_id, job.schedule_name) == (rows[1].job_id, envelope.id, "elsewhere")
    assert (job.scheduled_for, job.status) == (clock.now(), JobStatus.QUEUED)
    assert all_schedules(store) == []


def test_a_delivery_repeated_changes_nothing(store: Store, clock: VirtualClock) -> None:
    item = planned(elsewhere(clock), clock.now() + MINUTE)
    store.ledger.deliver([item])
    worker = a_worker(store)
    store.jobs.finish(worker, [succeeded(job) for job in claimed(store, worker)])
    before = (ledger(store, item.envelope.id), all_jobs(store))
    clock.advance(1)
    assert store.ledger.deliver([item, item]) == []
    assert (ledger(store, item.envelope.id), all_jobs(store)) == before


def test_a_delivered_job_comes_only_with_a_new_row(store: Store, clock: VirtualClock) -> None:
    envelope = elsewhere(clock)
    store.ledger.deliver([planned(envelope, None, missed(envelope, clock.now()))])
    store.ledger.deliver([planned(envelope, None, dispatched(envelope, clock.now()))])
    assert [row.outcome for row in ledger(store, envelope.id)] == [OccurrenceOutcome.MISSED]
    assert all_jobs(store) == []


def test_rows_of_other_sources_stand_beside_the_plans_own(store: Store, clock: VirtualClock) -> None:
    envelope = elsewhere(clock)
    rows = [
        dispatched(envelope, clock.now(), source=s, job_id=j) for s, j in (("", NO_ID), ("manual:1", NO_ID[:-1] + "1"))
    ]
    store.ledger.deliver([planned(envelope, None, *rows)])
    assert len(all_jobs(store)) == 2
    for row in rows:
        found = store.ledger.occurrence(envelope.id, clock.now(), row.source)
        assert found is not None
        assert (found.source, found.job_id) == (row.source, row.job_id)
    assert store.ledger.occurrence(envelope.id, clock.now(), "manual:2") is None
    assert store.ledger.occurrence(envelope.id, clock.now() + SECOND) is None


def test_a_delivery_older_than_the_fence_is_refused_and_the_rest_goes_on(store: Store, clock: VirtualClock) -> None:
    stale, fine, newer, unknown = (elsewhere(clock) for _ in range(4))
    store.ledger.raise_fence(replace(stale, generation=6), None)
    store.ledger.raise_fence(fine, None)
    store.ledger.raise_fence(replace(newer, generation=4), None)
    items = [planned(envelope, clock.now() + MINUTE) for envelope in (stale, fine, newer, unknown)]
    assert store.ledger.deliver(items) == [Refusal(stale.id, "generation")]
    assert ledger(store, stale.id) == []
    assert sorted(ids(all_jobs(store))) == sorted(item.jobs[0].id for item in items[1:])


@pytest.mark.parametrize("state", [ScheduleState.CANCELLED, ScheduleState.DONE])
def test_a_delivery_after_the_end_is_refused(store: Store, clock: VirtualClock, state: ScheduleState) -> None:
    envelope = elsewhere(clock)
    store.ledger.raise_fence(envelope, None)
    assert store.ledger.raise_fence(envelope.ended(state, 5, clock.now()), 5)
    [refusal] = store.ledger.deliver([planned(envelope, None)])
    assert refusal.schedule_id == envelope.id
    assert ledger(store, envelope.id) == []
    assert all_jobs(store) == []


def test_a_fence_keeps_the_definition(store: Store, clock: VirtualClock) -> None:
    envelope = elsewhere(clock)
    assert store.ledger.fence(envelope.id) is None
    assert store.ledger.raise_fence(envelope, None)
    assert store.ledger.fence(envelope.id) == Fence(envelope, None)


def test_a_fence_is_raised_only_from_the_expected_generation(store: Store, clock: VirtualClock) -> None:
    first = elsewhere(clock, 5)
    assert not store.ledger.raise_fence(first, 4)
    assert store.ledger.fence(first.id) is None
    assert store.ledger.raise_fence(first, None)
    second = replace(first, generation=6, task="tasks.other")
    for expected in (None, 4, 6):
        assert not store.ledger.raise_fence(second, expected)
        assert store.ledger.fence(first.id) == Fence(first, None)
    assert store.ledger.raise_fence(second, 5)
    assert store.ledger.fence(first.id) == Fence(second, None)


def test_a_fence_knows_when_its_schedule_ended_and_when_it_began_anew(store: Store, clock: VirtualClock) -> None:
    envelope = elsewhere(clock)
    store.ledger.raise_fence(envelope, None)
    clock.advance(5)
    ended = envelope.ended(ScheduleState.CANCELLED, 6, clock.now())
    store.ledger.raise_fence(ended, 5)
    assert store.ledger.fence(envelope.id) == Fence(ended, clock.now())
    anew = replace(envelope, generation=7)
    store.ledger.raise_fence(anew, 6)
    assert store.ledger.fence(envelope.id) == Fence(anew, None)
    assert store.ledger.deliver([planned(anew, None)]) == []


def test_occurrences_are_listed_newest_first_between_their_bounds(store: Store, clock: VirtualClock) -> None:
    envelope, start = elsewhere(clock), clock.now()
    moments = [start - n * MINUTE for n in range(10)]
    store.ledger.deliver([planned(envelope, None, *(missed(envelope, at) for at in moments))])
    store.ledger.deliver([planned(elsewhere(clock), None)])

    def nominals(limit: int, **bounds: object) -> list[int]:
        found = store.ledger.occurrences(envelope.id, limit, **bounds)  # type: ignore[arg-type]  # bounds by name
        return [moments.index(row.nominal) for row in found]

    assert nominals(100) == list(range(10))
    assert nominals(3) == [0, 1, 2]
    assert nominals(3, before=moments[2]) == [3, 4, 5]
    assert nominals(100, after=moments[2]) == [0, 1, 2]
    assert nominals(100, before=moments[2], after=moments[5]) == [3, 4, 5]
    assert nominals(0) == []
    assert store.ledger.occurrences(NO_ID, 10) == []


def test_an_occurrence_shows_how_its_job_is(store: Store, clock: VirtualClock) -> None:
    item = planned(elsewhere(clock), None)

    def shows(status: JobStatus) -> None:
        [row] = ledger(store, item.envelope.id)
        assert store.ledger.occurrence(item.envelope.id, row.nominal) == row
        kept = the(store, item.jobs[0].id)
        assert row.job_status is kept.status is status
        assert (row.job_started_at, row.job_finished_at) == (kept.started_at, kept.finished_at)
        clock.advance(1)

    store.ledger.deliver([item])
    shows(JobStatus.QUEUED)
    worker = a_worker(store)
    [job] = claimed(store, worker)
    shows(JobStatus.RUNNING)
    store.jobs.finish(worker, [succeeded(job)])
    shows(JobStatus.SUCCEEDED)


def test_open_runs_are_those_that_are_not_final(store: Store, clock: VirtualClock) -> None:
    envelope = elsewhere(clock)
    rows = [dispatched(envelope, clock.now() - n * HOUR, job_id=NO_ID[:-1] + str(n)) for n in range(5)]
    store.ledger.deliver([planned(envelope, None, *rows), planned(one_off(clock.now()), None)])
    assert [store.ledger.open_runs(envelope.id, limit) for limit in (1, 3, 5, 100)] == [1, 3, 5, 5]
    worker = a_worker(store)
    taken = [job for job in claimed(store, worker) if job.schedule_id == envelope.id]
    assert store.ledger.open_runs(envelope.id, 100) == 5
    store.jobs.finish(worker, [succeeded(job) for job in taken[:3]])
    assert store.ledger.open_runs(envelope.id, 100) == 2
    assert store.ledger.open_runs(NO_ID, 100) == 0

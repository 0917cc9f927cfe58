"""`ScheduleStore.apply`: rows, jobs and the next run in one step, once, and only while the plan still fits."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from nuvom._job import JobState, JobStatus, TaskDefaults
from nuvom._schedule import OccurrenceOutcome, ScheduleEnvelope, ScheduleState
from nuvom.stores.base import Store
from nuvom.stores.values import MAX_BATCH, Refusal, TaskRow
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import (
    MINUTE,
    NO_ID,
    a_job,
    all_jobs,
    all_schedules,
    daily,
    dispatched,
    every,
    ids,
    ledger,
    missed,
    one_off,
    planned,
    stored,
    the,
)


def due(store: Store, clock: VirtualClock) -> ScheduleEnvelope:
    """Store an interval of a minute that is due now."""
    return stored(store, every(60, clock.now(), name="minutely"))


def now_stored(store: Store, envelope: ScheduleEnvelope) -> ScheduleEnvelope:
    """Return what is kept of a schedule that must be there."""
    found = store.schedules.get(envelope.id)
    assert found is not None
    return found


def untouched(store: Store, envelope: ScheduleEnvelope) -> None:
    """Check that a schedule left no row and no job."""
    assert ledger(store, envelope.id) == []
    assert all_jobs(store) == []


def test_apply_records_pushes_and_advances(store: Store, clock: VirtualClock) -> None:
    envelope = due(store, clock)
    first, later = clock.now(), clock.now() + MINUTE
    clock.advance(0.25)
    row = dispatched(envelope, first, lateness=timedelta(seconds=0.25))
    assert store.schedules.apply([planned(envelope, later, row)]) == []
    assert ledger(store, envelope.id) == [row._replace(recorded_at=clock.now(), job_status=JobStatus.QUEUED)]
    job = the(store, row.job_id or "")
    assert (job.schedule_id, job.schedule_name, job.scheduled_for) == (envelope.id, "minutely", first)
    assert (job.state, job.task, job.arguments) == (JobState.READY, envelope.task, envelope.arguments)
    moved = now_stored(store, envelope)
    assert (moved.next_nominal, moved.next_run, moved.generation) == (later, later, envelope.generation)
    assert store.schedules.due(clock.now(), 10) == []


def test_apply_keeps_the_nominal_time_apart_from_the_run(store: Store, clock: VirtualClock) -> None:
    envelope = due(store, clock)
    later = clock.now() + MINUTE
    item = planned(envelope, later)._replace(next_run=later + timedelta(seconds=7))
    store.schedules.apply([item])
    moved = now_stored(store, envelope)
    assert (moved.next_nominal, moved.next_run) == (later, later + timedelta(seconds=7))


def test_a_plan_applied_twice_is_applied_once(store: Store, clock: VirtualClock) -> None:
    envelope = due(store, clock)
    item = planned(envelope, clock.now() + MINUTE)
    assert store.schedules.apply([item]) == []
    before = (ledger(store, envelope.id), all_jobs(store), now_stored(store, envelope))
    assert store.schedules.apply([item]) == [Refusal(envelope.id, "next_run")]
    assert (ledger(store, envelope.id), all_jobs(store), now_stored(store, envelope)) == before


def test_a_plan_twice_in_one_batch_is_applied_once(store: Store, clock: VirtualClock) -> None:
    envelope = due(store, clock)
    item = planned(envelope, clock.now() + MINUTE)
    assert store.schedules.apply([item, item]) == [Refusal(envelope.id, "next_run")]
    assert (len(ledger(store, envelope.id)), len(all_jobs(store))) == (1, 1)
    assert now_stored(store, envelope).run_count == 1


def test_of_two_plans_of_one_schedule_in_a_batch_the_one_that_fits_is_applied(
    store: Store, clock: VirtualClock
) -> None:
    envelope = due(store, clock)
    changed = store.schedules.update(replace(envelope, arguments=b"[[2],{}]"))
    assert changed is not None
    later = clock.now() + MINUTE
    refused = store.schedules.apply([planned(envelope, later), planned(changed, later)])
    assert [refusal.schedule_id for refusal in refused] == [envelope.id]
    assert [job.arguments for job in all_jobs(store)] == [b"[[2],{}]"]
    assert now_stored(store, envelope).next_run == later


def test_a_one_off_twice_in_one_batch_is_applied_once(store: Store, clock: VirtualClock) -> None:
    envelope = stored(store, one_off(clock.now()))
    first = planned(envelope, None)
    second = planned(envelope, None, missed(envelope, clock.now() - MINUTE))
    assert store.schedules.apply([first, second]) == [Refusal(envelope.id, "gone")]
    assert [row.outcome for row in ledger(store, envelope.id)] == [OccurrenceOutcome.DISPATCHED]


def test_a_plan_of_an_older_generation_is_refused(store: Store, clock: VirtualClock) -> None:
    envelope = due(store, clock)
    changed = store.schedules.update(replace(envelope, arguments=b"[[2],{}]"))
    assert changed is not None
    assert store.schedules.apply([planned(envelope, clock.now() + MINUTE)]) == [Refusal(envelope.id, "generation")]
    untouched(store, envelope)
    assert now_stored(store, envelope) == changed


def test_the_end_of_a_one_off_that_was_changed_since_is_refused(store: Store, clock: VirtualClock) -> None:
    envelope = stored(store, one_off(clock.now()))
    changed = store.schedules.update(replace(envelope, arguments=b"[[2],{}]"))
    assert store.schedules.apply([planned(envelope, None)]) == [Refusal(envelope.id, "generation")]
    untouched(store, envelope)
    assert now_stored(store, envelope) == changed


def test_the_end_of_a_one_off_that_was_moved_since_is_refused(store: Store, clock: VirtualClock) -> None:
    envelope = stored(store, one_off(clock.now()))
    store.schedules.reschedule(envelope.id, clock.now() + MINUTE)
    moved = now_stored(store, envelope)
    assert store.schedules.apply([planned(envelope, None)]) == [Refusal(envelope.id, "next_run")]
    untouched(store, envelope)
    assert now_stored(store, envelope) == moved


def test_a_plan_for_another_next_run_is_refused(store: Store, clock: VirtualClock) -> None:
    envelope = due(store, clock)
    store.schedules.reschedule(envelope.id, clock.now() + MINUTE)
    moved = now_stored(store, envelope)
    assert store.schedules.apply([planned(envelope, clock.now() + 5 * MINUTE)]) == [Refusal(envelope.id, "next_run")]
    untouched(store, envelope)
    assert now_stored(store, envelope) == moved


def test_a_plan_of_a_cancelled_schedule_is_refused_and_stays_refused(store: Store, clock: VirtualClock) -> None:
    envelope = due(store, clock)
    assert store.schedules.cancel(envelope.id)
    for _ in range(2):
        assert store.schedules.apply([planned(envelope, clock.now() + MINUTE)]) == [Refusal(envelope.id, "gone")]
    untouched(store, envelope)
    assert store.schedules.get(envelope.id) is None


def test_a_plan_of_an_earlier_life_is_refused(store: Store, clock: VirtualClock) -> None:
    wanted = every(60, clock.now())
    first = stored(store, wanted)
    store.schedules.cancel(first.id)
    second = stored(store, wanted)
    assert store.schedules.apply([planned(first, clock.now() + MINUTE)]) == [Refusal(first.id, "generation")]
    untouched(store, first)
    assert now_stored(store, first) == second


def test_a_plan_of_a_paused_schedule_is_refused(store: Store, clock: VirtualClock) -> None:
    envelope = due(store, clock)
    paused = store.schedules.update(replace(envelope, state=ScheduleState.PAUSED))
    assert paused is not None
    [stale] = store.schedules.apply([planned(envelope, clock.now() + MINUTE)])
    assert stale.reason in {"generation", "state"}
    assert store.schedules.apply([planned(paused, clock.now() + MINUTE)]) == [Refusal(envelope.id, "state")]
    untouched(store, envelope)


def test_a_plan_of_a_schedule_that_never_was_is_refused(store: Store, clock: VirtualClock) -> None:
    stranger = every(60, clock.now(), generation=1)
    assert store.schedules.apply([planned(stranger, clock.now() + MINUTE)]) == [Refusal(stranger.id, "gone")]
    untouched(store, stranger)


def test_the_rest_of_a_batch_is_applied_beside_a_refused_item(store: Store, clock: VirtualClock) -> None:
    envelopes = [stored(store, every(60, clock.now())) for _ in range(5)]
    store.schedules.cancel(envelopes[2].id)
    refused = store.schedules.apply([planned(envelope, clock.now() + MINUTE) for envelope in envelopes])
    assert refused == [Refusal(envelopes[2].id, "gone")]
    assert {job.schedule_id for job in all_jobs(store)} == {e.id for n, e in enumerate(envelopes) if n != 2}


def test_a_row_that_is_there_keeps_what_it_says_and_its_job_is_not_pushed(store: Store, clock: VirtualClock) -> None:
    wanted = every(60, clock.now())
    first = stored(store, wanted)
    nominal = clock.now()
    store.schedules.apply([planned(first, nominal + MINUTE, missed(first, nominal))])
    before = ledger(store, first.id)
    store.schedules.cancel(first.id)
    second = stored(store, wanted)
    clock.advance(1)
    assert store.schedules.apply([planned(second, nominal + MINUTE, dispatched(second, nominal))]) == []
    assert ledger(store, first.id) == before
    assert all_jobs(store) == []
    assert now_stored(store, first).next_run == nominal + MINUTE


def test_an_instant_that_was_dispatched_is_not_dispatched_again_by_a_new_life(
    store: Store, clock: VirtualClock
) -> None:
    wanted = every(60, clock.now())
    first = stored(store, wanted)
    store.schedules.apply([planned(first, clock.now() + MINUTE)])
    store.schedules.cancel(first.id)
    second = stored(store, wanted)
    other = dispatched(second, clock.now(), job_id=NO_ID)
    assert store.schedules.apply([planned(second, clock.now() + MINUTE, other)]) == []
    assert store.jobs.get(NO_ID) is None
    assert len(all_jobs(store)) == len(ledger(store, first.id)) == 1


def test_a_job_that_is_there_already_is_left_as_it_is(store: Store, clock: VirtualClock) -> None:
    envelope = due(store, clock)
    store.jobs.push([a_job(id=NO_ID, task="tasks.own")])
    row = dispatched(envelope, clock.now(), job_id=NO_ID)
    assert store.schedules.apply([planned(envelope, clock.now() + MINUTE, row)]) == []
    assert ids(all_jobs(store)) == [NO_ID]
    assert the(store, NO_ID).task == "tasks.own"


def test_a_one_off_leaves_when_it_is_dispatched_and_its_definition_stays(store: Store, clock: VirtualClock) -> None:
    envelope = stored(store, one_off(clock.now(), name="once"))
    clock.advance(1)
    assert store.schedules.apply([planned(envelope, None)]) == []
    assert store.schedules.get(envelope.id) is None
    assert store.schedules.by_name("once") is None
    assert all_schedules(store) == []
    fence = store.ledger.fence(envelope.id)
    assert fence is not None
    assert (fence.envelope.state, fence.ended_at, fence.envelope.at) == (ScheduleState.DONE, clock.now(), envelope.at)
    assert (fence.envelope.run_count, fence.envelope.next_run) == (1, None)
    assert fence.envelope.generation >= envelope.generation
    assert store.schedules.apply([planned(envelope, None)]) == [Refusal(envelope.id, "gone")]
    assert (len(ledger(store, envelope.id)), len(all_jobs(store))) == (1, 1)


def test_run_count_counts_what_was_dispatched(store: Store, clock: VirtualClock) -> None:
    envelope = due(store, clock)
    start = clock.now()
    rows = [
        missed(envelope, start),
        *(dispatched(envelope, start + n * MINUTE, job_id=NO_ID[:-1] + str(n)) for n in (1, 2)),
    ]
    store.schedules.apply([planned(envelope, start + 3 * MINUTE, *rows)])
    assert now_stored(store, envelope).run_count == 2
    again = now_stored(store, envelope)
    store.schedules.apply([planned(again, start + 4 * MINUTE)])
    assert now_stored(store, envelope).run_count == 3
    assert now_stored(store, envelope).generation == envelope.generation


@pytest.mark.parametrize("last", [False, True])
def test_run_count_leaves_out_what_was_recorded_before(store: Store, clock: VirtualClock, *, last: bool) -> None:
    wanted = one_off(clock.now()) if last else every(60, clock.now())
    first = stored(store, wanted)
    store.ledger.deliver([planned(first, None, missed(first, clock.now()))])
    store.schedules.apply([planned(first, None if last else clock.now() + MINUTE)])
    fence = store.ledger.fence(first.id)
    assert (fence.envelope if fence else now_stored(store, first)).run_count == 0


def test_a_plan_that_drops_everything_still_advances(store: Store, clock: VirtualClock) -> None:
    envelope = due(store, clock)
    row = missed(envelope, clock.now(), last=clock.now() + MINUTE, count=2)
    store.schedules.apply([planned(envelope, clock.now() + 5 * MINUTE, row)])
    [kept] = ledger(store, envelope.id)
    assert (kept.outcome, kept.reason, kept.count) == (OccurrenceOutcome.MISSED, row.reason, 2)
    assert kept.last == row.last
    assert all_jobs(store) == []
    assert now_stored(store, envelope).run_count == 0


def test_a_schedule_that_cannot_be_planned_is_set_aside_with_the_reason(store: Store, clock: VirtualClock) -> None:
    envelope, fine = due(store, clock), stored(store, daily(clock.now()))
    item = planned(envelope, clock.now() + MINUTE)._replace(quarantine="no such zone any more")
    assert store.schedules.apply([item, planned(fine, clock.now() + timedelta(days=1))]) == []
    aside = now_stored(store, envelope)
    assert (aside.state, aside.note) == (ScheduleState.QUARANTINED, "no such zone any more")
    assert ledger(store, envelope.id) == []
    assert [job.schedule_id for job in all_jobs(store)] == [fine.id]
    assert store.schedules.due(clock.now(), 10) == []


def test_a_quarantine_planned_before_a_change_is_refused(store: Store, clock: VirtualClock) -> None:
    envelope = due(store, clock)
    store.schedules.update(replace(envelope, task="tasks.mended"))
    item = planned(envelope, None)._replace(quarantine="broken")
    assert store.schedules.apply([item]) == [Refusal(envelope.id, "generation")]
    assert now_stored(store, envelope).state is ScheduleState.ACTIVE


def test_dispatched_jobs_take_queue_and_priority_from_the_tasks_row(store: Store, clock: VirtualClock) -> None:
    row = TaskRow(name="tasks.send", canonical="tasks.send", defaults=TaskDefaults("theirs", 5, 6), signature="()")
    store.workers.remember_tasks([row])
    store.schedules.apply([planned(due(store, clock), clock.now() + MINUTE)])
    store.ledger.deliver([planned(every(60, clock.now()), None)])
    assert {(job.queue, job.priority, job.max_crashes) for job in all_jobs(store)} == {("theirs", 5, 6)}


@pytest.mark.parametrize("times", [1, 2])
def test_a_herd_is_dispatched_exactly_once(store: Store, clock: VirtualClock, times: int) -> None:
    wanted = [one_off(clock.now()) for _ in range(MAX_BATCH)]
    items = [planned(stored(store, envelope), None) for envelope in wanted]
    assert store.schedules.apply(items) == []
    for _ in range(times):
        assert store.schedules.apply(items) == [Refusal(envelope.id, "gone") for envelope in wanted]
    assert len(all_jobs(store)) == MAX_BATCH
    assert all_schedules(store) == []

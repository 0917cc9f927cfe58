"""Schedules in a backend of the founding five methods are dispatched exactly once, whatever it shows."""

import logging
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from nuvom._schedule import CatchUp, OccurrenceOutcome, ScheduleState
from nuvom.scheduler.service import SchedulerService, SchedulerSettings
from nuvom.stores.base import Store
from nuvom.testing.clock import VirtualClock
from tests.scheduler.doubles import Five
from tests.scheduler.driving import enqueue, eventually, jobs_of, running, settle, split_service, state_of
from tests.scheduler.examples import NOON, cron, interval, one_off, seconds

# dispatch


def test_a_one_off_runs_once_and_is_then_gone(store: Store, five: Five, service: SchedulerService) -> None:
    envelope = one_off()
    enqueue(store, five, envelope)
    assert settle(service) == 1.0  # the next look: nobody tells of what is enqueued
    assert jobs_of(store) == ["once 12:00:00"]
    assert five.kept == {}
    assert state_of(store, envelope.id) is ScheduleState.DONE
    assert enqueue(store, five, envelope) == "done"
    settle(service)
    assert jobs_of(store) == ["once 12:00:00"]


def test_what_was_enqueued_without_nuvom_runs_too(store: Store, five: Five, service: SchedulerService) -> None:
    five.enqueue(replace(one_off(), generation=0))
    five.enqueue(replace(interval(60), generation=0))
    settle(service)
    assert jobs_of(store) == ["often 12:00:00", "once 12:00:00"]
    assert [each.name for each in five.kept.values()] == ["often"]


def test_recurring_ones_are_moved_to_their_next_time(
    store: Store, five: Five, service: SchedulerService, clock: VirtualClock
) -> None:
    enqueue(store, five, interval(0.25, name="i"))
    for _ in range(4):
        assert settle(service) == 0.25  # sooner than the next look
        clock.advance(0.25)
    [kept] = five.kept.values()
    assert kept.next_run == NOON + seconds(1)
    assert len(jobs_of(store)) == 4


def test_a_run_is_never_early_whatever_the_backend_shows(
    store: Store, five: Five, service: SchedulerService, clock: VirtualClock
) -> None:
    envelope = one_off(NOON + seconds(1))
    five.stale = [envelope]
    service.step()
    assert jobs_of(store) == []
    clock.advance(1)
    service.step()
    assert jobs_of(store) == ["once 12:00:01"]


def test_a_backend_that_repeats_itself_gets_one_job_for_each_occurrence(
    store: Store, five: Five, service: SchedulerService, clock: VirtualClock
) -> None:
    enqueue(store, five, interval(60))
    [kept] = five.kept.values()
    five.stale = [kept, kept]
    for _ in range(30):
        service.step()
        clock.advance(1)
    assert jobs_of(store) == ["often 12:00:00"]


def test_stale_envelopes_do_not_hide_those_that_are_due(store: Store, five: Five, clock: VirtualClock) -> None:
    service = split_service(store, five, clock, batch=4)
    stale = [replace(interval(60, name=f"stale{n}"), generation=0) for n in range(30)]
    for each in stale:
        five.enqueue(each)
    settle(service)
    five.stale = stale
    enqueue(store, five, one_off())
    settle(service)
    assert "once 12:00:00" in jobs_of(store)
    assert len(jobs_of(store)) == 31


@pytest.mark.parametrize("method", ["reschedule", "cancel"])
def test_a_crash_between_delivery_and_advance_repeats_what_changes_nothing(
    store: Store, five: Five, clock: VirtualClock, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Crash(BaseException):
        """The process dies here."""

    def crash(*args: object) -> None:
        raise Crash

    enqueue(store, five, interval(60) if method == "reschedule" else one_off())
    with monkeypatch.context() as patch:
        patch.setattr(five, method, crash)
        with pytest.raises(Crash):
            split_service(store, five, clock).step()
    assert len(jobs_of(store)) == 1
    assert len(five.kept) == 1
    clock.advance(30)
    settle(split_service(store, five, clock))
    assert len(jobs_of(store)) == 1
    assert [each.next_run for each in five.kept.values()] == ([NOON + seconds(60)] if method == "reschedule" else [])


def test_one_schedule_that_the_backend_cannot_move_does_not_stop_the_others(
    store: Store, five: Five, service: SchedulerService, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(5):
        enqueue(store, five, interval(60, name=f"i{n}"))
    bad = next(iter(five.kept))
    move = five.reschedule

    def reschedule(schedule_id: str, next_run: datetime) -> None:
        if schedule_id == bad:
            raise ValueError("a row of its own kind")
        move(schedule_id, next_run)

    monkeypatch.setattr(five, "reschedule", reschedule)
    for _ in range(61):
        service.step()
        clock.advance(1)
    settle(service)
    assert len([each for each in jobs_of(store) if each.endswith("12:01:00")]) == 4
    assert len([each for each in jobs_of(store) if each.endswith("12:00:00")]) == 5


def test_what_cannot_be_planned_leaves_the_backend_and_is_kept_with_the_reason(
    store: Store, five: Five, service: SchedulerService
) -> None:
    broken = replace(cron(name="broken"), cron="61 * * * *")
    five.enqueue(broken)
    enqueue(store, five, one_off())
    settle(service)
    assert jobs_of(store) == ["once 12:00:00"]
    fence = store.ledger.fence(broken.id)
    assert fence is not None
    assert fence.envelope.state is ScheduleState.QUARANTINED
    assert "61" in (fence.envelope.note or "")
    assert enqueue(store, five, cron(name="broken")) == "replaced"
    settle(service)
    assert jobs_of(store) == ["broken 12:00:00", "once 12:00:00"]


def test_a_long_downtime_is_accounted_for(
    store: Store, five: Five, service: SchedulerService, clock: VirtualClock
) -> None:
    envelope = interval(1, catch_up=CatchUp.LATEST)
    enqueue(store, five, envelope)
    clock.advance(timedelta(days=365))
    settle(service)
    rows = store.ledger.occurrences(envelope.id, 2000)
    assert sum(row.count for row in rows) == 365 * 86_400 + 1
    assert [row.outcome for row in rows].count(OccurrenceOutcome.DISPATCHED) == 1


# a backend that is away


def test_a_service_outlives_its_backends_absence(
    store_in_memory: Store, five: Five, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "nuvom.scheduler")
    store = store_in_memory
    enqueue(store, five, one_off(store.now()))
    five.away = True
    with running(SchedulerService(store, five, SchedulerSettings(poll=0.05))):
        eventually(lambda: five.calls.count("due") > 3)
        assert jobs_of(store) == []
        five.away = False
        eventually(lambda: jobs_of(store), within=3)
    assert sum("the backend is away" in record.getMessage() for record in caplog.records) == 1

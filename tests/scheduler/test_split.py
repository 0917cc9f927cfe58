"""Schedules in a backend of the founding five methods: kept under a fence, dispatched once, final when ended."""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from nuvom._schedule import CatchUp, OccurrenceOutcome, ScheduleEnvelope, ScheduleState
from nuvom.errors import ScheduleChanged
from nuvom.scheduler.service import SchedulerService, SchedulerSettings
from nuvom.scheduler.split import cancel_split, enqueue_split
from nuvom.stores.base import JobFilter, Store
from nuvom.stores.registry import open_store
from nuvom.testing.clock import VirtualClock
from tests.scheduler.doubles import Five
from tests.scheduler.examples import NOON, cron, interval, one_off, seconds
from tests.scheduler.test_service import eventually, jobs_of, running, settle


@pytest.fixture
def five() -> Five:
    return Five()


@pytest.fixture
def service(store: Store, five: Five, clock: VirtualClock) -> SchedulerService:
    return service_of(store, five, clock)


def service_of(store: Store, five: Five, clock: VirtualClock, **fields: Any) -> SchedulerService:
    return SchedulerService(store, five, SchedulerSettings(**fields), clock, Random(1))


def enqueue(store: Store, five: Five, wanted: ScheduleEnvelope) -> str:
    return enqueue_split(five, store.ledger, wanted, store.now()).change


def state_of(store: Store, schedule_id: str) -> ScheduleState | None:
    fence = store.ledger.fence(schedule_id)
    return None if fence is None else fence.envelope.state


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
    service = service_of(store, five, clock, batch=4)
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
            service_of(store, five, clock).step()
    assert len(jobs_of(store)) == 1
    assert len(five.kept) == 1
    clock.advance(30)
    settle(service_of(store, five, clock))
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


# change


def test_the_same_call_again_is_the_same_schedule(store: Store, five: Five, clock: VirtualClock) -> None:
    assert enqueue(store, five, interval(60)) == "created"
    [kept] = five.kept.values()
    assert enqueue(store, five, interval(60)) == "unchanged"
    assert list(five.kept.values()) == [kept]
    settle(service_of(store, five, clock))
    assert enqueue(store, five, interval(60, task="tasks.other")) == "replaced"
    [moved] = five.kept.values()
    assert (moved.task, moved.next_run) == ("tasks.other", NOON + seconds(60))  # a deploy does not reset an interval
    assert moved.generation > kept.generation


def test_twenty_processes_that_start_at_once_make_one_schedule(store: Store, five: Five) -> None:
    changes: list[str] = []
    ready = threading.Barrier(20)

    def start() -> None:
        ready.wait()
        changes.append(enqueue(store, five, interval(60)))

    threads = [threading.Thread(target=start) for _ in range(20)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(changes) == 20
    [kept] = five.kept.values()
    fence = store.ledger.fence(kept.id)
    assert fence is not None
    assert fence.envelope == kept


def test_a_cancel_is_final_for_what_is_in_flight(store: Store, five: Five, service: SchedulerService) -> None:
    envelope = interval(60)
    enqueue(store, five, envelope)
    [in_flight] = five.kept.values()
    assert cancel_split(five, store.ledger, envelope.id, store.now())
    assert not cancel_split(five, store.ledger, envelope.id, store.now())
    five.stale = [in_flight]
    five.enqueue(in_flight)  # a scheduler that had it in its hands
    settle(service)
    assert jobs_of(store) == []
    assert five.kept == {}
    assert state_of(store, envelope.id) is ScheduleState.CANCELLED


def test_cancelling_what_never_was_says_so(store: Store, five: Five) -> None:
    assert not cancel_split(five, store.ledger, interval().id, store.now())


def test_what_was_enqueued_without_nuvom_can_be_cancelled_for_good(
    store: Store, five: Five, service: SchedulerService
) -> None:
    envelope = replace(interval(60), generation=0)
    five.enqueue(envelope)
    assert cancel_split(five, store.ledger, envelope.id, store.now())
    five.stale = [envelope]
    settle(service)
    assert jobs_of(store) == []


@pytest.mark.parametrize("method", ["enqueue", "cancel"])
def test_a_change_that_lost_its_caller_is_completed_by_a_scheduler(
    store: Store, five: Five, service: SchedulerService, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*args: object) -> None:
        raise SystemExit

    envelope = interval(60)
    enqueue(store, five, envelope)
    change: Callable[[], object] = {
        "enqueue": lambda: enqueue(store, five, replace(envelope, task="tasks.other")),
        "cancel": lambda: cancel_split(five, store.ledger, envelope.id, store.now()),
    }[method]
    with monkeypatch.context() as patch:
        patch.setattr(five, method, crash)
        with pytest.raises(SystemExit):
            change()
    settle(service)
    jobs = store.jobs.list(JobFilter(), 10)
    assert [job.task for job in jobs] == (["tasks.other"] if method == "enqueue" else [])
    assert len(five.kept) == (1 if method == "enqueue" else 0)


def test_a_replacement_between_delivery_and_advance_is_not_lost(
    store: Store, five: Five, service: SchedulerService, monkeypatch: pytest.MonkeyPatch
) -> None:
    envelope = interval(60)
    enqueue(store, five, envelope)
    move = five.reschedule

    def reschedule(schedule_id: str, next_run: datetime) -> None:
        monkeypatch.setattr(five, "reschedule", move)
        enqueue(store, five, interval(30, NOON + seconds(30), task="tasks.other"))
        move(schedule_id, next_run)

    monkeypatch.setattr(five, "reschedule", reschedule)
    settle(service)
    [kept] = five.kept.values()
    fence = store.ledger.fence(envelope.id)
    assert fence is not None
    assert (kept.task, kept.interval, kept.generation) == ("tasks.other", 30, fence.envelope.generation)


def test_a_new_life_between_delivery_and_the_end_of_a_one_off_is_not_lost(
    store: Store, five: Five, service: SchedulerService, monkeypatch: pytest.MonkeyPatch, clock: VirtualClock
) -> None:
    envelope = one_off()
    enqueue(store, five, envelope)
    ledger_end = store.ledger.raise_fence

    def raise_fence(ended: ScheduleEnvelope, expected: int | None) -> bool:
        monkeypatch.setattr(store.ledger, "raise_fence", ledger_end)
        enqueue(store, five, one_off(NOON + seconds(30)))
        return ledger_end(ended, expected)

    monkeypatch.setattr(store.ledger, "raise_fence", raise_fence)
    settle(service)
    [kept] = five.kept.values()
    assert kept.next_run == NOON + seconds(30)
    clock.advance(30)
    settle(service)
    assert jobs_of(store) == ["once 12:00:00", "once 12:00:30"]


def test_a_schedule_that_other_code_cancelled_begins_a_new_life(
    store: Store, five: Five, service: SchedulerService, clock: VirtualClock
) -> None:
    envelope = interval(60)
    enqueue(store, five, envelope)
    five.cancel(envelope.id)
    clock.advance(600)
    assert enqueue(store, five, interval(60, NOON + seconds(660))) == "created"
    settle(service)
    assert jobs_of(store) == []
    clock.advance(60)
    settle(service)
    assert jobs_of(store) == ["often 12:11:00"]


def test_a_caller_that_always_loses_is_told_so(store: Store, five: Five, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store.ledger, "raise_fence", lambda envelope, expected: False)
    with pytest.raises(ScheduleChanged, match="read it again"):
        enqueue(store, five, interval())
    five.enqueue(interval())
    with pytest.raises(ScheduleChanged, match="read it again"):
        cancel_split(five, store.ledger, interval().id, NOON)


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


# any order of anything

ACTIONS = st.lists(
    st.sampled_from(("enqueue", "change", "cancel", "step", "other", "wait", "show again", "die", "move back")),
    max_size=40,
)


@settings(deadline=None, max_examples=150)
@given(actions=ACTIONS)
def test_whatever_happens_in_whatever_order_each_occurrence_has_at_most_one_job_and_an_end_is_final(
    actions: list[str],
) -> None:
    clock, five = VirtualClock(NOON), Five()
    store = open_store("memory://", clock=clock)
    services = [service_of(store, five, clock), service_of(store, five, clock)]
    living, cancelled_at = False, 0
    for n, action in enumerate(actions):
        match action:
            case "enqueue" | "change":
                later = store.now() + seconds(10)
                task = "tasks.add" if action == "enqueue" else f"tasks.n{n}"
                enqueue(store, five, interval(10, later, name="i", task=task))
                living = True
            case "cancel":
                assert cancel_split(five, store.ledger, interval(name="i").id, store.now()) == living
                living, cancelled_at = False, len(jobs_of(store))
            case "step" | "other":
                services[action == "other"].step()
            case "wait":
                clock.advance(7)
            case "show again":
                five.stale = [*five.kept.values(), *five.stale][:5]
            case "die":
                _dies_after(five, services[0].step)
            case _:
                clock.step(seconds(-3))
        if not living:
            assert len(jobs_of(store)) == cancelled_at
    clock.advance(60)
    before = len(jobs_of(store))
    for service in services:
        settle(service)
    assert len(five.kept) == living
    assert (len(jobs_of(store)) > before) == living
    runs = jobs_of(store)
    assert len(set(runs)) == len(runs)
    store.close()


def _dies_after(five: Five, step: Callable[[], object]) -> None:
    """Let a scheduler die between its delivery and whatever it tells the backend."""

    class Dead(BaseException):
        """No process is left."""

    def die(*args: object) -> None:
        raise Dead

    real = five.reschedule, five.cancel
    five.reschedule = five.cancel = die  # type: ignore[method-assign, assignment]  # a crash is no return value
    try:
        step()
    except Dead:
        pass
    finally:
        five.reschedule, five.cancel = real  # type: ignore[method-assign]  # as it was

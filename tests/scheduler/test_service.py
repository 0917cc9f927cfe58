"""One service over one store, step by step: when it dispatches, and what may be in the way."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from nuvom._schedule import CatchUp, OccurrenceOutcome, ScheduleState
from nuvom.stores.base import Store
from nuvom.stores.values import JobFilter, PlanItem, Refusal
from nuvom.testing.clock import VirtualClock
from tests.scheduler.doubles import Around
from tests.scheduler.driving import jobs_of, service_of, settle
from tests.scheduler.examples import NOON, cron, interval, one_off, seconds

TICK = timedelta(microseconds=1)


# when


def test_nothing_is_dispatched_a_microsecond_early(store: Store, clock: VirtualClock) -> None:
    store.schedules.upsert(one_off(NOON + seconds(5)))
    service = service_of(store, clock)
    assert service.step() == 5
    clock.advance(5 - 1e-6)
    assert service.step() == pytest.approx(1e-6)
    assert jobs_of(store) == []
    clock.advance(TICK)
    service.step()
    assert jobs_of(store) == ["once 12:00:05"]


def test_a_one_off_leaves_and_keeps_its_row(store: Store, clock: VirtualClock) -> None:
    envelope = store.schedules.upsert(one_off()).envelope
    assert settle(service_of(store, clock)) == math.inf
    assert store.schedules.get(envelope.id) is None
    [row] = store.ledger.occurrences(envelope.id, 10)
    assert row.outcome is OccurrenceOutcome.DISPATCHED
    fence = store.ledger.fence(envelope.id)
    assert fence is not None
    assert fence.envelope.state is ScheduleState.DONE


def test_a_recurring_schedule_runs_at_each_of_its_times(store: Store, clock: VirtualClock) -> None:
    store.schedules.upsert(interval(20, name="i"))
    store.schedules.upsert(cron("* * * * *", name="c"))
    service = service_of(store, clock)
    for _ in range(4):
        assert settle(service) == 20
        clock.advance(20)
    assert jobs_of(store) == ["c 12:00:00", "i 12:00:00", "i 12:00:20", "i 12:00:40", "c 12:01:00", "i 12:01:00"]


def test_a_full_batch_goes_on_at_once(store: Store, clock: VirtualClock) -> None:
    for n in range(7):
        store.schedules.upsert(one_off(name=f"s{n}"))
    service = service_of(store, clock, batch=3)
    assert [service.step() for _ in range(3)] == [0.0, 0.0, math.inf]
    assert len(jobs_of(store)) == 7


def test_an_empty_store_wants_no_round(store: Store, clock: VirtualClock) -> None:
    assert service_of(store, clock).step() == math.inf


def test_a_clock_that_steps_back_dispatches_nothing_twice(store: Store, clock: VirtualClock) -> None:
    envelope = store.schedules.upsert(interval(60)).envelope
    service = service_of(store, clock)
    clock.advance(130)
    settle(service)
    before = jobs_of(store)
    clock.step(-timedelta(hours=1))
    assert service.step() == pytest.approx(3600 + 50)
    assert jobs_of(store) == before == ["often 12:02:00"]
    # Somebody sets the next run back, too: the ledger knows.
    moved = store.schedules.get(envelope.id)
    assert moved is not None
    store.schedules.update(replace(moved, next_nominal=NOON, next_run=NOON, catch_up=CatchUp.ALL))
    clock.step(timedelta(hours=1))
    settle(service)
    assert jobs_of(store) == before


def test_a_clock_that_steps_ahead_catches_up_by_policy(store: Store, clock: VirtualClock) -> None:
    store.schedules.upsert(interval(3600, name="latest"))
    store.schedules.upsert(interval(3600, name="all", catch_up=CatchUp.ALL))
    clock.step(timedelta(hours=3))
    settle(service_of(store, clock))
    found = jobs_of(store)
    assert [each for each in found if each.startswith("latest")] == ["latest 15:00:00"]
    assert [each for each in found if each.startswith("all")] == [f"all {hour}:00:00" for hour in (12, 13, 14, 15)]


# what is in the way


def test_a_schedule_that_cannot_be_planned_is_set_aside(
    store: Store, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    broken = store.schedules.upsert(replace(cron(name="broken"), cron="61 * * * *")).envelope
    store.schedules.upsert(one_off())
    settle(service_of(store, clock))
    kept = store.schedules.get(broken.id)
    assert kept is not None
    assert kept.state is ScheduleState.QUARANTINED
    assert kept.note is not None
    assert "61" in kept.note
    assert jobs_of(store) == ["once 12:00:00"]
    assert "broken" in caplog.text


def poisoned(name: str) -> Callable[[Sequence[PlanItem]], None]:
    def before(items: Sequence[PlanItem]) -> None:
        if any(item.envelope.name == name and item.quarantine is None for item in items):
            raise ValueError("CHECK constraint failed")

    return before


def test_one_poisonous_schedule_is_singled_out_and_the_others_run(store: Store, clock: VirtualClock) -> None:
    around = Around(store)
    around.schedules.before_apply = poisoned("s4")
    for n in range(9):
        store.schedules.upsert(one_off(name=f"s{n}"))
    settle(service_of(around, clock))
    assert jobs_of(store) == [f"s{n} 12:00:00" for n in range(9) if n != 4]
    kept = store.schedules.by_name("s4")
    assert kept is not None
    assert kept.state is ScheduleState.QUARANTINED
    assert "CHECK constraint failed" in (kept.note or "")


def test_where_nothing_can_be_stored_nothing_is_quarantined(store: Store, clock: VirtualClock) -> None:
    around = Around(store)

    def fail(items: Sequence[PlanItem]) -> None:
        raise ValueError("no such column")

    around.schedules.before_apply = fail
    for n in range(5):
        store.schedules.upsert(one_off(name=f"s{n}"))
    service = service_of(around, clock)
    for _ in range(20):
        service.step()
        clock.advance(1)
    assert len(store.schedules.due(clock.now(), 10)) == 5
    around.schedules.before_apply = lambda items: None
    clock.advance(5)
    settle(service)
    assert len(jobs_of(store)) == 5


def test_a_schedule_changed_after_it_was_read_runs_as_it_now_is(store: Store, clock: VirtualClock) -> None:
    around = Around(store)
    envelope = store.schedules.upsert(one_off()).envelope

    def change(items: Sequence[PlanItem]) -> None:
        around.schedules.before_apply = lambda items: None
        store.schedules.update(replace(envelope, task="tasks.other"))

    around.schedules.before_apply = change
    service_of(around, clock).step()
    [job] = store.jobs.list(JobFilter(), 10)
    assert job.task == "tasks.other"


def test_a_cancel_between_look_and_dispatch_is_final(store: Store, clock: VirtualClock) -> None:
    around = Around(store)
    envelope = store.schedules.upsert(interval()).envelope
    around.schedules.before_apply = lambda items: [] if store.schedules.cancel(envelope.id) else None
    assert settle(service_of(around, clock)) == math.inf
    assert jobs_of(store) == []


def test_what_is_refused_again_and_again_backs_off_and_hides_nobody(store: Store, clock: VirtualClock) -> None:
    around = Around(store)
    tried: list[float] = []

    def refuse(items: Sequence[PlanItem]) -> list[Refusal]:
        stuck = [item.envelope.id for item in items if (item.envelope.name or "").startswith("stuck")]
        if stuck:
            tried.append(clock.monotonic())
        return [Refusal(each, "next_run") for each in stuck]

    around.schedules.before_apply = refuse
    for n in range(3):
        store.schedules.upsert(one_off(NOON - seconds(10), name=f"stuck{n}"))
    for n in range(6):
        store.schedules.upsert(one_off(name=f"free{n}"))
    service = service_of(around, clock, batch=3)
    for _ in range(200):
        clock.advance(max(service.step(), 0.001))
    assert jobs_of(store) == [f"free{n} 12:00:00" for n in range(6)]
    assert 2 <= len(tried) < 30


def test_a_round_without_work_for_a_minute_starts_its_parts_afresh(
    store: Store, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    around = Around(store)
    around.schedules.before_apply = lambda items: [Refusal(item.envelope.id, "state") for item in items]
    store.schedules.upsert(one_off())
    service = service_of(around, clock)
    for _ in range(90):
        service.step()
        clock.advance(1)
    assert "starting afresh" in caplog.text

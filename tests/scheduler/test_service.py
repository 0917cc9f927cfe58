"""One service over one store: when it dispatches, what it survives, and how it starts and stops."""

import logging
import math
import threading
from collections.abc import Callable, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from random import Random
from time import monotonic, sleep
from typing import Any, cast

import pytest

from nuvom._schedule import CatchUp, OccurrenceOutcome, ScheduleState
from nuvom.errors import StoreUnavailable
from nuvom.scheduler.service import SchedulerService, SchedulerSettings
from nuvom.stores.base import JobFilter, PlanItem, Refusal, Retention, Store
from nuvom.testing.clock import VirtualClock
from tests.scheduler.doubles import Around
from tests.scheduler.examples import NOON, cron, interval, one_off, seconds

TICK = timedelta(microseconds=1)


def service_of(store: object, clock: VirtualClock | None = None, **settings: Any) -> SchedulerService:
    kept = SchedulerSettings(**settings)
    if clock is None:
        return SchedulerService(cast("Store", store), settings=kept, random=Random(1))
    return SchedulerService(cast("Store", store), settings=kept, clock=clock, random=Random(1))


def jobs_of(store: Store) -> list[str]:
    """Return who ran and when, as `name hh:mm:ss`, oldest first."""
    jobs = sorted(store.jobs.list(JobFilter(), 1000), key=lambda job: (job.scheduled_for or NOON, job.schedule_name))
    return [f"{job.schedule_name} {job.scheduled_for:%H:%M:%S}" for job in jobs]


def settle(service: SchedulerService) -> float:
    """Repeat steps until none is wanted at once."""
    for _ in range(100):
        if (pause := service.step()) > 0.05:
            return pause
    raise AssertionError("the service does not come to rest")


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


# services


class Running:
    """A service in a thread of its own."""

    def __init__(self, service: SchedulerService) -> None:
        self.service = service
        self.stop = threading.Event()
        self.thread = threading.Thread(target=service.run, args=(self.stop,))

    def end(self) -> float:
        """Stop it; return how many seconds that took."""
        began = monotonic()
        self.stop.set()
        self.service.wake()
        self.thread.join(10)
        assert not self.thread.is_alive()
        return monotonic() - began


@contextmanager
def running(service: SchedulerService) -> Any:
    run = Running(service)
    run.thread.start()
    try:
        yield run
    finally:
        run.end()


def eventually(condition: Callable[[], object], within: float = 10) -> None:
    deadline = monotonic() + within
    while not condition():
        assert monotonic() < deadline, "it did not happen in time"
        sleep(0.005)


@pytest.fixture
def real(store_in_memory: Store) -> Store:
    return store_in_memory


def test_a_running_service_holds_a_lease_and_gives_it_back(real: Store) -> None:
    with running(service_of(real)) as run:
        eventually(real.workers.list)
        [row] = real.workers.list()
        assert (row.kind, row.alive) == ("scheduler", True)
        assert run.end() < 1
    assert real.workers.list() == []


def test_a_new_schedule_wakes_a_sleeping_service(real: Store) -> None:
    with running(service_of(real)):
        eventually(real.workers.list)
        sleep(0.05)
        real.schedules.upsert(one_off(real.now()))
        eventually(lambda: jobs_of(real), within=0.4)


def test_run_during_run_is_refused_and_after_it_starts_anew(real: Store) -> None:
    service = service_of(real)
    with running(service):
        eventually(real.workers.list)
        with pytest.raises(RuntimeError, match="runs already"):
            service.run(threading.Event())
        [first] = real.workers.list()
    with running(service) as run:
        eventually(real.workers.list)
        [second] = real.workers.list()
        assert second.id != first.id
        run.end()
        assert run.end() < 1  # twice is as good as once


def test_a_service_told_to_stop_before_it_starts_does_nothing(real: Store) -> None:
    stop = threading.Event()
    stop.set()
    service = service_of(real)
    service.wake()
    service.run(stop)
    assert real.workers.list() == []


def test_starts_and_stops_at_once_end_clean(real: Store) -> None:
    service = service_of(real)
    for _ in range(100):
        run = Running(service)
        run.thread.start()
        threads = [threading.Thread(target=run.stop.set), threading.Thread(target=service.wake)]
        for each in threads:
            each.start()
        for each in (*threads, run.thread):
            each.join(10)
        assert not run.thread.is_alive()
    assert real.workers.list() == []


def test_a_service_whose_lease_ran_out_goes_on_under_a_new_id(real: Store) -> None:
    with running(service_of(real, lease=0.15)):
        eventually(real.workers.list)
        [first] = real.workers.list()
        real.workers.release(first.id, "seen dead")
        eventually(lambda: [row.id for row in real.workers.list() if row.alive and row.id != first.id])
        real.schedules.upsert(one_off(real.now()))
        eventually(lambda: jobs_of(real))


def test_a_service_outlives_its_stores_absence_and_says_so_once(real: Store, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "nuvom.scheduler")
    around = Around(real)
    away = threading.Event()
    away.set()

    def look() -> None:
        if away.is_set():
            raise StoreUnavailable("the file is locked")

    around.schedules.before_due = look
    real.schedules.upsert(one_off(real.now()))
    with running(service_of(around)):
        sleep(0.6)
        assert jobs_of(real) == []
        away.clear()
        eventually(lambda: jobs_of(real), within=3)
    said = [record.message for record in caplog.records]
    assert sum("the file is locked" in each for each in said) == 1
    assert sum("dispatching again" in each for each in said) == 1


def test_a_service_whose_store_is_away_at_start_waits_for_it_and_still_stops_at_once(real: Store) -> None:
    class Away(Around):
        away = True

        @property
        def workers(self) -> object:
            if self.away:
                raise StoreUnavailable("no such host")
            return self._real.workers

    store = Away(real)
    with running(service_of(store)) as run:
        sleep(0.5)
        assert run.end() < 1
    with running(service_of(store)):
        sleep(0.3)
        store.away = False
        eventually(real.workers.list, within=3)


def test_a_defect_in_a_round_does_not_end_the_service(real: Store, caplog: pytest.LogCaptureFixture) -> None:
    around = Around(real)
    broken = iter([True, True])

    def look() -> None:
        with suppress(StopIteration):
            raise RuntimeError(f"a defect {next(broken)}")

    around.schedules.before_due = look
    real.schedules.upsert(one_off(real.now()))
    with running(service_of(around)):
        eventually(lambda: jobs_of(real))
    assert "a defect" in caplog.text
    assert "Traceback" in caplog.text


def test_a_step_of_the_wall_clock_is_seen_within_a_second(
    store: Store, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    store.schedules.upsert(one_off(NOON + timedelta(hours=1)))
    with running(service_of(store, clock)):
        eventually(store.workers.list)
        sleep(0.05)
        clock.step(timedelta(hours=2))
        eventually(lambda: jobs_of(store), within=1)
    assert "the wall clock moved by +7200.0 s" in caplog.text


def test_housekeeping_that_fails_stops_no_dispatch(real: Store, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Around):
        def prune(self, keep: object) -> bool:
            raise RuntimeError("a defect in pruning")

    with running(service_of(Broken(real))):
        eventually(lambda: "a defect in pruning" in caplog.text)
        real.schedules.upsert(one_off(real.now()))
        eventually(lambda: jobs_of(real))


def test_pruning_goes_on_in_small_steps_until_nothing_is_left(real: Store) -> None:
    class Full(Around):
        steps = 0
        kept: object = None

        def prune(self, keep: object) -> bool:
            self.steps += 1
            self.kept = keep
            return self.steps < 5

    store = Full(real)
    with running(service_of(store, keep=Retention(jobs=timedelta(days=1)))):
        eventually(lambda: store.steps == 5)
        sleep(0.2)
    assert store.steps == 5
    assert store.kept == Retention(jobs=timedelta(days=1))


def test_an_idle_service_costs_next_to_nothing(real: Store) -> None:
    looks: list[float] = []
    around = Around(real)
    around.schedules.before_due = lambda: looks.append(monotonic())
    real.schedules.upsert(one_off(real.now() + timedelta(hours=1)))
    with running(service_of(around)):
        eventually(real.workers.list)
        sleep(1.2)
    assert len(looks) < 8


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

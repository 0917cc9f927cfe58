"""A service that runs: how it starts and stops, what wakes it, what it outlives."""

import logging
import threading
from contextlib import suppress
from datetime import timedelta
from time import monotonic, sleep

import pytest

from nuvom.errors import StoreUnavailable
from nuvom.stores.base import Store
from nuvom.stores.values import Retention
from nuvom.testing.clock import VirtualClock
from tests.scheduler.doubles import Around
from tests.scheduler.driving import Running, eventually, jobs_of, running, service_of
from tests.scheduler.examples import NOON, one_off


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


def test_a_service_that_drains_ends_when_nothing_is_due_and_leaves_what_is_to_come(real: Store) -> None:
    due = [one_off(real.now() - timedelta(seconds=1), f"due-{number}") for number in range(250)]
    later = one_off(real.now() + timedelta(hours=1), "later")
    for envelope in (*due, later):
        real.schedules.upsert(envelope)
    service_of(real).run(threading.Event(), drain=True)
    assert len(jobs_of(real)) == 250
    assert real.schedules.get(later.id) is not None
    assert real.workers.list() == []


def test_a_service_that_drains_waits_for_a_store_that_is_away(real: Store) -> None:
    around = Around(real)
    real.schedules.upsert(one_off(real.now() - timedelta(seconds=1)))
    failures = iter([True, True])

    def away() -> None:
        if next(failures, False):
            raise StoreUnavailable("away")

    around.schedules.before_due = away
    service_of(around).run(threading.Event(), drain=True)
    assert len(jobs_of(real)) == 1


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

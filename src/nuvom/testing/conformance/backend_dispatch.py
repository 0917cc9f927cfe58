"""Dispatch over a backend of five methods: exactly once, though what it shows is old, doubled, or comes late.

Real schedulers work over the fixture `backend`, which gives an empty one; jobs and ledger are in a store in memory.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

import pytest

from nuvom._identity import name_id
from nuvom._schedule import CatchUp, OccurrenceOutcome, ScheduleEnvelope
from nuvom.scheduler.service import SchedulerService
from nuvom.scheduler.split import cancel_split, enqueue_split
from nuvom.stores.base import SchedulerBackend, Store
from nuvom.stores.registry import open_store
from nuvom.stores.values import JobFilter
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import MINUTE, SECOND, daily, every, one_off
from nuvom.testing.conformance.harness import START

SCHEDULERS = 3
_ROUNDS = 200  # steps after which schedulers that find nothing to do must rest


class Around:
    """A backend in front of another one, whose methods it passes on."""

    def __init__(self, real: SchedulerBackend) -> None:
        self.real = real

    def enqueue(self, envelope: ScheduleEnvelope) -> ScheduleEnvelope:
        """Store an envelope."""
        return self.real.enqueue(envelope)

    def get(self, schedule_id: str) -> ScheduleEnvelope | None:
        """Return the envelope of an id."""
        return self.real.get(schedule_id)

    def due(self, now: datetime, limit: int) -> list[ScheduleEnvelope]:
        """Return what is due."""
        return self.real.due(now, limit)

    def reschedule(self, schedule_id: str, next_run: datetime) -> None:
        """Move a next run."""
        self.real.reschedule(schedule_id, next_run)

    def cancel(self, schedule_id: str) -> bool:
        """Remove a schedule."""
        return self.real.cancel(schedule_id)


class Stale(Around):
    """Its `due` shows what it showed before, every other time nothing else, and each twice, as a cache may."""

    def __init__(self, real: SchedulerBackend) -> None:
        super().__init__(real)
        self._shown: list[ScheduleEnvelope] = []
        self._calls = 0

    def due(self, now: datetime, limit: int) -> list[ScheduleEnvelope]:
        """Return old envelopes, and every other time those that are due as well."""
        self._calls += 1
        found = [] if self._shown and self._calls % 2 else self.real.due(now, limit)
        answer = [*self._shown, *found, *found]
        self._shown = [*found, *self._shown][:20]
        return answer[:limit]


class Paused(Around):
    """The view of a scheduler that was stopped just before it advanced: its `reschedule` comes when it goes on."""

    def __init__(self, real: SchedulerBackend) -> None:
        super().__init__(real)
        self.meanwhile: Callable[[], object] = lambda: None

    def reschedule(self, schedule_id: str, next_run: datetime) -> None:
        """Move a next run, after what happens meanwhile."""
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        self.real.reschedule(schedule_id, next_run)


class Dying(Around):
    """The view of a scheduler that dies just before it tells the backend anything."""

    class Dead(BaseException):
        """No process is left."""

    def reschedule(self, schedule_id: str, next_run: datetime) -> None:
        """Die."""
        raise self.Dead

    def cancel(self, schedule_id: str) -> bool:
        """Die."""
        raise self.Dead


@dataclass
class Rig:
    """Schedulers over one backend, beside a store in memory whose time stands still."""

    backend: SchedulerBackend
    store: Store
    clock: VirtualClock

    def scheduler(self, backend: SchedulerBackend | None = None) -> SchedulerService:
        """Return a scheduler over the backend, or over a view of it."""
        return SchedulerService(self.store, backend or self.backend, clock=self.clock, random=Random(1))

    def put(self, envelope: ScheduleEnvelope) -> ScheduleEnvelope:
        """Store a schedule as `.schedule()` does."""
        return enqueue_split(self.backend, self.store.ledger, envelope, self.store.now()).envelope

    def cancel(self, envelope: ScheduleEnvelope) -> bool:
        """Cancel a schedule as `app.schedules.cancel` does."""
        return cancel_split(self.backend, self.store.ledger, envelope.id, self.store.now())

    def settle(self, *schedulers: SchedulerService) -> None:
        """Let schedulers take turns until none has anything to do at once, twice in a row: a look may be an old one."""
        quiet = 0
        for _ in range(_ROUNDS):
            quiet = quiet + 1 if min(each.step() for each in schedulers) > 0.05 else 0
            if quiet == 2:
                return
        raise AssertionError("the schedulers do not come to rest")

    def pass_by(self, span: timedelta, step: timedelta, schedulers: Sequence[SchedulerService]) -> None:
        """Let time pass in steps, schedulers working at each."""
        end = self.clock.now() + span
        self.settle(*schedulers)
        while self.clock.now() < end:
            self.clock.advance(step.total_seconds())
            self.settle(*schedulers)

    def runs(self, envelope: ScheduleEnvelope) -> list[datetime]:
        """Return the nominal times for which a schedule has jobs, one for each job, in order."""
        jobs = self.store.jobs.list(JobFilter(), 10_000)
        return sorted(job.scheduled_for for job in jobs if job.schedule_id == envelope.id and job.scheduled_for)

    def once(self, envelope: ScheduleEnvelope) -> list[datetime]:
        """Return `runs`, each of which must be the only one of its time and have its row in the ledger."""
        found = self.runs(envelope)
        assert [moment for moment, times in Counter(found).items() if times > 1] == []
        rows = self.store.ledger.occurrences(envelope.id, 10_000)
        assert sorted(row.nominal for row in rows if row.outcome is OccurrenceOutcome.DISPATCHED) == found
        return found


@pytest.fixture
def rig(backend: SchedulerBackend) -> Iterator[Rig]:
    """Schedulers over the backend of the test."""
    clock = VirtualClock(START)
    with closing(open_store("memory://", clock=clock)) as store:
        store.migrate()
        yield Rig(backend, store, clock)


def grid(first: datetime, step: timedelta, count: int) -> list[datetime]:
    """Return the times of an interval."""
    return [first + n * step for n in range(count)]


KINDS = {
    "one_off": lambda: one_off(START + MINUTE),
    "interval": lambda: every(30, START + 30 * SECOND),
    "cron": lambda: daily(START + MINUTE, cron="*/2 * * * *", next_nominal=START + 2 * MINUTE,
                          next_run=START + 2 * MINUTE),
}  # fmt: skip
TIMES = {
    "one_off": [START + MINUTE],
    "interval": grid(START + 30 * SECOND, 30 * SECOND, 20),
    "cron": grid(START + 2 * MINUTE, 2 * MINUTE, 5),
}


@pytest.mark.parametrize("name", [None, "nightly"])
@pytest.mark.parametrize("kind", list(KINDS))
def test_each_type_named_or_not_runs_exactly_once_though_due_is_old_and_repeats(
    rig: Rig, kind: str, name: str | None
) -> None:
    wanted = KINDS[kind]()
    kept = rig.put(wanted if name is None else replace(wanted, id=name_id(name), name=name))
    rig.pass_by(10 * MINUTE, 15 * SECOND, [rig.scheduler(Stale(rig.backend)) for _ in range(SCHEDULERS)])
    assert rig.once(kept) == TIMES[kind]
    assert (rig.backend.get(kept.id) is None) == (kind == "one_off")


@pytest.mark.parametrize("catch_up", list(CatchUp))
def test_what_due_repeats_drops_nothing_whatever_is_caught_up(rig: Rig, catch_up: CatchUp) -> None:
    kept = rig.put(every(60, START, catch_up=catch_up))
    rig.pass_by(5 * MINUTE, MINUTE, [rig.scheduler(Stale(rig.backend)) for _ in range(SCHEDULERS)])
    assert rig.once(kept) == grid(START, MINUTE, 6)


def test_what_was_enqueued_without_nuvom_runs_as_well(rig: Rig) -> None:
    kept = rig.backend.enqueue(every(60, START))
    rig.pass_by(2 * MINUTE, 30 * SECOND, [rig.scheduler(), rig.scheduler()])
    assert rig.once(kept) == grid(START, MINUTE, 3)


def test_old_envelopes_do_not_hide_what_is_due(rig: Rig) -> None:
    often = [rig.put(every(60, START)) for _ in range(30)]
    scheduler = rig.scheduler(Stale(rig.backend))
    rig.settle(scheduler)
    once = rig.put(one_off(START))
    rig.settle(scheduler)
    assert rig.once(once) == [START]
    assert all(rig.once(each) == [START] for each in often)


def test_a_late_reschedule_neither_repeats_nor_skips_a_time(rig: Rig) -> None:
    kept = rig.put(every(60, START))
    other = rig.scheduler()
    paused = Paused(rig.backend)
    paused.meanwhile = lambda: rig.pass_by(3 * MINUTE, MINUTE, [other])
    late = rig.scheduler(paused)
    rig.settle(late)
    rig.pass_by(MINUTE, MINUTE, [late, other])
    assert rig.once(kept) == grid(START, MINUTE, 5)


def test_a_late_reschedule_moves_no_time_of_a_definition_that_came_meanwhile(rig: Rig) -> None:
    kept = rig.put(every(60, START))
    faster = every(20, START + 20 * SECOND, id=kept.id)
    paused = Paused(rig.backend)
    paused.meanwhile = lambda: rig.put(faster)
    rig.settle(rig.scheduler(paused))
    rig.pass_by(MINUTE, 20 * SECOND, [rig.scheduler()])
    assert rig.once(kept) == grid(START, 20 * SECOND, 4)


def test_a_late_reschedule_repeats_no_run_of_a_definition_that_came_long_before(rig: Rig) -> None:
    kept = rig.put(every(60, START))
    other = rig.scheduler(Stale(rig.backend))
    paused = Paused(rig.backend)

    def meanwhile() -> None:
        rig.put(every(20, START + 20 * SECOND, id=kept.id))
        rig.pass_by(5 * MINUTE, 20 * SECOND, [other])

    paused.meanwhile = meanwhile
    rig.settle(rig.scheduler(paused))
    rig.pass_by(MINUTE, 20 * SECOND, [other])
    assert rig.once(kept) == grid(START, 20 * SECOND, 19)


def test_a_late_reschedule_brings_nothing_back_that_was_cancelled(rig: Rig) -> None:
    kept = rig.put(every(60, START))
    paused = Paused(rig.backend)
    paused.meanwhile = lambda: rig.cancel(kept)
    late = rig.scheduler(paused)
    rig.settle(late)
    rig.pass_by(3 * MINUTE, MINUTE, [late, rig.scheduler(Stale(rig.backend))])
    assert rig.once(kept) == [START]
    assert rig.backend.get(kept.id) is None


def test_what_was_cancelled_stays_so_though_due_shows_it(rig: Rig) -> None:
    kept = rig.put(every(60, START))
    stale = [rig.scheduler(Stale(rig.backend)) for _ in range(SCHEDULERS)]
    rig.settle(*stale)
    assert rig.cancel(kept) is True
    assert rig.cancel(kept) is False
    rig.pass_by(5 * MINUTE, 30 * SECOND, stale)
    assert rig.once(kept) == [START]


def test_a_cancelled_name_begins_a_new_life(rig: Rig) -> None:
    named = every(60, START, id=name_id("n"), name="n")
    rig.cancel(rig.put(named))
    rig.clock.advance(60)
    kept = rig.put(every(60, START + 2 * MINUTE, id=named.id, name="n"))
    rig.pass_by(2 * MINUTE, MINUTE, [rig.scheduler(Stale(rig.backend))])
    assert rig.once(kept) == grid(START + 2 * MINUTE, MINUTE, 2)


@pytest.mark.parametrize("kind", ["one_off", "interval"])
def test_a_scheduler_that_dies_before_it_advances_leaves_a_delivery_that_is_repeated_without_effect(
    rig: Rig, kind: str
) -> None:
    kept = rig.put(one_off(START) if kind == "one_off" else every(60, START))
    with pytest.raises(Dying.Dead):
        rig.scheduler(Dying(rig.backend)).step()
    assert rig.once(kept) == [START]
    rig.pass_by(MINUTE, MINUTE, [rig.scheduler()])
    assert rig.once(kept) == ([START] if kind == "one_off" else [START, START + MINUTE])


def test_after_a_long_absence_of_schedulers_each_time_is_accounted_for(rig: Rig) -> None:
    kept = rig.put(every(60, START, catch_up=CatchUp.ALL))
    rig.clock.advance(3600)
    rig.settle(*(rig.scheduler(Stale(rig.backend)) for _ in range(SCHEDULERS)))
    assert rig.once(kept) == grid(START, MINUTE, 61)


def test_a_replaced_definition_keeps_its_times_and_runs_with_what_is_new(rig: Rig) -> None:
    kept = rig.put(every(60, START))
    scheduler = rig.scheduler(Stale(rig.backend))
    rig.settle(scheduler)
    rig.clock.advance(30)
    rig.put(every(60, START + 90 * SECOND, id=kept.id, task="tasks.other"))
    rig.pass_by(MINUTE, 30 * SECOND, [scheduler])
    assert rig.once(kept) == [START, START + MINUTE]
    [newest, _] = rig.store.jobs.list(JobFilter(), 10)
    assert newest.task == "tasks.other"


def test_schedulers_in_threads_dispatch_each_time_once(rig: Rig) -> None:
    kept = [rig.put(every(60, START)) for _ in range(20)]
    failed: list[BaseException] = []

    def work() -> None:
        try:
            rig.settle(rig.scheduler(Stale(rig.backend)))
        except BaseException as error:  # noqa: BLE001 - told in the thread of the test
            failed.append(error)

    for _ in range(3):
        _in_threads(SCHEDULERS, work)
        rig.clock.advance(60)
    assert failed == []
    assert all(rig.once(each) == grid(START, MINUTE, 3) for each in kept)


def test_threads_lose_nothing_of_each_other(backend: SchedulerBackend) -> None:
    """An app's threads call one instance at the same time."""
    kept: list[ScheduleEnvelope] = []

    def put() -> None:
        for _ in range(5):
            kept.append(backend.enqueue(every(60, START)))
            backend.reschedule(kept[-1].id, START + MINUTE)

    _in_threads(4, put)
    assert len(kept) == 20
    assert {each.id for each in backend.due(START + MINUTE, 100)} == {each.id for each in kept}
    assert backend.due(START, 100) == []


def _in_threads(count: int, work: Callable[[], object]) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

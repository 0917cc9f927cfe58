"""Steps of the host's clock, and a suspended host: a scheduler and a worker on a virtual clock, accounted for after."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from nuvom._job import Job, JobStatus
from nuvom._schedule import CatchUp, Overlap, ScheduleEnvelope
from nuvom.scheduler.service import SchedulerService
from nuvom.stores.values import JobFilter
from nuvom.testing import memory
from nuvom.testing.clock import VirtualClock
from tests.accounts import wrong
from tests.scheduler.examples import cron, interval, one_off, seconds
from tests.worker.inline import START, Stage

MINUTES, HOURS, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TURN = 8.0  # seconds of virtual time between two rounds, less than a third of a lease

Step = Callable[[VirtualClock], None]


def stepped(by: timedelta) -> Step:
    return lambda clock: clock.step(by)


def suspended_and_counted(clock: VirtualClock) -> None:
    """Suspend a host whose monotonic clock goes on meanwhile."""
    clock.advance(8 * HOURS)


STEPS = {
    "5 minutes on": [stepped(5 * MINUTES)],
    "5 minutes back": [stepped(-5 * MINUTES)],
    "a day on and back": [stepped(DAY), stepped(-DAY)],
    "a day back and on": [stepped(-DAY), stepped(DAY)],
    "8 hours suspended": [stepped(8 * HOURS)],
}
steps = pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS.keys())


class Host:
    """One host: a store, a scheduler and a worker, and the latest time that its wall clock showed."""

    def __init__(self, url: str = "memory://") -> None:
        self.stage = Stage(url)
        self.clock, self.store = self.stage.clock, self.stage.store
        self.store.migrate()
        self.scheduler = SchedulerService(self.store, clock=self.clock, random=Random(1))
        self.worker, self.hands = self.stage.runner({"tasks.add": lambda: None})
        self.latest = self.clock.now()

    def schedule(self, wanted: ScheduleEnvelope) -> ScheduleEnvelope:
        return self.store.schedules.upsert(wanted).envelope

    def serve(self, time: timedelta) -> None:
        """Let both work while some time passes."""
        left = time.total_seconds()
        while left > 0:
            pause = self._rest()
            turn = min(TURN, left, max(pause, 1e-6))
            self.clock.advance(turn)
            left -= turn
        self._rest()

    def _rest(self) -> float:
        """Work until neither has anything to do now."""
        for _ in range(1_000):
            self.latest = max(self.latest, self.clock.now())
            pause = self.scheduler.step()
            if not self.hands.blocked:
                pause = min(pause, self.worker.step())
            if pause > 0 and not self.hands.busy():
                return pause
        raise AssertionError("they never come to rest")

    def jobs(self) -> list[Job]:
        found: list[Job] = []
        while page := self.store.jobs.list(JobFilter(), 1_000, found[-1].id if found else None):
            found += page
        return found


def fleet(host: Host) -> list[ScheduleEnvelope]:
    """Schedule one of each kind."""
    since = START + seconds(1)
    recurring = [
        interval(60, since, "minutely"),
        interval(60, since, "alone", overlap=Overlap.SKIP),
        interval(600, since, "spread", jitter=300 * seconds(1)),
        interval(60, since, "in time", catch_up=CatchUp.SKIP, grace=seconds(30)),
        cron("*/5 * * * *", "UTC", since, "fives"),
        cron("7 * * * *", "Asia/Kolkata", since, "all", catch_up=CatchUp.ALL),
        cron("30 3 * * *", "America/New_York", since, "daily"),
        cron("*/10 * * * *", "Europe/Berlin", since, "held", overlap=Overlap.QUEUE_ONE),
    ]
    return [host.schedule(each) for each in (*recurring, one_off(START + 20 * MINUTES))]


def check_account(host: Host, envelope: ScheduleEnvelope) -> None:
    """Each nominal time up to the next run has one row, none beyond has one, and nothing that was due is left."""
    stored = host.store.schedules.get(envelope.id) or replace(envelope, next_nominal=None, next_run=None)
    assert wrong(host.store.ledger, stored, START, host.latest) == []


def check_jobs(host: Host) -> None:
    """Each job ran once, at its time or later, by the clock of then."""
    jobs = host.jobs()
    assert {job.status for job in jobs} == {JobStatus.SUCCEEDED}
    assert {(job.attempt, job.crashes) for job in jobs} == {(1, 0)}
    assert [job.id for job in jobs if job.started_at and job.started_at < job.run_at] == []
    assert len({(job.schedule_id, job.scheduled_for) for job in jobs}) == len(jobs)


@steps
def test_each_occurrence_has_one_row_across_steps_of_the_clock(steps: list[Step]) -> None:
    host = Host()
    schedules = fleet(host)
    host.serve(10 * MINUTES)
    [worker] = host.store.workers.list()
    for step in steps:
        step(host.clock)
        host.serve(12 * MINUTES)
    host.serve(15 * MINUTES)
    for schedule in schedules:
        check_account(host, schedule)
    check_jobs(host)
    [same] = host.store.workers.list()
    assert (same.id, same.alive) == (worker.id, True)


def test_a_host_whose_clocks_both_ran_while_it_slept_catches_up_under_a_new_lease() -> None:
    host = Host()
    schedules = fleet(host)
    host.serve(10 * MINUTES)
    suspended_and_counted(host.clock)
    host.serve(15 * MINUTES)
    for schedule in schedules:
        check_account(host, schedule)
    check_jobs(host)
    assert sum(worker.alive for worker in host.store.workers.list()) == 1


@steps
def test_a_running_job_keeps_its_worker_and_its_attempt_across_steps(steps: list[Step]) -> None:
    host = Host()
    host.schedule(one_off(START + seconds(10)))
    host.hands.blocked = True
    for _ in range(12):
        host.scheduler.step()
        host.worker.step()
        host.clock.advance(1)
    [job] = host.jobs()
    assert job.status is JobStatus.RUNNING
    for step in steps:
        step(host.clock)
        for _ in range(60):
            host.worker.step()
            host.clock.advance(1)
    host.hands.blocked = False
    host.serve(1 * MINUTES)
    check = host.stage.job(job.id)
    assert (check.status, check.attempt, check.crashes) == (JobStatus.SUCCEEDED, 1, 0)


def test_a_clock_that_was_a_day_ahead_leaves_a_gap_and_says_when_it_ends() -> None:
    host = Host()
    minutely = host.schedule(interval(60, START + seconds(1)))
    host.serve(5 * MINUTES)
    host.clock.step(DAY)
    host.serve(5 * MINUTES)
    before = len(host.jobs())
    host.clock.step(-DAY)
    host.serve(20 * MINUTES)
    assert len(host.jobs()) == before
    stored = host.store.schedules.get(minutely.id)
    assert stored is not None
    assert stored.next_run is not None
    assert timedelta(0) < stored.next_run - host.clock.now() < DAY


def test_a_drain_across_a_step_runs_nothing_twice() -> None:
    with memory(now=START) as now:
        ran: list[int] = []
        task = now.app.task(name="tasks.ran")(ran.append)
        task.schedule(1, interval=60)
        now.advance("10m")
        assert len(ran) == 10
        now.clock.step(-5 * MINUTES)
        now.advance("5m")
        assert len(ran) == 10
        now.advance("1m")
        assert len(ran) == 11
        now.clock.step(8 * HOURS)
        now.run_due()
        assert len(ran) == 12

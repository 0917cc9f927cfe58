"""Processes killed at each step: what the next one finds is whole, and it finishes the work once."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta

import psutil
import pytest

from nuvom._job import JobStatus
from nuvom._schedule import ScheduleState
from tests.faults import invariants
from tests.faults.conftest import counting, place_of
from tests.faults.processes import ended, produce, scheduler
from tests.waiting import until
from tests.worker.service import Service, Site

PUSH = 'print(count.options(id="order-7").delay(7).id)'
PUSH_MANY = "print(len(count.map([(n,) for n in range(500)])))"
PROMISE = 'print(count.options(id="order-7").schedule(7, at=datetime.now(UTC)).id)'


@pytest.mark.parametrize(
    ("step", "there"),
    [("producer.before_commit", 0), ("store.commit", 0), ("store.committed", 1), ("producer.after_commit", 1)],
)
def test_a_push_killed_at_its_commit_is_there_or_not_and_repeated_with_its_id_is_one_job(
    site: Site, step: str, there: int
) -> None:
    # The file is migrated already, so the first commit of a producer is its push.
    produce(PUSH, site.url, crash_at=step)
    assert invariants.states(place_of(site)) == ({"ready": 1} if there else {})
    assert produce(PUSH, site.url) == produce(PUSH, site.url)
    assert invariants.states(place_of(site)) == {"ready": 1}


@pytest.mark.parametrize(("step", "there"), [("store.commit", {}), ("store.committed", {"ready": 500})])
def test_many_jobs_of_one_call_are_all_there_or_none(site: Site, step: str, there: dict[str, int]) -> None:
    produce(PUSH_MANY, site.url, crash_at=step)
    assert invariants.states(place_of(site)) == there


@pytest.mark.parametrize(
    ("step", "there"),
    [("producer.before_commit", 0), ("store.commit", 0), ("store.committed", 1), ("producer.after_commit", 1)],
)
def test_a_schedule_killed_at_its_commit_is_there_or_not_and_repeated_is_one(site: Site, step: str, there: int) -> None:
    produce(PROMISE, site.url, crash_at=step)
    assert len(site.store.schedules.upcoming(9)) == there
    assert produce(PROMISE, site.url) == produce(PROMISE, site.url)
    assert len(site.store.schedules.upcoming(9)) == 1


# Commits of a scheduler: its row, the dispatch of what is due, its next beat or dispatch.
STEPS = [f"scheduler.{step}" for step in ("advance", "occurrences", "jobs")]
COMMITS = [f"store.{step}:{number}" for number in (2, 3) for step in ("commit", "committed")]


@pytest.mark.parametrize("step", [*STEPS, "scheduler.advance:2", "scheduler.commit:2", *COMMITS])
def test_a_scheduler_killed_inside_a_dispatch_leaves_no_half_of_it(site: Site, step: str) -> None:
    count = counting(site)
    now = site.store.now()
    once = [count.options(name=f"once{n}").schedule(n, at=now) for n in range(3)]
    often = count.options(name="often").schedule(9, interval=0.3)
    path = place_of(site)
    with invariants.watched(path) as look:
        with scheduler(site.url, crash_at=step) as dying:
            ended(dying, -signal.SIGKILL)
        look()
        invariants.check(path)
        with scheduler(site.url):
            until(lambda: site.store.now() > now + timedelta(seconds=1) and not site.store.schedules.due(now, 9))
            until(lambda: len(site.store.ledger.occurrences(often.id, 99)) > 2)
    for each in once:
        assert [row.nominal for row in site.store.ledger.occurrences(each.id, 9)] == [each.at]
        fence = site.store.ledger.fence(each.id)
        assert fence is not None
        assert fence.envelope.state is ScheduleState.DONE
    invariants.check(path)


# Commits of a worker's process: its row, its tasks, a claim, its outcomes, and the same once more.
@pytest.mark.parametrize(
    "step", [f"store.{step}:{number}" for number in range(3, 6) for step in ("commit", "committed")]
)
def test_a_worker_killed_at_any_commit_loses_no_job_and_records_each_outcome_once(site: Site, step: str) -> None:
    jobs = [site.push("count", number) for number in range(6)]
    with invariants.watched(place_of(site)):
        with site.serve(threads=2, environment={"NUVOM_CRASH_AT": step}) as dying:
            until(lambda: "SIGKILL" in dying.said() or dying.process.poll() == -signal.SIGKILL)
        with site.serve():
            finals = [site.final(job) for job in jobs]
    assert {final.status for final in finals} == {JobStatus.SUCCEEDED}
    assert all(1 <= final.attempt <= 4 for final in finals)
    assert set(map(int, site.lines("ran"))) == set(range(6))


def test_a_job_whose_process_is_killed_during_its_call_runs_again_and_both_attempts_count(site: Site) -> None:
    job = site.push("slow", 0.4)
    with invariants.watched(place_of(site)), site.serve() as service:
        until(lambda: site.lines("began"))
        os.kill(service.pid(), signal.SIGKILL)
        final = site.final(job)
    assert (final.status, final.attempt, final.errors, final.crashes) == (JobStatus.SUCCEEDED, 2, 0, 0)
    assert (site.lines("began"), site.lines("ended")) == (["1", "2"], ["2"])


def test_a_supervisor_killed_while_jobs_run_leaves_no_process_and_no_lease_behind(site: Site) -> None:
    jobs = [site.push("slow", 0.5) for _ in range(6)]
    with site.serve("scheduler", "worker", "worker", threads=2) as service, ExitStack() as stack:
        until(lambda: len(site.lines("began")) >= 4)
        *awake, asleep = [stack.enter_context(ended_at_last(pid)) for pid in children_of(service)]
        assert len(awake) == 2
        asleep.suspend()  # it cannot notice anything, and keeps its lease no longer than that lasts
        service.signal(signal.SIGKILL)
        service.ended(5)
        until(lambda: not any(map(lives, awake)))
        with site.serve(threads=6):
            finals = [site.final(job) for job in jobs]
        asleep.resume()
        until(lambda: not lives(asleep))
    assert {final.status for final in finals} == {JobStatus.SUCCEEDED}
    assert [site.job(job) for job in jobs] == finals
    until(lambda: not site.workers())


def children_of(service: Service) -> list[int]:
    return [child.pid for child in psutil.Process(service.process.pid).children()]


@contextmanager
def ended_at_last(pid: int) -> Iterator[psutil.Process]:
    """Give a process, which is killed at the end if it lives."""
    process = psutil.Process(pid)
    try:
        yield process
    finally:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def lives(process: psutil.Process) -> bool:
    """Tell whether a process runs; one that nobody has reaped does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False

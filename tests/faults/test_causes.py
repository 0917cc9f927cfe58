"""What made nearly every failure of other engines, each cause with a test that carries its name."""

from __future__ import annotations

import os
import signal
import time
from contextlib import closing
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from nuvom._clock import SystemClock
from nuvom._job import JobStatus, Outcome, Verdict
from nuvom.scheduler.plan import plan
from nuvom.stores.registry import open_store
from nuvom.testing.conformance.examples import a_job, a_worker, claimed
from nuvom.worker.heart import Heart
from tests.faults import invariants
from tests.faults.conftest import TASKS, counting, file_of
from tests.faults.processes import scheduler
from tests.scheduler.examples import NOON, cron, interval, one_off
from tests.waiting import until
from tests.worker.service import Site


def test_schedule_state_in_memory_is_none_each_scheduler_may_be_the_last_that_lived(site: Site) -> None:
    often = counting(site).options(name="often").schedule(1, interval=0.2)
    with invariants.watched(file_of(site)):
        for _ in range(3):
            seen = len(site.store.ledger.occurrences(often.id, 99))
            with scheduler(site.url) as one:
                until(partial(more_than, seen, site, often.id))
                os.kill(one.pid, signal.SIGKILL)
    stored = site.store.schedules.get(often.id)
    assert stored is not None
    assert stored.next_run is not None
    assert stored.anchor == often.anchor


def test_no_leader_is_needed_where_all_schedulers_name_an_occurrence_and_its_job_alike() -> None:
    due = [one_off(NOON), interval(60, NOON), cron("0 12 * * *", since=NOON)]
    mine, others = plan(due, NOON), plan(reversed(due), NOON + timedelta(seconds=59))
    jobs = {item.envelope.id: [job.id for job in item.jobs] for item in mine}
    assert jobs == {item.envelope.id: [job.id for job in item.jobs] for item in others}
    assert [len(found) for found in jobs.values()] == [1, 1, 1]


def test_an_update_fenced_by_id_alone_would_accept_the_outcome_of_an_attempt_that_was_lost(tmp_path: Path) -> None:
    with closing(open_store(f"sqlite:///{tmp_path}/jobs.db")) as store:
        worker = a_worker(store)
        store.jobs.push([a_job()])
        (first,) = claimed(store, worker)
        assert store.jobs.finish(worker, [Outcome(first, Verdict.PUT_BACK)]) == []
        (second,) = claimed(store, worker)
        assert (second.id, second.attempt) == (first.id, 2)
        late = store.jobs.finish(worker, [Outcome(first, Verdict.SUCCEEDED, b'"first"')])
        assert [(refused.id, refused.attempt) for refused in late] == [(first.id, 1)]
        assert store.jobs.finish(worker, [Outcome(second, Verdict.SUCCEEDED, b'"second"')]) == []
        job = store.jobs.get(first.id)
        assert job is not None
        assert (job.value, job.attempt) == (b'"second"', 2)


def test_rescue_by_age_would_take_a_long_job_from_a_worker_that_lives(site: Site) -> None:
    with site.serve(), site.serve():
        final = site.final(site.push("slow", 3 * site.lease))
    assert (final.status, final.attempt, site.lines("began")) == (JobStatus.SUCCEEDED, 1, ["1"])


def test_heartbeats_that_stop_before_the_jobs_do_would_run_a_job_twice_at_shutdown(site: Site) -> None:
    with site.serve(grace=30.0) as stopping, site.serve() as other:
        until(lambda: len(site.workers()) == 2)
        other.signal(signal.SIGSTOP)
        job = site.push("slow", 3 * site.lease)
        until(lambda: site.lines("began"))
        other.signal(signal.SIGCONT)
        holder = site.job(job).worker
        service = stopping if any(w.id == holder and w.pid in stopping.pids() for w in site.workers()) else other
        service.signal(signal.SIGTERM)
        final = site.final(job)
    assert (final.status, final.attempt, site.lines("began")) == (JobStatus.SUCCEEDED, 1, ["1"])


SABOTAGE = """
@nuvom.task(name="sabotage")
def sabotage() -> str:
    from nuvom.worker.claims import Claims
    def broken(*_):
        raise ZeroDivisionError("a defect")
    Claims.take = broken
    return "done"
"""


def test_nobody_watches_the_watcher_would_leave_a_process_alive_whose_loop_is_dead(tmp_path: Path) -> None:
    site = Site(tmp_path, TASKS + SABOTAGE, lease=2.0)
    with closing(site.app), site.serve() as service:
        pid = service.pid()
        site.push("sabotage")
        until(lambda: service.pids() - {pid})
        assert site.final(site.push("count")).status is JobStatus.SUCCEEDED
        assert "a defect" in service.said()
    invariants.check(file_of(site))


def test_nobody_watches_the_watcher_would_let_one_failed_heartbeat_be_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(f"sqlite:///{tmp_path}/jobs.db", lease=1.0)
    worker = a_worker(store)
    beats: list[float] = []
    beat = store.workers.heartbeat

    def failing_first(ids: list[str]) -> frozenset[str]:
        beats.append(time.monotonic())
        if len(beats) == 1:
            raise ZeroDivisionError("a defect")
        return beat(ids)

    monkeypatch.setattr(store.workers, "heartbeat", failing_first)
    heart = Heart(lambda: store, 1.0, lambda: [worker], lambda _: None)
    heart.start()
    until(lambda: len(beats) > 3)
    assert [found.alive for found in store.workers.list()] == [True]
    heart.close(5)


def more_than(seen: int, site: Site, schedule_id: str) -> bool:
    return len(site.store.ledger.occurrences(schedule_id, 99)) > seen


class AnotherHost(SystemClock):
    """A host whose wall clock is five minutes off."""

    def __init__(self, minutes: int) -> None:
        self._off = timedelta(minutes=minutes)

    def now(self) -> datetime:
        return super().now() + self._off


@pytest.mark.parametrize("minutes", [-5, 5])
def test_clocks_of_two_hosts_compared_would_end_a_lease_that_lives(tmp_path: Path, minutes: int) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"
    with (
        closing(open_store(url, lease=30.0)) as one,
        closing(open_store(url, lease=30.0, clock=AnotherHost(minutes))) as other,
    ):
        worker = a_worker(one)
        one.jobs.push([a_job()])
        (job,) = claimed(one, worker)
        assert other.workers.rescue() == 0
        assert [found.alive for found in other.workers.list()] == [True]
        assert other.workers.heartbeat([worker]) == frozenset()
        assert one.jobs.finish(worker, [Outcome(job, Verdict.SUCCEEDED, b"1")]) == []


def test_a_full_batch_of_undeliverable_rows_would_hide_the_rest_of_a_queue(site: Site) -> None:
    for number in range(3):
        site.store.jobs.push([a_job(task=f"unknown{number}", priority=9) for _ in range(500)])
    good = site.push("count", 1, priority=-5)
    with site.serve():
        assert site.final(good).status is JobStatus.SUCCEEDED
    assert invariants.states(file_of(site)) == {"ready": 1_500, "succeeded": 1}

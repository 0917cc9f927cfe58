"""The server's clock rules: a host's may be off, and when the server's own steps nothing is doubled or lost."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import datetime, timedelta

import pytest

from nuvom._clock import SystemClock
from nuvom.stores.registry import open_store
from nuvom.testing.conformance.examples import a_job, a_worker, claimed, succeeded, the
from tests.scheduler.test_clock_steps import MINUTES, Host, Step, check_account, check_jobs, fleet, steps


@pytest.mark.parametrize("minutes", [-5, 5])
def test_a_host_whose_clock_is_off_ends_no_lease_and_runs_nothing_early_or_late(
    redis_url: str, minutes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(open_store(redis_url)) as one, closing(open_store(redis_url)) as other:
        worker = a_worker(one)
        now, real = one.now(), SystemClock.now
        soon, later = a_job(run_at=now - timedelta(seconds=1)), a_job(run_at=now + timedelta(minutes=4))
        one.jobs.push([soon, later])
        [job] = claimed(one, worker)

        def off(clock: SystemClock) -> datetime:
            return real(clock) + timedelta(minutes=minutes)

        monkeypatch.setattr(SystemClock, "now", off)
        monkeypatch.setattr(time, "time", lambda: 0.0)
        assert abs(other.now() - one.now()) < timedelta(seconds=1)
        assert other.workers.rescue() == 0
        assert [found.alive for found in other.workers.list()] == [True]
        assert other.workers.heartbeat([worker]) == frozenset()
        assert other.jobs.promote(10) == 0
        assert claimed(other, worker) == []
        assert one.jobs.finish(worker, [succeeded(job)]) == []
        started = the(other, soon.id).started_at
        assert started is not None
        assert abs(started - now) < timedelta(minutes=1)


@steps
def test_a_server_whose_clock_steps_has_one_row_and_one_job_for_each_occurrence(
    steps: list[Step], redis_url: str
) -> None:
    host = Host(redis_url)
    with closing(host.store):
        schedules = fleet(host)
        host.serve(10 * MINUTES)
        for step in steps:
            step(host.clock)
            host.serve(12 * MINUTES)
        host.serve(15 * MINUTES)
        for schedule in schedules:
            check_account(host, schedule)
        check_jobs(host)

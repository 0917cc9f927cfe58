"""Limits with real worker processes: through kills, under load, and when a deploy changes them."""

from __future__ import annotations

import os
import signal
from datetime import timedelta

import pytest

from nuvom._job import DEFAULT_MAX_CRASHES, Job, TaskDefaults
from nuvom.stores.values import JobFilter
from tests.worker.conftest import MakeSite
from tests.worker.service import Site, until

TASKS = """
def note(text):
    with open(HERE / "events", "a") as file:
        file.write(f"{time.monotonic()} {os.getpid()} {text}\\n")

@nuvom.task(name="three", concurrency=3)
def three(seconds: float = 0.02) -> None:
    note("began")
    time.sleep(seconds)
    note("ended")

@nuvom.task(name="paced", rate="20/1s")
def paced() -> None: ...

@nuvom.task(name="busy", priority=10)
def busy() -> None:
    time.sleep(0.003)

@nuvom.task(name="single", concurrency=1, priority=10)
def single() -> None:
    time.sleep(0.003)

@nuvom.task(name="humble")
def humble() -> None: ...
"""


@pytest.fixture
def site(make_site: MakeSite) -> Site:
    return make_site(TASKS, lease=1.0)


def jobs(site: Site, task: str) -> list[Job]:
    return site.store.jobs.list(JobFilter(task=task), 10_000)


def most_at_once(site: Site, killed: dict[int, float]) -> int:
    """The most jobs that ran at one moment; what a killed process had begun ended with it."""
    events: list[tuple[float, int]] = []
    open_by: dict[int, int] = {}
    for line in site.lines("events"):
        at, pid, what = line.split()
        step = 1 if what == "began" else -1
        events.append((float(at), step))
        open_by[int(pid)] = open_by.get(int(pid), 0) + step
    events += [(killed[pid], -1) for pid, left in open_by.items() for _ in range(left)]
    now = most = 0
    for _, step in sorted(events):
        now += step
        most = max(most, now)
    return most


def test_never_more_run_than_allowed_over_all_workers_and_through_a_kill(site: Site) -> None:
    import time

    batch = [site.push("three", defaults=TaskDefaults(concurrency=3)) for _ in range(80)]
    with site.serve() as one, site.serve():
        until(lambda: len(site.lines("events")) > 20, "some have run")
        pid = one.pid()
        killed = {pid: time.monotonic()}
        os.kill(pid, signal.SIGKILL)
        killed[pid] = time.monotonic()
        for job_id in batch:
            site.final(job_id)
    assert most_at_once(site, killed) == 3


def test_no_second_has_more_starts_than_the_rate_and_no_start_is_wasted(site: Site) -> None:
    batch = [site.push("paced", defaults=TaskDefaults(rate="20/1s")) for _ in range(70)]
    with site.serve(), site.serve():
        for job_id in batch:
            site.final(job_id)
    starts = sorted(job.started_at for job in jobs(site, "paced") if job.started_at)
    assert len(starts) == 70
    for i, start in enumerate(starts):
        assert sum(other <= start + timedelta(seconds=1) for other in starts[i:]) <= 20
    assert starts[-1] - starts[0] < timedelta(seconds=3.6)  # three times a second and a fiftieth, and the machine's own


@pytest.mark.parametrize("task", ["busy", "single"])
def test_at_full_load_of_a_high_priority_a_low_one_starts_soon(site: Site, task: str) -> None:
    defaults = TaskDefaults("default", 10, DEFAULT_MAX_CRASHES, concurrency=1 if task == "single" else None)
    for _ in range(3_000):
        site.push(task, defaults=defaults)
    with site.serve(threads=1):
        until(lambda: any(job.started_at for job in jobs(site, task)[-100:]), "the load has begun")
        low = site.push(task, priority=0, defaults=defaults) if task == "single" else site.push("humble")
        site.final(low, seconds=60)
        assert any(job.started_at is None for job in jobs(site, task))


def test_a_deploy_with_another_limit_holds_for_what_waits_already(site: Site) -> None:
    batch = [site.push("three", 5.0, defaults=TaskDefaults(concurrency=1)) for _ in range(4)]
    with site.serve():
        until(lambda: len(site.lines("events")) == 3, "as many run as the new code allows")
        [waiting] = [job for job in map(site.job, batch) if job.waits_for == "flow"]
        assert waiting.flow == "three"


def test_a_worker_that_sleeps_wakes_for_a_queue_that_is_resumed(site: Site) -> None:
    site.store.jobs.pause_queue("default", None)
    job = site.push("humble")
    with site.serve() as service:
        service.pid()
        assert site.job(job).attempt == 0
        site.store.jobs.resume_queue("default")
        assert site.final(job).attempt == 1

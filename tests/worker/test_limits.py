"""Jobs and processes with limits: what does not stop is ended with its process, and nobody else pays for it."""

from __future__ import annotations

import re
import time

import psutil
import pytest

from nuvom._job import Job, JobStatus
from nuvom.stores.values import CancelAnswer
from nuvom.worker.memory import shown, size
from nuvom.worker.place import CROWD
from tests.waiting import until
from tests.worker.conftest import MakeSite
from tests.worker.service import Service, Site

TASKS = """
import asyncio, ctypes, threading
LIBC = ctypes.PyDLL(None)  # its calls keep the interpreter's lock

def note(name, text):
    with open(HERE / name, "a") as file:
        file.write(f"{text}\\n")

@nuvom.task(name="echo")
def echo(value: int) -> int:
    return value

@nuvom.task(name="computes")
def computes() -> None:
    while True:
        pass

@nuvom.task(name="waits")
async def waits() -> None:
    await asyncio.Event().wait()

@nuvom.task(name="blocked")
def blocked() -> None:
    note("began", "blocked")
    time.sleep(60)

@nuvom.task(name="locked")
def locked() -> None:
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()

@nuvom.task(name="keeps_the_lock")
def keeps_the_lock(seconds: int = 60) -> int:
    note("began", "keeps_the_lock")
    LIBC.sleep(seconds)
    return seconds

@nuvom.task(name="until_told")
def until_told() -> None:
    note("began", "until_told")
    while not (HERE / "told").exists():
        time.sleep(0.05)

@nuvom.task(name="swallows")
def swallows() -> None:
    while True:
        try:
            time.sleep(0.01)
        except BaseException:
            note("swallowed", 1)

@nuvom.task(name="swallows_coroutine")
async def swallows_coroutine() -> None:
    while True:
        try:
            await asyncio.sleep(60)
        except BaseException:
            note("swallowed", 1)

@nuvom.task(name="blocks_loop")
async def blocks_loop() -> None:
    time.sleep(60)

@nuvom.task(name="neighbour")
def neighbour(seconds: float) -> int:
    note("neighbour", nuvom.current_job().attempt)
    time.sleep(seconds)
    return nuvom.current_job().attempt

@nuvom.task(name="cleans")
def cleans() -> str:
    try:
        note("began", "cleans")
        while True:
            pass
    except nuvom.JobCancelled:
        note("cleaned", 1)
        raise

@nuvom.task(name="reports")
def reports() -> None:
    nuvom.current_job().report(1, 4, "at it")
    time.sleep(60)

@nuvom.task(name="grows")
def grows(megabytes: int, seconds: float = 0.0) -> int:
    note("grew", os.getpid())
    kept = []
    for _ in range(megabytes // 10):
        kept.append(b"x" * 10_000_000)
        time.sleep(0.005)
    time.sleep(seconds)
    return len(kept)

KEPT = []

@nuvom.task(name="leaks")
def leaks(megabytes: int) -> int:
    KEPT.append(b"x" * (megabytes * 1_000_000))
    return os.getpid()
"""


@pytest.fixture
def site(make_site: MakeSite) -> Site:
    return make_site(TASKS, lease=60.0)


def limited(site: Site, task: str, seconds: float, *arguments: object, **said: object) -> str:
    return site.push(task, *arguments, options=f'{{"timeout":{seconds}}}'.encode(), **said)


def message_of(job: Job) -> str:
    assert job.error is not None
    return job.error.message


def took(job: Job) -> float:
    assert job.started_at is not None
    assert job.finished_at is not None
    return (job.finished_at - job.started_at).total_seconds()


@pytest.mark.parametrize(("task", "how"), [("computes", "JobTimedOut was raised in it"), ("waits", "was cancelled")])
def test_a_job_that_can_be_stopped_ends_at_its_timeout_and_its_process_goes_on(site: Site, task: str, how: str) -> None:
    with site.serve() as service:
        pid = service.pid()
        final = site.final(limited(site, task, 0.3))
        assert (final.status, final.error and final.error.kind) == (JobStatus.FAILED, "timeout")
        assert how in message_of(final)
        assert took(final) < 1.3
        assert service.pid() == pid


@pytest.mark.parametrize("task", ["blocked", "locked", "keeps_the_lock", "blocks_loop"])
def test_a_job_that_does_not_yield_ends_with_its_process_within_a_second_of_its_timeout(site: Site, task: str) -> None:
    with site.serve() as service:
        pid = service.pid()
        job = limited(site, task, 0.5)
        final = site.final(job)
        assert (final.status, final.error and final.error.kind) == (JobStatus.FAILED, "timeout")
        assert message_of(final) == (
            "it ran for longer than its timeout of 0.5 s and did not yield, so its process was replaced"
        )
        assert (final.errors, final.crashes, final.suspect) == (1, 0, False)
        assert took(final) < 1.5
        assert service.pid(other_than=pid) != pid
        assert site.final(site.push("echo", 1)).status is JobStatus.SUCCEEDED


@pytest.mark.parametrize("task", ["swallows", "swallows_coroutine"])
def test_a_job_that_swallows_its_stop_has_five_seconds_and_ends_with_its_process(site: Site, task: str) -> None:
    with site.serve():
        final = site.final(limited(site, task, 0.3))
    assert message_of(final) == (
        "it ran for longer than its timeout of 0.3 s and went on although it was stopped, so its process was replaced"
    )
    assert 5 <= took(final) < 6.3
    assert site.lines("swallowed") == ["1"]


def test_neighbours_of_a_replaced_process_go_back_unsuspected_but_never_one_that_may_run_once(site: Site) -> None:
    with site.serve() as service:
        pid = service.pid()
        neighbours = [site.push("neighbour", 3.0), site.push("neighbour", 3.0)]
        once = site.push("neighbour", 3.0, max_crashes=0)
        until(lambda: len(site.lines("neighbour")) == 3)
        hung = limited(site, "blocked", 0.5, max_crashes=0)
        assert message_of(site.final(hung)).endswith("so its process was replaced")
        service.pid(other_than=pid)
        running = [site.job(job) for job in neighbours]
        assert {(job.suspect, job.crashes, job.errors) for job in running} == {(False, 0, 0)}
        finals = [site.final(job) for job in neighbours]
        assert [(job.status, job.value, job.crashes) for job in finals] == [(JobStatus.SUCCEEDED, b"2", 0)] * 2
        failed = site.final(once)
        assert (failed.status, failed.attempt) == (JobStatus.FAILED, 1)
        assert "max_crashes=0 forbids" in message_of(failed)
        assert hung in message_of(failed)


def test_a_job_ended_with_its_process_is_tried_again_as_its_retries_say(site: Site) -> None:
    with site.serve():
        hung = site.push("blocked", options=b'{"timeout":0.3,"retries":1}')
        final = site.final(hung)
    assert (final.status, final.errors, final.attempt, final.crashes) == (JobStatus.FAILED, 2, 2, 0)
    assert [each.error and each.error.kind for each in site.store.jobs.attempts(hung)] == ["timeout", "timeout"]
    assert site.lines("began") == ["blocked"] * 2


def running(site: Site, *tasks: str) -> list[str]:
    """Start jobs that wait to be cancelled."""
    jobs = [site.push(task) for task in tasks]
    until(lambda: all(site.job(job).status is JobStatus.RUNNING for job in jobs))
    return jobs


def test_a_cancel_reaches_running_jobs_within_a_second_and_they_may_clean_up(site: Site) -> None:
    with site.serve() as service:
        pid = service.pid()
        jobs = running(site, "cleans", "waits")
        until(lambda: site.lines("began"))
        began = time.monotonic()
        assert [site.store.jobs.cancel(job) for job in jobs] == [CancelAnswer.REQUESTED] * 2
        finals = [site.final(job) for job in jobs]
        assert time.monotonic() - began < 1.5
        assert {(final.status, final.error and final.error.kind) for final in finals} == {
            (JobStatus.CANCELLED, "cancelled")
        }
        assert site.lines("cleaned") == ["1"]
        assert service.pid() == pid


def test_a_job_that_does_not_follow_a_cancel_is_ended_with_its_process(site: Site) -> None:
    with site.serve() as service:
        pid = service.pid()
        [job] = running(site, "blocked")
        began = time.monotonic()
        site.store.jobs.cancel(job)
        final = site.final(job)
        assert 9 < time.monotonic() - began < 12
        assert (final.status, final.error and final.error.kind) == (JobStatus.CANCELLED, "cancelled")
        assert message_of(final) == "it was asked to stop and did not within 10 s, so its process was replaced"
        assert service.pid(other_than=pid) != pid


def test_what_a_running_job_reports_can_be_read_within_a_second(site: Site) -> None:
    with site.serve():
        job = site.push("reports")
        until(lambda: site.job(job).status is JobStatus.RUNNING)
        until(lambda: site.job(job).progress, timeout=1.5)
        progress = site.job(job).progress
        assert progress is not None
        assert (progress.done, progress.total, progress.note) == (1, 4, "at it")


def test_c_code_that_keeps_the_interpreter_for_longer_than_the_lease_is_not_run_again(make_site: MakeSite) -> None:
    site = make_site(TASKS, lease=1.0)
    with site.serve(), site.serve():
        final = site.final(site.push("keeps_the_lock", 3))
    assert (final.status, final.attempt, final.value) == (JobStatus.SUCCEEDED, 1, b"3")
    assert site.lines("began") == ["keeps_the_lock"]


def test_a_process_that_holds_too_much_retires_and_what_runs_in_it_ends(site: Site) -> None:
    with site.serve(max_memory=150_000_000, grace=60.0) as service:
        pid = service.pid()
        slow = site.push("neighbour", 8.0)
        until(lambda: site.lines("neighbour"))
        assert site.final(site.push("leaks", 160)).value == str(pid).encode()
        successor = service.pid(other_than=pid)
        assert site.job(slow).status is JobStatus.RUNNING, "the successor starts beside it"
        assert site.final(site.push("echo", 1)).worker != site.job(slow).worker
        final = site.final(slow)
        assert (final.status, final.attempt) == (JobStatus.SUCCEEDED, 1)
        until(lambda: not psutil.pid_exists(pid))
        assert service.pid() == successor
        assert "more than --max-memory allows (150 MB)" in service.said()
        assert "ERROR" not in service.said()


def test_a_job_that_eats_memory_fails_as_a_crash_that_names_the_limit_and_its_neighbours_pay_nothing(
    site: Site,
) -> None:
    with site.serve(max_memory=150_000_000, grace=1.0):
        neighbours = [site.push("neighbour", 0.2) for _ in range(3)]
        eats = site.push("grows", 2_000, 60.0, max_crashes=1)
        final = site.final(eats)
        assert (final.status, final.error and final.error.kind) == (JobStatus.FAILED, "crash")
        assert "--max-memory allows 150 MB; it was killed" in message_of(final)
        assert final.crashes == 1
        finals = [site.final(job) for job in neighbours]
        assert {(job.status, job.crashes) for job in finals} == {(JobStatus.SUCCEEDED, 0)}


def test_processes_that_are_too_large_from_their_start_are_started_less_and_less_often(site: Site) -> None:
    with site.serve(max_memory=10_000_000) as service:
        until(lambda: service.said().count("retires: it holds") >= 4)
        pauses = re.findall(r"WARNING .* retires: it holds .* the next one starts in ([\d.]+) s", service.said())
        assert float(pauses[3]) >= 0.4 > float(pauses[0])


@pytest.mark.parametrize("count", [40])
def test_no_job_is_dropped_and_no_process_left_when_processes_take_turns(site: Site, count: int) -> None:
    jobs = [site.push("echo", number) for number in range(count)]
    with site.serve(max_jobs=5) as service:
        finals = [site.final(job, 60) for job in jobs]
        # One that waited for a second goes back free of charge: an attempt more, and nothing paid.
        assert {(job.status, job.errors, job.crashes) for job in finals} == {(JobStatus.SUCCEEDED, 0, 0)}
        until(lambda: service.said().count("retires: it has taken as many jobs as it may (5)") >= count // 5)
        until(lambda: len(children_of(service)) == 1)
        assert children_of(service)[0].status() != psutil.STATUS_ZOMBIE
        assert "ERROR" not in service.said()
    assert len({job.id for job in finals}) == count


def children_of(service: Service) -> list[psutil.Process]:
    return psutil.Process(service.process.pid).children()


def test_processes_that_retire_with_long_jobs_do_not_pile_up(site: Site) -> None:
    with site.serve(max_jobs=1, threads=1) as service:
        jobs = [site.push("until_told") for _ in range(CROWD + 3)]
        until(lambda: len(site.lines("began")) == CROWD)
        until(lambda: service.said().count("retires") == CROWD)
        children = psutil.Process(service.process.pid).children()
        assert len(children) == CROWD, "no more begin while as many retire"
        (site.folder / "told").touch()
        assert [site.final(job).status for job in jobs] == [JobStatus.SUCCEEDED] * len(jobs)


def test_a_limit_of_less_than_ten_megabytes_is_not_shown_as_none() -> None:
    assert [shown(size("1K")), shown(size("1.5MB")), shown(size("512MiB"))] == ["1 kB", "1,500 kB", "537 MB"]

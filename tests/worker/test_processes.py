"""Worker processes that are killed, stopped, told to end, or ended by their own jobs."""

from __future__ import annotations

import os
import signal
import time
from datetime import UTC, datetime

import psutil
import pytest

from nuvom._job import JobStatus
from tests.worker.conftest import MakeSite
from tests.worker.service import Site, until

TASKS = """
def note(name, text):
    with open(HERE / name, "a") as file:
        file.write(f"{text}\\n")

@nuvom.task(name="echo")
def echo(value: int) -> int:
    note("ran", value)
    return value

@nuvom.task(name="slow")
def slow(seconds: float) -> str:
    note("slow", "began")
    time.sleep(seconds)
    note("slow", "ended")
    return "done"

@nuvom.task(name="coroutine")
async def coroutine(value: int) -> int:
    import asyncio
    await asyncio.sleep(0.01)
    return nuvom.current_job().attempt + value

@nuvom.task(name="dies")
def dies() -> None:
    note("died", os.getpid())
    os._exit(3)

@nuvom.task(name="dies_once")
def dies_once() -> str:
    note("died", os.getpid())
    if len((HERE / "died").read_text().splitlines()) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return "survived"

@nuvom.task(name="exits")
def exits() -> None:
    sys.exit("from a task")

@nuvom.task(name="interrupts")
def interrupts() -> None:
    raise KeyboardInterrupt

@nuvom.task(name="forks")
def forks() -> None:
    pid = os.fork()
    note("forked", pid or os.getpid())

@nuvom.task(name="stops_loop")
async def stops_loop() -> None:
    import asyncio
    asyncio.get_running_loop().stop()

@nuvom.task(name="exits_loop")
async def exits_loop() -> None:
    import asyncio
    asyncio.get_running_loop().call_soon(sys.exit)
    await asyncio.sleep(0.01)

@nuvom.task(name="logs")
def logs() -> None:
    import logging
    logging.getLogger("mine").info("hello")

@nuvom.task(name="blocks_loop")
async def blocks_loop() -> None:
    time.sleep(1.5)

@nuvom.task(name="closes")
def closes() -> str:
    for descriptor in (0, 1, 2):
        os.close(descriptor)
    return "closed"

@nuvom.task(name="closes_all", max_crashes=1)
def closes_all() -> str:
    os.closerange(3, 4096)
    return "closed"

@nuvom.task(name="closes_all_in_the_loop", max_crashes=1)
async def closes_all_in_the_loop() -> str:
    os.closerange(3, 4096)
    return "closed"
"""


def echo(value: int) -> int:
    return value


@pytest.fixture
def site(make_site: MakeSite) -> Site:
    return make_site(TASKS)


def test_jobs_of_plain_and_coroutine_functions_run(site: Site) -> None:
    jobs = [site.push("echo", number) for number in range(20)] + [site.push("coroutine", 1)]
    with site.serve():
        assert [site.final(job).status for job in jobs] == [JobStatus.SUCCEEDED] * 21
        assert site.job(jobs[-1]).value == b"2"
    assert sorted(map(int, site.lines("ran"))) == list(range(20))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_an_idle_service_ends_within_a_second_and_leaves_no_row(site: Site, number: signal.Signals) -> None:
    with site.serve() as service:
        service.pid()
        began = time.monotonic()
        service.signal(number)
        assert service.ended(10) == 0
        assert time.monotonic() - began < 1.0
    assert site.workers() == []


def test_sigterm_lets_a_running_job_end_and_leaves_the_rest_queued(site: Site) -> None:
    with site.serve(threads=1) as service:
        running = site.push("slow", 0.5)
        until(lambda: site.lines("slow"), "the job began")
        waiting = [site.push("echo", 1) for _ in range(3)]
        service.signal(signal.SIGTERM)
        assert service.ended(10) == 0
    assert site.job(running).status is JobStatus.SUCCEEDED
    assert [site.job(job).status for job in waiting] == [JobStatus.QUEUED] * 3


def test_after_its_grace_a_service_puts_back_what_still_runs(site: Site) -> None:
    with site.serve(grace=0.3) as service:
        job = site.push("slow", 60)
        until(lambda: site.lines("slow"), "the job began")
        service.signal(signal.SIGTERM)
        assert service.ended(5) == 0
    assert site.job(job).status is JobStatus.QUEUED
    assert (site.job(job).errors, site.job(job).crashes, site.job(job).suspect) == (0, 0, False)


def test_a_second_signal_puts_back_at_once(site: Site) -> None:
    with site.serve(grace=60.0) as service:
        job, once = site.push("slow", 60), site.push("slow", 60, max_crashes=0)
        until(lambda: len(site.lines("slow")) == 2, "the jobs began")
        service.signal(signal.SIGTERM)
        until(lambda: "have 60 s to end" in service.said(), "the first signal was taken")
        service.signal(signal.SIGINT)
        assert service.ended(3) == 0
    assert site.job(job).status is JobStatus.QUEUED
    failed = site.job(once)
    assert failed.status is JobStatus.FAILED
    assert failed.error is not None
    assert "max_crashes=0" in failed.error.message


def test_a_killed_process_is_replaced_at_once_and_its_job_runs_again(make_site: MakeSite) -> None:
    site = make_site(TASKS, lease=60.0)
    with site.serve() as service:
        job = site.push("slow", 0.5)
        until(lambda: site.lines("slow"), "the job began")
        os.kill(service.pid(), signal.SIGKILL)
        final = site.final(job, 15)
    assert final.status is JobStatus.SUCCEEDED
    assert (final.attempt, final.crashes, final.errors) == (2, 0, 0)
    assert "SIGKILL" in service.said()


def test_a_job_that_kills_its_process_fails_and_neighbours_pay_nothing(site: Site) -> None:
    with site.serve() as service:
        supervisor = service.process.pid
        poison = site.push("dies", max_crashes=1)
        others = [site.push("echo", number) for number in range(10)]
        failed = site.final(poison)
        assert failed.status is JobStatus.FAILED
        assert failed.error is not None
        assert failed.error.kind == "crash"
        assert "exited with code 3" in failed.error.message
        assert failed.crashes == 1
        assert [site.final(job).status for job in others] == [JobStatus.SUCCEEDED] * 10
        assert [site.job(job).crashes for job in others] == [0] * 10
        assert service.process.poll() is None
        assert service.process.pid == supervisor


def test_a_suspect_that_survives_is_cleared(site: Site) -> None:
    with site.serve():
        final = site.final(site.push("dies_once"))
    assert (final.status, final.value, final.suspect, final.crashes) == (JobStatus.SUCCEEDED, b'"survived"', False, 0)


def test_sys_exit_and_keyboard_interrupt_in_a_task_cost_only_that_job(site: Site) -> None:
    with site.serve() as service:
        pid = service.pid()
        exits, interrupts, closes = site.push("exits"), site.push("interrupts"), site.push("closes")
        errors = [site.final(job).error for job in (exits, interrupts)]
        assert [error and error.type for error in errors] == ["SystemExit", "KeyboardInterrupt"]
        assert site.final(closes).status is JobStatus.SUCCEEDED
        assert site.final(site.push("echo", 1)).status is JobStatus.SUCCEEDED
        assert service.pid() == pid


@pytest.mark.parametrize("task", ["closes_all", "closes_all_in_the_loop"])
def test_a_process_whose_descriptors_a_task_closes_ends_and_says_so(site: Site, task: str) -> None:
    with site.serve() as service:
        final = site.final(site.push(task))
        assert (final.status, final.error and final.error.kind) == (JobStatus.FAILED, "crash")
        assert site.final(site.push("echo", 1)).status is JobStatus.SUCCEEDED
        assert "a job closed file descriptors that are not its own" in service.said()
        assert service.said().count("a callback ended the event loop") < 50


def test_a_task_that_forks_and_returns_twice_has_one_outcome(site: Site) -> None:
    with site.serve() as service:
        assert site.final(site.push("forks")).status is JobStatus.SUCCEEDED
        pids = until(lambda: len(site.lines("forked")) == 2 and set(map(int, site.lines("forked"))), "both returned")
        [forked] = pids
        until(lambda: not psutil.pid_exists(forked) or psutil.Process(forked).status() == "zombie", "the copy ended")
        assert site.final(site.push("echo", 1)).status is JobStatus.SUCCEEDED
        assert "exited" not in service.said()


def test_a_task_that_stops_or_blocks_the_event_loop_stops_no_other_job(site: Site) -> None:
    with site.serve() as service:
        pid = service.pid()
        assert site.final(site.push("stops_loop")).status is JobStatus.SUCCEEDED
        assert site.final(site.push("exits_loop")).status is JobStatus.SUCCEEDED
        assert site.final(site.push("coroutine", 1)).status is JobStatus.SUCCEEDED
        blocking = site.push("blocks_loop")
        until(lambda: site.job(blocking).status is JobStatus.RUNNING, "the loop is blocked")
        coroutine = site.push("coroutine", 1)
        assert site.final(site.push("echo", 1)).status is JobStatus.SUCCEEDED
        assert site.job(blocking).status is JobStatus.RUNNING
        assert site.final(coroutine).status is JobStatus.SUCCEEDED
        assert service.pid() == pid


def test_a_stopped_process_loses_its_jobs_and_its_late_outcome_is_refused(site: Site) -> None:
    with site.serve(threads=1) as stopped:
        job = site.push("slow", 1.0)
        until(lambda: site.lines("slow"), "the job began")
        pid = stopped.pid()
        os.kill(pid, signal.SIGSTOP)
        until(lambda: f"`kill -CONT {pid}`" in stopped.said(), "it was said")
        with site.serve():
            final = site.final(job)
            assert (final.status, final.attempt) == (JobStatus.SUCCEEDED, 2)
            os.kill(pid, signal.SIGCONT)
            until(lambda: "goes on as a new worker" in stopped.said(), "the stopped process registered anew")
            until(lambda: pid in stopped.pids(), "it holds a lease again")
            assert site.job(job) == final


def test_children_end_when_their_supervisor_is_killed(site: Site) -> None:
    with site.serve() as service:
        site.push("slow", 60)
        until(lambda: site.lines("slow"), "the job began")
        child = psutil.Process(service.pid())
        service.signal(signal.SIGKILL)
        service.ended(5)
        until(lambda: not child.is_running() or child.status() == "zombie", "it ended", 5)
        until(lambda: not site.workers(), "its lease ran out", 5)


def test_tasks_that_cannot_be_imported_are_named_and_tried_again(make_site: MakeSite) -> None:
    site = make_site("if not (HERE / 'mended').exists(): raise RuntimeError('not today')\n" + TASKS)
    with site.serve() as service:
        until(lambda: service.said().count("the next one starts in") >= 2, "it was started again")
        assert "not today" in service.said()
        (site.folder / "mended").touch()
        assert site.final(site.push("echo", 1)).status is JobStatus.SUCCEEDED


def test_tasks_that_use_the_app_while_they_are_imported_run(make_site: MakeSite) -> None:
    site = make_site(TASKS + "\necho.delay(5)\n")
    with site.serve():
        until(lambda: site.lines("ran") == ["5"], "the job that was pushed at import ran")


def test_what_a_task_logs_is_shown_with_the_id_of_its_job(site: Site) -> None:
    with site.serve() as service:
        job = site.push("logs")
        until(lambda: f"mine [{job}]: hello" in service.said(), "the line is there")


def test_a_service_waits_for_a_store_that_cannot_be_used_and_goes_on_when_it_is_mended(site: Site) -> None:
    file = site.folder / "jobs.db"
    file.write_bytes(b"this is no database" * 1000)
    with site.serve() as service:
        until(lambda: "the store is away" in service.said(), "it was said")
        file.unlink()
        job = site.push("echo", 1)
        assert site.final(job, 8).status is JobStatus.SUCCEEDED
        until(lambda: "the store is back" in service.said(), "that was said too")
        assert service.process.poll() is None


def test_one_supervisor_runs_a_scheduler_and_workers(site: Site) -> None:
    site.app.task(name="echo")(echo).schedule(7, at=datetime.now(UTC))
    with site.serve("scheduler", "worker", "worker") as service:
        until(lambda: site.lines("ran") == ["7"], "the schedule ran")
        until(lambda: len(site.workers()) == 2, "two workers")
        service.signal(signal.SIGTERM)
        assert service.ended(5) == 0


@pytest.mark.parametrize(
    ("step", "runs"),
    [
        ("worker.claim", 1),
        ("worker.claimed", 1),
        ("worker.before_call", 1),
        ("worker.after_call", 2),
        ("worker.flush", 2),
        ("worker.flushed", 1),
    ],
)
def test_a_worker_killed_at_any_step_loses_nothing(site: Site, step: str, runs: int) -> None:
    job = site.push("echo", 7)
    with site.serve(environment={"NUVOM_CRASH_AT": step}) as crashing:
        until(lambda: "SIGKILL" in crashing.said(), "the step was reached")
    with site.serve():
        final = site.final(job)
    assert (final.status, final.value) == (JobStatus.SUCCEEDED, b"7")
    assert len(site.lines("ran")) >= runs
    assert final.attempt >= runs
    assert final.crashes <= final.attempt

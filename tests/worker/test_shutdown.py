"""How services end: no attempt begins while another one of its job still runs, and signals do what they should."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from nuvom._job import JobStatus
from nuvom.testing.conformance.examples import a_job
from nuvom.worker import orphans
from nuvom.worker.signals import Distinct
from tests.waiting import until
from tests.worker.conftest import MakeSite
from tests.worker.service import Site

# An attempt names itself, and says whether the process of an earlier one still runs.
TASKS = """
import psutil

def runs(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False

def begin():
    file, job = HERE / "began", nuvom.current_job().id
    lines = [line.split() for line in file.read_text().splitlines()] if file.exists() else []
    earlier = [int(pid) for each, pid in lines if each == job]
    with (HERE / "overlaps").open("a") as overlaps:
        overlaps.writelines(f"{pid}\\n" for pid in earlier if pid != os.getpid() and runs(pid))
    with file.open("a") as began:
        began.write(f"{job} {os.getpid()}\\n")
    return len(earlier)

@nuvom.task(name="stubborn")
def stubborn(seconds: float = 60) -> int:
    attempts = begin()
    end = time.monotonic() + (0.0 if attempts else seconds)
    while time.monotonic() < end:  # and whatever it is asked
        try:
            time.sleep(0.01)
        except BaseException:
            pass
    return attempts

@nuvom.task(name="deaf")
def deaf() -> int:
    attempts = begin()
    if not attempts:
        import ctypes
        ctypes.PyDLL(None).sleep(60)  # no thread of this process runs
    return attempts

@nuvom.task(name="echo")
def echo(value: int) -> int:
    return value

@nuvom.task(name="orphan")
def orphan() -> int:
    import subprocess
    # The shell ends at once, and what it started has no parent any more.
    return int(subprocess.check_output(["sh", "-c", "sleep 0.2 >/dev/null 2>&1 & echo $!"]))

@nuvom.task(name="hello")
async def hello() -> str:
    import asyncio
    await asyncio.sleep(0)
    return "hello"
"""


@pytest.fixture
def site(make_site: MakeSite) -> Site:
    return make_site(TASKS, lease=2.0)


@pytest.mark.parametrize("task", ["stubborn", "deaf"])
def test_a_job_that_outlives_the_grace_begins_elsewhere_only_when_its_process_is_gone(site: Site, task: str) -> None:
    with site.serve(grace=0.5) as first:
        job = site.push(task)
        until(lambda: site.lines("began"))
        with site.serve() as second:
            second.pid()
            first.signal(signal.SIGTERM)
            final = site.final(job)
            assert first.ended(10) == 0
    assert (final.status, final.attempt, final.crashes, final.suspect) == (JobStatus.SUCCEEDED, 2, 0, False)
    assert (len(site.lines("began")), site.lines("overlaps")) == (2, [])


def test_a_job_that_may_run_once_fails_with_the_cause_at_the_end_of_the_grace(site: Site) -> None:
    with site.serve(grace=0.2) as service:
        job = site.push("stubborn", max_crashes=0)
        until(lambda: site.lines("began"))
        service.signal(signal.SIGTERM)
        assert service.ended(5) == 0
    failed = site.job(job)
    assert failed.status is JobStatus.FAILED
    assert failed.error is not None
    assert failed.error.message == (
        "its process died (its worker was stopped while it ran), and max_crashes=0 forbids to run it again"
    )


def test_what_runs_when_a_supervisor_is_killed_begins_elsewhere_within_the_lease_and_a_second(site: Site) -> None:
    with site.serve() as first:
        job = site.push("stubborn")
        until(lambda: site.lines("began"))
        with site.serve() as second:
            second.pid()
            first.signal(signal.SIGKILL)
            first.ended(5)
            killed = time.monotonic()
            final = site.final(job)
            assert time.monotonic() - killed < site.lease + 1.5
    assert (final.status, final.attempt) == (JobStatus.SUCCEEDED, 2)
    assert site.lines("overlaps") == []


def test_a_service_whose_jobs_ignore_everything_ends_within_the_thirty_seconds_of_kubernetes(site: Site) -> None:
    with site.serve(grace=20.0, threads=2) as service:
        jobs = [site.push("stubborn", 600), site.push("deaf")]
        until(lambda: len(site.lines("began")) == 2)
        service.signal(signal.SIGTERM)
        began = time.monotonic()
        assert service.ended(30) == 0
        assert 19 < time.monotonic() - began < 27
    assert {(site.job(job).status, site.job(job).crashes) for job in jobs} == {(JobStatus.QUEUED, 0)}


def test_sigterm_in_the_middle_of_claims_leaves_each_job_ended_or_queued(site: Site) -> None:
    for _ in range(10):
        site.store.jobs.push([a_job(task="echo", arguments=b"[[1],{}]") for _ in range(500)])
    with site.serve() as service:
        until(lambda: site.store.jobs.counts()[JobStatus.SUCCEEDED] > 0)
        service.signal(signal.SIGTERM)
        assert service.ended(5) == 0
    counts = site.store.jobs.counts()
    assert counts[JobStatus.SUCCEEDED] + counts[JobStatus.QUEUED] == 5_000
    assert site.workers() == []


def test_twin_signals_are_one_and_another_one_later_is_not() -> None:
    distinct = Distinct()
    term, interrupt = signal.SIGTERM, signal.SIGINT
    assert distinct.of([term, term, interrupt], 10.0) == [term, interrupt]
    assert distinct.of([term], 10.29) == []
    assert distinct.of([term], 10.31) == [term]


def test_a_signal_that_comes_twice_at_once_as_timeout_sends_it_leaves_the_grace_as_it_is(site: Site) -> None:
    with site.serve(grace=10.0) as service:
        job = site.push("stubborn", 1.5)
        until(lambda: site.lines("began"))
        service.signal(signal.SIGTERM)
        os.killpg(service.process.pid, signal.SIGTERM)
        assert service.ended(10) == 0
    assert (site.job(job).status, site.job(job).attempt) == (JobStatus.SUCCEEDED, 1)


SERVICE = [sys.executable, "-m", "nuvom"]


def serve(site: Site, *prefix: str, **variables: str) -> subprocess.Popen[bytes]:
    command = [*prefix, *SERVICE, "--url", site.url, "runworker", str(site.folder / "tasks.py")]
    with (site.folder / "log").open("ab") as log:
        return subprocess.Popen(command, cwd=site.folder, stderr=log, env={**os.environ, **variables})


def end(process: subprocess.Popen[bytes], seconds: float = 10) -> int:
    try:
        return process.wait(seconds)
    finally:
        for each in psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []:
            each.kill()
        process.kill()


SLOW_START = "import os, time\nopen('importing', 'w').close()\ntime.sleep(30)\n"


def test_a_signal_that_comes_before_the_supervisor_is_there_ends_a_service_with_zero(site: Site) -> None:
    (site.folder / "tasks.py").write_text(SLOW_START)
    process = serve(site)
    until((site.folder / "importing").exists)
    process.send_signal(signal.SIGTERM)
    assert end(process, 2) == 0


def test_a_signal_that_comes_while_a_process_starts_is_no_failure_of_it(site: Site) -> None:
    with (site.folder / "tasks.py").open("a") as tasks:
        tasks.write("(HERE / 'importing').touch()\ntime.sleep(30)\n")
    with site.serve() as service:
        until((site.folder / "importing").exists)
        service.signal(signal.SIGTERM)
        assert service.ended(10) == 0
        assert "ERROR" not in service.said()


def test_a_service_ends_soon_whenever_the_signal_comes(site: Site) -> None:
    processes = []
    for tenths in range(1, 9):
        processes.append(serve(site))
        time.sleep(0.1 * tenths)
        processes[-1].send_signal(signal.SIGTERM)
    codes = [end(process) for process in processes]
    # The interpreter itself takes some time to start, and until then the signal has its default action.
    assert set(codes) <= {0, -signal.SIGTERM}
    assert codes[-1] == 0


def test_nothing_that_a_service_does_is_warned_about(site: Site) -> None:
    jobs = [site.push("echo", 1), site.push("hello")]
    process = serve(site, PYTHONWARNINGS="error", PYTHONDEVMODE="1")
    try:
        assert [site.final(job).status for job in jobs] == [JobStatus.SUCCEEDED] * 2
    finally:
        process.send_signal(signal.SIGTERM)
        code = end(process)
    log = (site.folder / "log").read_text()
    assert code == 0
    assert "Warning" not in log
    assert "Traceback" not in log


def test_a_service_serves_without_stdin_stdout_and_stderr(site: Site) -> None:
    job = site.push("echo", 7)
    script = f"exec {' '.join(SERVICE)} --url {site.url} runworker {site.folder}/tasks.py <&- >&- 2>&-"
    process = subprocess.Popen(["sh", "-c", script], cwd=site.folder)
    try:
        assert site.final(job).status is JobStatus.SUCCEEDED
    finally:
        process.send_signal(signal.SIGTERM)
        code = end(process)
    assert code == 0


def test_a_process_that_somebody_waits_for_is_not_reaped_with_the_orphans() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert orphans.reap({child.pid}) == 0
    assert child.wait() == 0
    stray = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, stray.pid, os.WEXITED | os.WNOWAIT)
    assert orphans.reap({child.pid}) == 1
    with pytest.raises(ChildProcessError):
        os.waitpid(stray.pid, 0)
    stray.wait()


SUBREAPER = f"""
import ctypes, os, sys
assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0  # PR_SET_CHILD_SUBREAPER
os.execv({sys.executable!r}, {SERVICE!r} + sys.argv[1:])
"""


def adopting() -> list[str]:
    """What makes a service the process that orphans come to: the first of its container where one can be made."""
    contained = ["unshare", "--pid", "--fork"]
    if shutil.which("unshare") and subprocess.run([*contained, "true"], check=False, stderr=-3).returncode == 0:
        return [*contained, *SERVICE]
    assert hasattr(ctypes.CDLL(None), "prctl")
    return [sys.executable, "-c", SUBREAPER]


@pytest.mark.parametrize("way", ["subreaper", "best"])
def test_a_service_that_orphans_come_to_reaps_them_and_none_of_its_own(site: Site, way: str) -> None:
    command = adopting() if way == "best" else [sys.executable, "-c", SUBREAPER]
    with (site.folder / "log").open("ab") as log:
        service = subprocess.Popen(
            [*command, "--url", site.url, "runworker", str(site.folder / "tasks.py")], cwd=site.folder, stderr=log
        )
    try:
        jobs = [site.push("orphan") for _ in range(5)]
        assert [site.final(job).status for job in jobs] == [JobStatus.SUCCEEDED] * 5
        until(lambda: not zombies(service.pid) and len(leaves(service.pid)) == 1)
        os.kill(leaves(service.pid)[0].pid, signal.SIGKILL)
        assert site.final(site.push("echo", 1)).status is JobStatus.SUCCEEDED
        until(lambda: not zombies(service.pid))
        supervisor(service.pid).send_signal(signal.SIGTERM)
        assert service.wait(10) == 0
    finally:
        for each in psutil.Process(service.pid).children(recursive=True) if service.poll() is None else []:
            each.kill()
        service.kill()
        service.wait()


def supervisor(pid: int) -> psutil.Process:
    """The supervisor in or under a process: unshare has it as its child."""
    process = psutil.Process(pid)
    return process.children()[0] if Path(process.exe()).name == "unshare" else process


def leaves(pid: int) -> list[psutil.Process]:
    """The children of the supervisor."""
    return supervisor(pid).children()


def zombies(pid: int) -> list[psutil.Process]:
    return [each for each in leaves(pid) if is_zombie(each)]


def is_zombie(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False  # it was reaped just now

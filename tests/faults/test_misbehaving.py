"""Jobs that misbehave: each costs itself, never a neighbour and never the service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nuvom._ids import named_id
from nuvom._job import Job, JobStatus
from tests.faults import invariants
from tests.faults.conftest import TASKS, file_of
from tests.faults.processes import produce
from tests.waiting import until
from tests.worker.service import Service, Site

BAD = """
import asyncio, ctypes

@nuvom.task(name="exit")
def exit_() -> None:
    os._exit(0)

@nuvom.task(name="segfault")
def segfault() -> None:
    ctypes.string_at(0)

@nuvom.task(name="sys_exit")
def sys_exit() -> None:
    sys.exit(3)

@nuvom.task(name="interrupt")
def interrupt() -> None:
    raise KeyboardInterrupt

class Odd(BaseException):
    def __str__(self):
        raise RuntimeError("not even this")
    __repr__ = __str__

@nuvom.task(name="odd")
def odd() -> None:
    raise Odd

@nuvom.task(name="odd_coroutine")
async def odd_coroutine() -> None:
    raise Odd

@nuvom.task(name="cancelled")
async def cancelled() -> None:
    raise asyncio.CancelledError

@nuvom.task(name="surrogate")
def surrogate() -> None:
    raise ValueError("\\ud800" * 3)

@nuvom.task(name="closes")
def closes() -> str:
    for descriptor in (0, 1, 2):
        os.close(descriptor)
    return "closed"

@nuvom.task(name="prints")
def prints() -> str:
    print("x" * 1_000_000, flush=True)
    sys.stderr.write("y" * 1_000_000)
    return "printed"

@nuvom.task(name="forks")
def forks() -> int:
    child = os.fork()
    if child == 0:
        count.options(id="from the child").delay(7)
        os._exit(7)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

@nuvom.task(name="changes")
def changes() -> str:
    os.chdir("/")
    os.umask(0)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    import locale
    locale.setlocale(locale.LC_ALL, "C")
    import random
    random.seed(0)
    return "changed"

@nuvom.task(name="not_json")
def not_json():
    return object()

@nuvom.task(name="blocks")
async def blocks() -> str:
    time.sleep(0.7)
    return "blocked"

@nuvom.task(name="stops_loop")
async def stops_loop() -> str:
    asyncio.get_running_loop().stop()
    return "stopped"

@nuvom.task(name="quick")
async def quick() -> str:
    await asyncio.sleep(0.001)
    return "quick"
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path, TASKS + BAD, lease=2.0)
    yield site
    site.app.close()
    invariants.check(file_of(site))


def among_neighbours(site: Site, service: Service, *bad: str) -> list[Job]:
    """Run bad jobs among good ones, which must all succeed, under a supervisor that stays; returns the bad."""
    ids, good = [], []
    for task in bad:
        good += [site.push("count", 1), site.push("quick")]
        ids.append(site.push(task, max_crashes=1))
        good += [site.push("count", 2), site.push("quick")]
    found = [site.final(each) for each in ids]
    for each in good:
        final = site.final(each)
        assert (final.status, final.errors, final.crashes) == (JobStatus.SUCCEEDED, 0, 0)
    assert service.process.poll() is None
    return found


def test_a_job_that_ends_its_process_fails_as_a_crash_and_neighbours_pay_nothing(place: Site) -> None:
    with place.serve() as service:
        found = among_neighbours(place, service, "exit", "segfault")
        assert [(job.status, job.error and job.error.kind) for job in found] == [(JobStatus.FAILED, "crash")] * 2
        messages = [job.error.message for job in found if job.error]
        assert "exited with code 0" in messages[0]
        assert "SIGSEGV" in messages[1]
        assert [job.crashes for job in found] == [1, 1]


def test_whatever_a_job_raises_is_an_error_of_its_own_and_its_process_lives(place: Site) -> None:
    raised = ["sys_exit", "interrupt", "odd", "odd_coroutine", "cancelled", "surrogate"]
    with place.serve() as service:
        pid = service.pid()
        found = among_neighbours(place, service, *raised)
        assert {(job.status, job.error and job.error.kind, job.errors) for job in found} == {
            (JobStatus.FAILED, "error", 1)
        }
        types = [job.error.type.rpartition(".")[2] for job in found if job.error]
        assert types == ["SystemExit", "KeyboardInterrupt", "Odd", "Odd", "CancelledError", "ValueError"]
        assert service.pid() == pid


def test_what_a_job_does_to_its_process_costs_nobody_anything(place: Site) -> None:
    rude = {
        "changes": b'"changed"',
        "prints": b'"printed"',
        "forks": b"7",
        "closes": b'"closed"',
        "not_json": None,
    }
    with place.serve() as service:
        pid = service.pid()
        found = among_neighbours(place, service, *rude)
        assert [(job.status, job.value) for job in found] == [(JobStatus.SUCCEEDED, value) for value in rude.values()]
        assert place.final(named_id("job", "from the child")).status is JobStatus.SUCCEEDED
        again = among_neighbours(place, service, "prints")  # onto descriptors that a job closed
        assert again[0].status is JobStatus.SUCCEEDED or again[0].errors == 1
        assert service.pid() == pid


def test_a_blocked_event_loop_delays_coroutines_and_not_plain_jobs(place: Site) -> None:
    with place.serve() as service:
        pid = service.pid()
        blocking = [place.push("blocks") for _ in range(3)]
        until(lambda: place.store.jobs.counts()[JobStatus.RUNNING] > 0)
        place.final(place.push("count", 1))
        assert place.store.jobs.counts()[JobStatus.SUCCEEDED] < 4, "plain jobs waited for the loop"
        finals = [place.final(job) for job in (*blocking, place.push("quick"))]
        # One that waited for a second goes back free of charge: an attempt more, and nothing paid.
        assert {(job.status, job.errors, job.crashes) for job in finals} == {(JobStatus.SUCCEEDED, 0, 0)}
        stops = place.final(place.push("stops_loop"))
        assert stops.status is JobStatus.SUCCEEDED
        assert place.final(place.push("quick")).status is JobStatus.SUCCEEDED
        assert service.pid() == pid


def test_a_process_that_forks_after_it_used_the_app_gives_each_child_connections_of_its_own(place: Site) -> None:
    code = """
    import os, threading

    def push(first):
        for number in range(first, first + 50):
            count.options(id=str(number)).delay(number)

    push(0)
    pushing = threading.Thread(target=push, args=[50])
    pushing.start()
    children = []
    for first in (100, 150, 200):
        children.append(os.fork())
        if children[-1] == 0:
            push(first)
            os._exit(0)
    push(250)
    pushing.join()
    print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
    """
    assert produce(code, place.url) == "[0, 0, 0]"
    assert invariants.states(file_of(place)) == {"ready": 300}

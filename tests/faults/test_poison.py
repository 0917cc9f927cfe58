"""Jobs that do not stop, eat memory or end their process, among good ones: each costs itself and nobody else."""

from __future__ import annotations

import os
import signal
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from nuvom._job import Job, JobStatus
from tests.faults import invariants
from tests.faults.conftest import TASKS, file_of
from tests.waiting import until
from tests.worker.service import Service, Site

BAD = """
import asyncio, ctypes
KEEPING = ctypes.PyDLL(None)  # calls through it keep the interpreter's lock

@nuvom.task(name="good")
def good(number: int) -> dict:
    note("starts", f"{number} {os.getpid()}")
    time.sleep(0.05)
    return {"attempt": nuvom.current_job().attempt}

@nuvom.task(name="exits", max_crashes=1)
def exits() -> None:
    os._exit(0)

@nuvom.task(name="segfault", max_crashes=1)
def segfault() -> None:
    ctypes.string_at(0)

@nuvom.task(name="endless", timeout=0.3)
def endless() -> None:
    while True:
        pass

@nuvom.task(name="blocked", timeout=0.3)
def blocked() -> None:
    time.sleep(600)

@nuvom.task(name="waits_for_a_lock", timeout=0.3)
def waits_for_a_lock() -> None:
    lock = threading.Lock()
    with lock, lock:
        pass

@nuvom.task(name="keeps_the_interpreter", timeout=0.3)
def keeps_the_interpreter() -> None:
    KEEPING.sleep(600)

@nuvom.task(name="swallows", timeout=0.3)
def swallows() -> None:
    while True:
        try:
            time.sleep(0.01)
        except BaseException:
            pass

@nuvom.task(name="blocks_the_loop", timeout=0.3)
async def blocks_the_loop() -> None:
    time.sleep(600)

@nuvom.task(name="eats", max_crashes=1)
def eats() -> None:
    kept = []
    while True:
        kept.append(b"x" * 10_000_000)
        time.sleep(0.01)

@nuvom.task(name="is_killed", max_crashes=1)
def is_killed() -> None:
    kept = [b"x" * 10_000_000]
    os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does with who has eaten too much

@nuvom.task(name="takes_signals")
def takes_signals() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
"""
MEMORY = 250_000_000

# What each ends with, and words of its error.
ENDS = {
    "exits": ("crash", "exited with code 0"),
    "segfault": ("crash", "SIGSEGV"),
    "endless": ("timeout", "JobTimedOut was raised in it"),
    "blocked": ("timeout", "did not yield, so its process was replaced"),
    "waits_for_a_lock": ("timeout", "did not yield, so its process was replaced"),
    "keeps_the_interpreter": ("timeout", "did not yield, so its process was replaced"),
    "swallows": ("timeout", "went on although it was stopped, so its process was replaced"),
    "blocks_the_loop": ("timeout", "did not yield, so its process was replaced"),
    "eats": ("crash", "--max-memory allows 250 MB; it was killed"),
    "is_killed": ("crash", "SIGKILL"),
    "takes_signals": ("error", "signal only works in main thread"),
}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path, TASKS + BAD, lease=10.0)
    yield site
    site.app.close()
    invariants.check(file_of(site))


def check_end(job: Job) -> None:
    kind, _ = ENDS[job.task]
    assert job.error is not None
    assert (job.status, job.error.kind) == (JobStatus.FAILED, kind), job.error.message
    assert (job.errors, job.crashes) == ((0, 1) if kind == "crash" else (1, 0))


@pytest.mark.parametrize("task", ENDS)
def test_a_bad_job_ends_with_an_error_that_says_how_and_its_neighbours_end_well(place: Site, task: str) -> None:
    with place.serve(max_memory=MEMORY, grace=2.0) as service:
        supervisor = service.process.pid
        good = [place.push("good", number) for number in range(4)]
        bad = place.push(task, **crashing(task))
        good += [place.push("good", number) for number in range(4, 8)]
        final = place.final(bad)
        check_end(final)
        assert final.error is not None
        assert ENDS[task][1] in final.error.message
        for job in good:
            final = place.final(job)
            assert (final.status, final.errors, final.crashes) == (JobStatus.SUCCEEDED, 0, 0)
        assert service.process.poll() is None
        assert psutil.Process(supervisor).is_running()


def test_a_worker_whose_task_ignores_sigterm_still_ends(place: Site) -> None:
    with place.serve() as service:
        place.final(place.push("takes_signals"))
        child = service.pid()
        os.kill(child, signal.SIGTERM)
        until(lambda: service.pids() - {child})


GOOD, KINDS = 140, tuple(task for task in ENDS if task not in ("takes_signals", "is_killed", "waits_for_a_lock"))


def test_good_jobs_among_eight_kinds_of_poison_end_well_and_start_again_only_beside_a_process_that_died(
    place: Site,
) -> None:
    jobs: dict[str, int] = {}
    for number in range(GOOD):
        if number % 15 == 5:
            jobs[place.push(KINDS[number // 15 % 8], **crashing(KINDS[number // 15 % 8]))] = -1
        jobs[place.push("good", number)] = number
    with place.serve("worker", "worker", max_memory=MEMORY, grace=2.0) as service:
        finals = {number: place.final(job, 90) for job, number in jobs.items() if number >= 0}
        bad = [place.final(job, 90) for job, number in jobs.items() if number < 0]
        alive = pids(service)
    for job in bad:
        check_end(job)
    assert {job.task for job in bad} == set(KINDS)
    assert {(job.status, job.errors, job.crashes) for job in finals.values()} == {(JobStatus.SUCCEEDED, 0, 0)}
    starts = defaultdict(list)
    for line in place.lines("starts"):
        number, pid = map(int, line.split())
        starts[number].append(pid)
    assert sorted(starts) == list(range(GOOD))
    again = [pid for found in starts.values() for pid in found[:-1]]
    print(f"{GOOD} good jobs among {len(bad)} bad ones of 8 kinds: {len(again)} starts beyond the first")
    assert alive.isdisjoint(again), "a start was repeated although its process lived"
    assert len(again) <= 10 * len(bad)


def crashing(task: str) -> dict[str, int]:
    return {"max_crashes": 1} if ENDS[task][0] == "crash" else {}


def pids(service: Service) -> set[int]:
    return {child.pid for child in psutil.Process(service.process.pid).children()}

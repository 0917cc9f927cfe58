"""Stopping one attempt in this process: by its timeout or on request, and nothing that runs beside or after it."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nuvom import JobCancelled, JobTimedOut, Nuvom, Retry, current_job
from nuvom._current import Running
from nuvom._job import ClaimedJob, JobError, Outcome, Verdict
from nuvom._task import Definition, Task
from nuvom.worker import stopping
from nuvom.worker.execution import Prepared, World, execute, execute_async
from nuvom.worker.stopping import Fate, Stops
from tests.waiting import until

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
APP = Nuvom("memory://")


class Told:
    """A warden that notes what it is told."""

    def __init__(self) -> None:
        self.jobs: list[Running] = []
        self.watched: list[tuple[float, Fate]] = []
        self.extended: list[float] = []
        self.forgotten = 0

    def watch(self, running: Running, seconds: float, fate: Fate) -> None:
        self.jobs.append(running)
        self.watched.append((seconds, fate))

    def extend(self, running: Running, seconds: float) -> None:
        self.extended.append(seconds)

    def forget(self, running: Running) -> None:
        self.forgotten += 1


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def world(told: Told) -> Iterator[World]:
    stops = Stops(told)
    yield World(lambda: NOW, lambda: 0.5, None, stops)
    stops.close()
    assert not stops.alive


def claimed(**fields: Any) -> ClaimedJob:
    job = ClaimedJob(
        ref=1, id="job", task="task", arguments=b"[[],{}]", queue="default", priority=0, run_at=NOW, started_at=NOW,
        created_at=NOW, attempt=1, errors=0, crashes=0, max_crashes=3, defers=0, suspect=False,
    )  # fmt: skip
    return job._replace(**fields)


def run(
    function: Callable[..., Any], world: World, job: ClaimedJob | None = None, retries: int = 0, **said: Any
) -> Outcome:
    prepared = Prepared.of(Task(APP, function, "task", Definition(retry=Retry(max=retries), **said)))
    job = job or claimed()
    return asyncio.run(execute_async(job, prepared, world)) if prepared.is_async else execute(job, prepared, world)


def error_of(outcome: Outcome) -> JobError:
    assert outcome.error is not None
    return outcome.error


def endless() -> None:
    while True:
        pass


async def endless_coroutine() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("function", "how"),
    [(endless, "JobTimedOut was raised in it"), (endless_coroutine, "its coroutine was cancelled")],
)
def test_an_attempt_that_takes_longer_than_its_timeout_ends_with_an_error_that_says_how(
    world: World, function: Callable[[], Any], how: str
) -> None:
    began = time.monotonic()
    outcome = run(function, world, timeout=0.1)
    assert 0.1 <= time.monotonic() - began < 1
    assert outcome.verdict is Verdict.FAILED
    assert (error_of(outcome).kind, error_of(outcome).message) == (
        "timeout",
        f"it ran for longer than its timeout of 0.1 s: {how}",
    )
    assert function.__name__ in error_of(outcome).traceback


def test_a_timeout_counts_as_an_error_and_the_calls_own_wins_over_the_tasks(world: World) -> None:
    said = claimed(options=b'{"timeout":0.05}')
    outcome = run(endless, world, said, timeout=60.0, retries=1)
    assert (outcome.verdict, outcome.run_at) == (Verdict.RETRY, NOW + timedelta(seconds=0.5))
    assert "0.05 s" in error_of(outcome).message
    assert run(endless, world, said._replace(errors=1), retries=1).verdict is Verdict.FAILED


def test_a_task_may_clean_up_when_its_time_is_up_and_has_then_failed(world: World, told: Told) -> None:
    cleaned: list[float] = []

    def cleans() -> None:
        try:
            endless()
        finally:
            time.sleep(0.3)
            cleaned.append(1)

    assert error_of(run(cleans, world, timeout=0.05)).kind == "timeout"
    assert cleaned == [1]
    assert [4 < seconds < 5 for seconds in told.extended] == [True]
    assert told.forgotten == 1


def test_a_task_that_returns_although_it_was_to_stop_has_succeeded(world: World) -> None:
    def stubborn() -> str:
        try:
            endless()
        except JobTimedOut:
            return "done all the same"

    async def stubborn_coroutine() -> str:
        try:
            return str(await endless_coroutine())
        except asyncio.CancelledError:
            return "done all the same"

    for function in (stubborn, stubborn_coroutine):
        assert run(function, world, timeout=0.05)[1:3] == (Verdict.SUCCEEDED, b'"done all the same"')


def test_except_exception_does_not_swallow_a_stop(world: World) -> None:
    def swallows() -> None:
        while True:
            with suppress(Exception):
                time.sleep(0.01)

    assert error_of(run(swallows, world, timeout=0.05)).kind == "timeout"


def test_an_error_that_a_task_raises_when_its_time_is_up_is_its_error(world: World) -> None:
    def converts() -> None:
        try:
            endless()
        except JobTimedOut as late:
            raise ValueError("half done") from late

    error = error_of(run(converts, world, timeout=0.05))
    assert (error.kind, error.message) == ("error", "half done")


def asked(world: World, function: Callable[[], Any], **said: Any) -> Outcome:
    """Run a job that is asked to stop as soon as it runs."""
    outcomes: list[Outcome] = []
    thread = threading.Thread(target=lambda: outcomes.append(run(function, world, **said)))
    thread.start()
    until(lambda: world.stops.cancel(1, 1), timeout=5.0, every=0.002)
    thread.join()
    return outcomes[0]


@pytest.mark.parametrize("function", [endless, endless_coroutine])
def test_a_job_that_is_asked_to_stop_is_cancelled(world: World, told: Told, function: Callable[[], Any]) -> None:
    outcome = asked(world, function, retries=3)
    assert outcome.verdict is Verdict.CANCELLED
    assert (error_of(outcome).kind, error_of(outcome).message) == ("cancelled", "it was asked to stop, and did")
    assert told.watched == [(10.0, Fate(Verdict.CANCELLED))]
    assert told.forgotten == 1


def test_a_task_can_look_whether_it_was_asked_to_stop(world: World) -> None:
    seen: list[bool] = []

    async def looks() -> None:
        job = current_job()
        seen.append(job.cancel_requested)
        with pytest.raises(asyncio.CancelledError):
            await endless_coroutine()
        seen.append(job.cancel_requested)
        job.check()

    assert asked(world, looks).verdict is Verdict.CANCELLED
    assert seen == [False, True]


def test_a_cancelled_error_that_nobody_asked_for_is_an_error(world: World) -> None:
    async def cancels_itself() -> None:
        raise asyncio.CancelledError

    def stops_itself() -> None:
        raise JobCancelled

    def times_itself() -> None:
        raise JobTimedOut

    assert error_of(run(cancels_itself, world, timeout=60)).kind == "error"
    assert error_of(run(times_itself, world, timeout=60)).kind == "error"
    assert run(stops_itself, world).verdict is Verdict.CANCELLED


def test_nobody_but_the_job_is_asked_and_only_once(world: World, told: Told) -> None:
    assert world.stops.cancel(1, 1) is False
    begun, go_on = threading.Event(), threading.Event()

    def waits() -> str:
        begun.set()
        try:
            while not go_on.wait(0.01):
                pass
        except JobCancelled:
            go_on.wait()
        return "went on"

    outcomes: list[Outcome] = []
    thread = threading.Thread(target=lambda: outcomes.append(run(waits, world)))
    thread.start()
    begun.wait()
    assert (world.stops.cancel(2, 1), world.stops.cancel(1, 2)) == (False, False)
    assert (world.stops.cancel(1, 1), world.stops.cancel(1, 1)) == (True, True)
    go_on.set()
    thread.join()
    assert outcomes[0].value == b'"went on"'
    assert len(told.watched) == 1


def test_what_is_to_be_recorded_if_the_process_must_be_ended_follows_the_retries(world: World, told: Told) -> None:
    def quick() -> None:
        pass

    run(quick, world, timeout=2.0, retries=1)
    run(quick, world, claimed(errors=1), timeout=2.0, retries=1)
    run(quick, world, claimed(max_crashes=0), timeout=2.0, retries=1)
    assert told.watched == [
        (2.5, Fate(Verdict.RETRY, 0.5, 1, 2.0)),
        (2.5, Fate(Verdict.FAILED, None, 1, 2.0)),
        (2.5, Fate(Verdict.FAILED, None, 1, 2.0)),
    ]
    assert told.forgotten == 3


JOBS, THREADS = 3_000, 4


def test_a_stop_that_comes_just_when_its_job_ends_meets_nothing_else(world: World) -> None:
    interval = sys.getswitchinterval()
    ends: Counter[str] = Counter()
    strays: list[BaseException] = []
    tasks = [Prepared.of(Task(APP, ends_about_then, "task", Definition(timeout=LIMIT))) for _ in range(THREADS)]

    def serve(task: Prepared) -> None:
        for number in range(JOBS // THREADS):
            try:
                outcome = execute(claimed(ref=number), task, world)
                ends[outcome.verdict if outcome.error is None else outcome.error.kind] += 1
                for _ in range(20):  # the worker's own code, and the next job
                    execute(claimed(ref=number), LOOKS_ON, world)
            except BaseException as stray:  # noqa: BLE001 - that is what is looked for
                strays.append(stray)

    sys.setswitchinterval(0.0005)
    try:
        threads = [threading.Thread(target=serve, args=[task]) for task in tasks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert strays == []
    assert sum(ends.values()) == JOBS
    assert set(ends) == {"succeeded", "timeout"}
    assert min(ends.values()) > JOBS / 50, ends


def test_a_job_that_has_ended_is_not_stopped(world: World, told: Told) -> None:
    run(looks_on, world, timeout=60.0)
    [ended] = told.jobs
    assert world.stops._ask(ended, JobTimedOut) is False
    assert ended.stop is None


def test_a_job_that_ends_while_its_stop_is_being_sent_waits_for_it_and_has_succeeded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sending, ends = threading.Event(), threading.Event()
    send = stopping._send

    def slowly(thread: int, exception: type[BaseException] | None) -> None:
        if exception is not None:
            sending.set()
            ends.wait()
            time.sleep(0.1)  # by then it would be elsewhere, if it did not wait
        send(thread, exception)

    def ends_then() -> str:
        sending.wait()
        ends.set()
        return "done"

    monkeypatch.setattr(stopping, "_send", slowly)
    assert run(ends_then, world, timeout=0.05).value == b'"done"'
    end = time.monotonic() + 0.3
    while time.monotonic() < end:  # where a stray one would arrive
        pass


LIMIT = 0.003


def ends_about_then() -> None:
    end = time.perf_counter() + LIMIT + (time.perf_counter_ns() % 1000 - 500) / 1e6
    while time.perf_counter() < end:
        pass


def looks_on() -> int:
    return sum(range(10))


LOOKS_ON = Prepared.of(Task(APP, looks_on, "task", Definition()))

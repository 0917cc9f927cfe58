"""`on_failure` is called once for each job that ended failed, after that is recorded, and changes nothing."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from nuvom import Job, JobError, JobStatus, Nuvom, Retry, RetryLater, current_job
from nuvom._ids import new_id
from nuvom._job import NewJob
from nuvom.testing import Memory, memory
from tests.worker.conftest import MakeSite
from tests.worker.service import until

app = Nuvom("memory://")
told: list[tuple[str, JobStatus, str, str]] = []


def note(job: Job, error: JobError) -> None:
    told.append((job.id, app.job(job.id).status(), error.kind, error.message))


async def note_async(job: Job, error: JobError) -> None:
    await asyncio.sleep(0)
    note(job, error)


def explode(job: Job, error: JobError) -> None:
    note(job, error)
    raise ZeroDivisionError("mine")


async def explode_async(job: Job, error: JobError) -> None:
    await note_async(job, error)
    raise SystemExit(3)


@app.task(name="fails", retry=Retry(max=2, base=0), on_failure=note)
def fails(times: int) -> str:
    if current_job().attempt <= times:
        raise OSError(f"no {current_job().attempt}")
    return "done"


@app.task(name="later", retry=Retry(max_defers=1), on_failure=note)
def later() -> None:
    raise RetryLater(in_=1)


@app.task(name="fails_async", on_failure=note_async)
async def fails_async() -> None:
    raise OSError("no")


@pytest.fixture
def t() -> Iterator[Memory]:
    told.clear()
    with memory(app) as t:
        yield t


def test_it_is_called_once_when_the_last_try_failed_and_that_is_recorded(t: Memory) -> None:
    job = fails.delay(9)
    t.advance(5)
    assert told == [(job.id, JobStatus.FAILED, "error", "no 3")]


def test_it_is_not_called_for_tries_that_others_follow_nor_for_other_ends(t: Memory) -> None:
    fails.delay(2)
    cancelled = fails.delay(9)
    cancelled.cancel()
    t.advance(5)
    assert told == []


def test_arguments_that_no_longer_fit_and_defers_too_many_are_failures_too(t: Memory) -> None:
    app.store.jobs.push([NewJob(id=new_id(t.now()), task="fails", arguments=b'[["x"],{}]')])
    later.delay()
    t.advance(5)
    assert [(kind, message.partition(" ")[0]) for *_, kind, message in told] == [
        ("arguments", "fails()"),
        ("error", "asked"),
    ]


def test_an_async_one_is_awaited(t: Memory) -> None:
    job = fails_async.delay()
    t.run_due()
    assert told == [(job.id, JobStatus.FAILED, "error", "no")]


def test_a_job_that_is_retried_by_hand_and_fails_again_is_another_failure(t: Memory) -> None:
    job = fails_async.delay()
    t.run_due()
    job.retry()
    t.run_due()
    assert [job_id for job_id, *_ in told] == [job.id, job.id]


@pytest.mark.parametrize("function", [explode, explode_async])
def test_what_it_raises_is_logged_with_the_job_and_changes_nothing(
    t: Memory, function: Any, caplog: pytest.LogCaptureFixture
) -> None:
    task = app.task(name="raises", on_failure=function)(lambda_task)
    job, other = task.delay(), task.delay()
    t.run_due()
    assert [job_id for job_id, *_ in told] == [job.id, other.id]
    assert job.status() is JobStatus.FAILED
    assert f"on_failure of job {job.id} of task 'raises' raised" in caplog.text


def lambda_task() -> None:
    raise OSError("no")


@pytest.mark.parametrize("given", ["text", 3, lambda: None, lambda job: None, lambda job, error, more: None])
def test_what_cannot_be_called_so_is_refused_at_the_decorator(given: Any) -> None:
    with pytest.raises(TypeError, match=r"must be a function of two arguments: on_failure\(job, error\)"):
        app.task(on_failure=given)


SITE = """
import json
def note(job, error):
    with open(HERE / "failures", "a") as file:
        file.write(json.dumps([job.id, job.status, job.attempt, error.kind, os.getpid()]) + "\\n")

def slow_note(job, error):
    note(job, error)
    time.sleep(1)
    note(job, error)

@nuvom.task(name="fails", on_failure=note)
def fails() -> None:
    raise OSError("no")

@nuvom.task(name="fails_slowly", on_failure=slow_note)
def fails_slowly() -> None:
    raise OSError("no")

@nuvom.task(name="dies", max_crashes=1, on_failure=note)
def dies() -> None:
    os._exit(3)

@nuvom.task(name="echo")
def echo() -> int:
    return os.getpid()

@nuvom.task(name="once", on_failure=note)
def once() -> None:
    (HERE / "began").touch()
    time.sleep(60)
"""


def test_a_worker_calls_it_and_a_process_that_dies_is_no_exception(make_site: MakeSite) -> None:
    site = make_site(SITE)
    with site.serve() as service:
        failed = site.push("fails")
        until(lambda: site.lines("failures"), "the first is told")
        died = site.push("dies")
        assert site.final(died).error.kind == "crash"  # type: ignore[union-attr]
        until(lambda: any(died in line for line in site.lines("failures")), "the second is told")
        pid = service.pid()
        service.signal(signal.SIGTERM)
        assert service.ended(10) == 0
    first, second = map(json.loads, site.lines("failures"))  # each once
    assert first[:4] == [failed, "failed", 1, "error"]
    assert second == [died, "failed", 2, "crash", pid]  # by the process that took the place of the dead one


def test_a_failure_of_a_lost_lease_is_told_by_the_worker_that_finds_it(make_site: MakeSite) -> None:
    site = make_site(SITE)
    with site.serve() as doomed:
        job = site.push("once", max_crashes=0)
        until((site.folder / "began").exists, "it runs")
        doomed.process.send_signal(signal.SIGSTOP)
        for pid in doomed.pids():
            os.kill(pid, signal.SIGSTOP)
        with site.serve():
            until(lambda: site.lines("failures"), "it is told")
    assert [json.loads(line)[:4] for line in site.lines("failures")] == [[job, "failed", 1, "lost"]]


def test_a_slow_one_holds_up_no_job_and_a_stop_waits_for_it(make_site: MakeSite) -> None:
    site = make_site(SITE)
    with site.serve() as service:
        site.push("fails_slowly")
        until(lambda: site.lines("failures"), "it is called")
        assert site.final(site.push("echo")).status is JobStatus.SUCCEEDED
        assert len(site.lines("failures")) == 1
        service.signal(signal.SIGTERM)
        assert service.ended(10) == 0
    assert len(site.lines("failures")) == 2

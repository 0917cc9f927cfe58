"""`jobs.retry_all` and `cancel_all`: many jobs at once, by what they have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import pytest

from nuvom import JobStatus, Nuvom, testing
from nuvom.testing import Memory

app = Nuvom("memory://")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
broken = True


@app.task
def work() -> None:
    if broken:
        raise ValueError("broken")


@app.task(queue="mail")
def send() -> None:
    if broken:
        raise ValueError("broken")


@pytest.fixture
def memory() -> Iterator[Memory]:
    global broken
    broken = True
    with testing.memory(app, now=NOW) as memory:
        yield memory


def failures(memory: Memory, count: int) -> None:
    work.map([()] * count)
    send.map([()] * count)
    memory.run_due()


def test_all_failed_jobs_that_fit_run_again(memory: Memory) -> None:
    global broken
    failures(memory, 3)
    broken = False
    assert app.jobs.retry_all(task=work) == 3
    assert app.jobs.retry_all(queue="default", task="nobody") == 0
    memory.run_due()
    assert {job.task: job.status for job in memory.jobs()} == {
        work.name: JobStatus.SUCCEEDED, send.name: JobStatus.FAILED,
    }  # fmt: skip
    assert app.jobs.retry_all(queue="mail") == 3
    assert app.jobs.retry_all(status="succeeded", task=work) == 3


def test_those_of_one_schedule_run_again(memory: Memory) -> None:
    hourly = work.schedule(interval=3600)
    memory.advance("2h")
    send.delay()
    memory.run_due()
    assert app.jobs.retry_all(schedule_id=hourly.id) == 2
    assert app.jobs.counts()[JobStatus.FAILED] == 1


def test_all_waiting_jobs_that_fit_are_cancelled(memory: Memory) -> None:
    work.map([()] * 3)
    send.map([()] * 2)
    assert app.jobs.cancel_all(queue="mail") == 2
    assert app.jobs.cancel_all(status="queued") == 3
    assert app.jobs.cancel_all(status="queued") == 0
    assert app.jobs.counts()[JobStatus.CANCELLED] == 5


def test_what_runs_is_asked_to_stop(memory: Memory) -> None:
    from nuvom.testing.conformance.examples import a_worker, claimed

    work.map([()] * 2)
    worker = a_worker(app.store)
    jobs = claimed(app.store, worker)
    assert app.jobs.cancel_all(status=JobStatus.RUNNING) == 2
    assert len(app.store.jobs.asked_to_stop(worker)) == len(jobs) == 2


def test_a_step_is_a_transaction_of_at_most_a_thousand(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    work.map([()] * 2_500)
    steps: list[int] = []
    cancel_many = app.job_store.cancel_many

    def counted(job_ids: Sequence[str]) -> object:
        steps.append(len(job_ids))
        return cancel_many(job_ids)

    monkeypatch.setattr(app.job_store, "cancel_many", counted)
    assert app.jobs.cancel_all(status="queued") == 2_500
    assert steps == [1_000, 1_000, 500]


def test_jobs_that_fail_again_at_once_are_run_again_once(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    failures(memory, 600)
    retry_many = app.job_store.retry_many
    seen: list[str] = []

    def hasty(job_ids: Sequence[str]) -> object:
        seen.extend(job_ids)
        done = retry_many(job_ids)
        memory.run_due()
        return done

    monkeypatch.setattr(app.job_store, "retry_many", hasty)
    assert app.jobs.retry_all(status="failed") == 1_200
    assert len(seen) == len(set(seen)) == 1_200


@pytest.mark.parametrize("status", ["queued", JobStatus.RUNNING])
def test_only_final_jobs_run_again(memory: Memory, status: str) -> None:
    with pytest.raises(ValueError, match=f"status='{status!s}': only final jobs can be run again"):
        app.jobs.retry_all(status=status)


@pytest.mark.parametrize("status", ["failed", JobStatus.EXPIRED])
def test_only_open_jobs_are_cancelled(memory: Memory, status: str) -> None:
    with pytest.raises(ValueError, match=f"status='{status!s}': these jobs are final"):
        app.jobs.cancel_all(status=status)


def test_the_twins_do_the_same(memory: Memory) -> None:
    failures(memory, 2)
    assert asyncio.run(app.jobs.aretry_all(task=work)) == 2
    assert asyncio.run(app.jobs.acancel_all(queue="default")) == 2


@pytest.mark.parametrize(("call", "status"), [("retry_all", "failed"), ("cancel_all", "queued")])
def test_all_jobs_there_are_must_be_said(call: str, status: str) -> None:
    with pytest.raises(TypeError, match=f"status='{status}'"):
        getattr(app.jobs, call)()

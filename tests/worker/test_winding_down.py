"""How a process of a worker ends, step by step: told to, at the end of its grace, and after its last job."""

from __future__ import annotations

import pytest

from nuvom._current import current_job
from nuvom._job import JobState, JobStatus
from nuvom.stores.values import CancelAnswer
from tests.worker.inline import Stage

ran: list[str] = []


def note() -> None:
    ran.append(current_job().id)


TASKS = {"note": note}


@pytest.fixture
def stage() -> Stage:
    ran.clear()
    return Stage()


def test_a_stop_puts_back_what_nobody_began_and_waits_for_the_rest(stage: Stage) -> None:
    runner, hands = worker = stage.runner(TASKS, threads=2)
    hands.blocked = True
    jobs = [stage.push("note") for _ in range(4)]
    stage.go(worker)
    runner.stop(grace=10)
    stage.go(worker, seconds=1)
    assert not runner.ended
    hands.blocked = False
    stage.go(worker)
    assert runner.ended
    assert [stage.job(job).status for job in jobs].count(JobStatus.SUCCEEDED) == 2
    assert not any(worker.alive for worker in stage.store.workers.list())


def test_at_the_end_of_its_grace_a_process_leaves_what_runs_to_whoever_sees_it_end(stage: Stage) -> None:
    runner, hands = worker = stage.runner(TASKS, threads=2)
    hands.blocked = True
    again, once = stage.push("note"), stage.push("note", max_crashes=0)
    stage.go(worker)
    runner.stop(grace=10)
    stage.go(worker, seconds=9)
    assert not runner.ended
    stage.go(worker, seconds=2)
    assert (runner.ended, runner.holding) == (True, True)
    assert {stage.job(job).state for job in (again, once)} == {JobState.RUNNING}  # or it would run twice at once
    stage.store.workers.release(stage.job(again).worker or "", "its worker was stopped", charged=False)
    assert (stage.job(again).state, stage.job(again).suspect) == (JobState.READY, False)
    assert stage.job(once).status is JobStatus.FAILED


def test_a_process_runs_as_many_jobs_as_it_may_and_then_retires(stage: Stage) -> None:
    runner, _ = worker = stage.runner(TASKS, max_jobs=7)
    jobs = [stage.push("note") for _ in range(10)]
    stage.go(worker)
    assert runner.ended
    assert [stage.job(job).status for job in jobs].count(JobStatus.SUCCEEDED) == 7
    assert not any(each.alive for each in stage.store.workers.list())
    stage.go(stage.runner(TASKS))
    assert {stage.job(job).status for job in jobs} == {JobStatus.SUCCEEDED}


def test_a_process_that_retires_waits_for_what_runs_however_long_that_takes(stage: Stage) -> None:
    runner, hands = worker = stage.runner(TASKS, threads=2)
    hands.blocked = True
    job = stage.push("note")
    stage.go(worker)
    runner.retire()
    waiting = stage.push("note")
    stage.go(worker, seconds=20)
    assert not runner.ended
    hands.blocked = False
    stage.go(worker)
    assert runner.ended
    assert (stage.job(job).status, stage.job(waiting).status) == (JobStatus.SUCCEEDED, JobStatus.QUEUED)


def test_a_job_that_is_asked_to_stop_before_it_began_is_cancelled_and_never_begins(stage: Stage) -> None:
    worker = stage.runner(TASKS, threads=1)
    for _ in range(60):
        stage.push("note")
    stage.go(worker)  # they are quick: the next ones are claimed in advance
    ran.clear()
    worker[1].blocked = True
    jobs = [stage.push("note") for _ in range(5)]
    stage.go(worker)
    claimed = [job for job in jobs if stage.job(job).state is JobState.RUNNING]
    assert stage.store.jobs.cancel(claimed[-1]) is CancelAnswer.REQUESTED
    stage.go(worker, seconds=0.6)
    cancelled = stage.job(claimed[-1])
    assert (cancelled.status, cancelled.error and cancelled.error.kind) == (JobStatus.CANCELLED, "cancelled")
    worker[1].blocked = False
    stage.go(worker)
    assert ran == [job for job in jobs if job != claimed[-1]]


def test_what_a_job_reports_is_stored_and_its_last_word_is_there_when_it_has_ended(stage: Stage) -> None:
    def reports() -> None:
        current_job().report(1, 3, "begun")
        current_job().report(3, 3)

    job = stage.push("reports")
    stage.go(stage.runner({"reports": reports}))
    progress = stage.job(job).progress
    assert stage.job(job).status is JobStatus.SUCCEEDED
    assert progress is not None
    assert (progress.done, progress.total, progress.note) == (3, 3, None)

"""What one process of a worker does, step by step, on a virtual clock."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from nuvom._current import current_job
from nuvom._job import JobState, JobStatus
from nuvom._retry import RetryLater
from nuvom.stores.base import Store
from nuvom.stores.registry import open_store
from nuvom.stores.values import Claim, WorkerInfo
from nuvom.testing.conformance.examples import one_off
from nuvom.worker.watch import ScheduleWatch
from tests.worker.inline import START, Stage

ran: list[str] = []


def note() -> None:
    ran.append(current_job().id)


def fails() -> None:
    ran.append(current_job().id)
    raise ValueError("no")


def later() -> None:
    ran.append(current_job().id)
    raise RetryLater(in_=60)


async def coroutine() -> None:
    ran.append(current_job().id)


TASKS = {"note": note, "fails": fails, "later": later, "coroutine": coroutine}


@pytest.fixture
def stage() -> Stage:
    ran.clear()
    return Stage()


def worker_named(name: str, *tasks: str) -> WorkerInfo:
    return WorkerInfo(id=name, kind="worker", host="here", pid=1, version="0", tasks=tasks)


def make_suspect(stage: Stage, *tasks: str, **options: Any) -> list[str]:
    """Push jobs and lose them with the worker that claimed them."""
    jobs = [stage.push(task, **options) for task in tasks]
    stage.store.workers.register(worker_named("doomed"))
    assert len(stage.store.jobs.claim(Claim("doomed", 10))) == len(tasks)
    stage.store.workers.release("doomed", "its process was killed by SIGKILL")
    return jobs


def test_plain_and_coroutine_jobs_run_best_first(stage: Stage) -> None:
    worker = stage.runner(TASKS, threads=1)
    low, high, other = stage.push("note"), stage.push("note", priority=5), stage.push("coroutine", priority=3)
    stage.go(worker)
    assert ran == [high, other, low]
    assert {stage.job(job).status for job in ran} == {JobStatus.SUCCEEDED}


def test_only_the_named_queues_are_served(stage: Stage) -> None:
    worker = stage.runner(TASKS, queues=("mail",))
    mail, other = stage.push("note", queue="mail"), stage.push("note", queue="other")
    stage.go(worker)
    assert ran == [mail]
    assert stage.job(other).state is JobState.READY


def test_a_delayed_job_starts_when_it_is_due_and_not_before(stage: Stage) -> None:
    worker = stage.runner(TASKS)
    job = stage.push("note", run_at=START + timedelta(seconds=7.25))
    stage.go(worker, seconds=7.2)
    assert ran == []
    stage.go(worker, seconds=0.3)
    assert ran == [job]
    started = stage.job(job).started_at
    assert started is not None
    assert 7.25 <= (started - START).total_seconds() < 7.26


def test_an_error_is_tried_again_and_then_final(stage: Stage) -> None:
    worker = stage.runner(TASKS)
    job = stage.push("fails", options=b'{"retries":2}')
    stage.go(worker, seconds=10)
    assert ran == [job] * 3
    final = stage.job(job)
    assert (final.status, final.errors, final.attempt) == (JobStatus.FAILED, 3, 3)
    assert [attempt.number for attempt in stage.store.jobs.attempts(job)][:2] == [1, 2]


def test_retry_later_comes_back_at_its_time(stage: Stage) -> None:
    worker = stage.runner(TASKS)
    job = stage.push("later")
    stage.go(worker, seconds=130)
    assert ran == [job] * 3
    assert (stage.job(job).errors, stage.job(job).defers) == (0, 3)


def test_jobs_that_no_thread_took_within_a_second_go_back_free_of_charge(stage: Stage) -> None:
    worker = stage.runner(TASKS, threads=1)
    jobs = [stage.push("note") for _ in range(60)]
    stage.go(worker)  # they are quick: the next ones are claimed in advance
    assert len(ran) == 60
    worker[1].blocked = True
    jobs = [stage.push("note") for _ in range(20)]
    stage.go(worker)
    assert sum(stage.job(job).state is JobState.RUNNING for job in jobs) > 1
    stage.go(worker, seconds=1.5)
    assert sum(stage.job(job).state is JobState.RUNNING for job in jobs) == 1
    assert {stage.job(job).crashes for job in jobs} == {0}
    worker[1].blocked = False
    stage.go(worker, seconds=1)
    assert {stage.job(job).status for job in jobs} == {JobStatus.SUCCEEDED}


def test_blocked_threads_do_not_keep_coroutines_from_running(stage: Stage) -> None:
    worker = stage.runner(TASKS, threads=2)
    worker[1].blocked = True
    plain = [stage.push("note") for _ in range(4)]
    stage.go(worker)
    coroutine_job = stage.push("coroutine")
    stage.go(worker, seconds=1.5)
    assert stage.job(coroutine_job).state is JobState.RUNNING
    assert [stage.job(job).state for job in plain] == [JobState.RUNNING] * 2 + [JobState.READY] * 2


def test_a_suspect_runs_alone(stage: Stage) -> None:
    together: list[int] = []
    suspects = make_suspect(stage, "alone", "alone")

    def alone() -> None:
        running = [job for job in everything if stage.job(job).state is JobState.RUNNING]
        together.append(len(running))

    others = [stage.push("note") for _ in range(5)]
    everything = [*suspects, *others]
    stage.go(stage.runner({**TASKS, "alone": alone}, threads=4), seconds=3)
    assert together == [1, 1]
    assert {stage.job(job).status for job in everything} == {JobStatus.SUCCEEDED}
    assert not any(stage.job(job).suspect for job in suspects)


def test_a_suspect_waits_for_long_jobs_and_they_wait_for_it_only_for_a_while(stage: Stage) -> None:
    worker = stage.runner(TASKS, threads=2)
    worker[1].blocked = True
    long = stage.push("note")
    stage.go(worker)
    [suspect] = make_suspect(stage, "note")
    stage.go(worker, seconds=1.2)
    neighbour = stage.push("note")
    stage.go(worker, seconds=2)
    assert stage.job(neighbour).state is JobState.RUNNING  # the process did not stay empty for the suspect
    assert stage.job(suspect).state is JobState.READY
    worker[1].blocked = False
    stage.go(worker, seconds=5)
    assert {stage.job(job).status for job in (long, suspect, neighbour)} == {JobStatus.SUCCEEDED}


def test_a_suspect_of_an_unknown_task_does_not_stop_the_others(stage: Stage) -> None:
    [suspect] = make_suspect(stage, "elsewhere")
    worker = stage.runner(TASKS)
    jobs = []
    for _ in range(30):
        jobs.append(stage.push("note"))
        stage.go(worker, seconds=1)
    assert {stage.job(job).status for job in jobs} == {JobStatus.SUCCEEDED}
    assert stage.job(suspect).state is JobState.READY


def test_jobs_of_a_dead_worker_are_rescued_within_a_second_of_its_lease(stage: Stage) -> None:
    worker = stage.runner(TASKS)
    stage.go(worker)
    job = stage.push("note")
    stage.store.workers.register(worker_named("doomed"))
    stage.store.jobs.claim(Claim("doomed", 1))
    stage.go(worker, seconds=29)
    assert ran == []
    stage.go(worker, seconds=2)
    assert ran == [job]


def test_a_job_of_an_unknown_task_is_left_to_others_and_then_fails_naming_what_is_known(stage: Stage) -> None:
    worker = stage.runner(TASKS, unknown_task=300.0)
    jobs = [stage.push("notes") for _ in range(3)]
    stage.go(worker, seconds=290)
    assert {stage.job(job).state for job in jobs} == {JobState.READY}
    assert max(stage.job(job).attempt for job in jobs) == 1  # passed over, not claimed again and again
    stage.go(worker, seconds=20)
    error = stage.job(jobs[0]).error
    assert {stage.job(job).status for job in jobs} == {JobStatus.FAILED}
    assert error is not None
    assert error.kind == "unknown_task"
    assert "'notes'" in error.message
    assert "did you mean 'note'" in error.message
    assert "coroutine, fails, later, note" in error.message
    new = stage.push("notes")
    stage.go(worker, seconds=290)
    assert stage.job(new).state is JobState.READY  # a new job is given its own time


def test_a_job_of_a_task_that_a_live_worker_has_is_left_to_it(stage: Stage) -> None:
    worker = stage.runner(TASKS, unknown_task=60.0)
    job = stage.push("theirs")
    stage.store.workers.register(worker_named("other", "theirs"))
    for _ in range(20):
        stage.store.workers.heartbeat(["other"])
        stage.go(worker, seconds=10)
    assert stage.job(job).state is JobState.READY
    stage.go(worker, seconds=200)  # it died
    assert stage.job(job).status is JobStatus.FAILED


def test_a_worker_whose_lease_ran_out_forgets_its_jobs_and_registers_anew(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    frozen, other = stage.runner(TASKS), stage.runner(TASKS)
    frozen[1].blocked = True
    job = stage.push("note")
    stage.go(frozen)
    first = stage.job(job).worker
    stage.go(other, seconds=40)
    assert ran == [job]
    final = stage.job(job)
    frozen[1].blocked = False
    stage.go(frozen, seconds=2)
    assert stage.job(job) == final
    assert "goes on as a new worker" in caplog.text
    another = stage.push("note")
    stage.go(frozen)
    assert stage.job(another).status is JobStatus.SUCCEEDED
    assert first not in {worker.id for worker in stage.store.workers.list() if worker.alive}


def test_due_schedules_that_nobody_serves_are_said_with_the_remedy(
    stage: Stage, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = stage.runner(TASKS)
    monkeypatch.setattr(stage.store.schedules, "next_due", lambda: -30.0)
    stage.go(worker, seconds=9)
    assert "no scheduler" not in caplog.text
    stage.go(worker, seconds=120)
    assert caplog.text.count("nuvom runscheduler") == 2
    caplog.clear()
    stage.store.workers.register(WorkerInfo(id="s", kind="scheduler", host="here", pid=1, version="0"))
    for _ in range(7):
        stage.store.workers.heartbeat(["s"])
        stage.go(worker, seconds=10)
    assert "no scheduler" not in caplog.text


def test_no_priority_starves(stage: Stage) -> None:
    runner, hands = stage.runner({"note": note}, threads=1)
    hands.seconds = 10.0  # so nothing is claimed in advance
    low = stage.push("note", priority=-10)
    stage.clock.advance(1)
    for _ in range(100):
        stage.push("note", priority=10)
    while low not in ran:
        runner.step()
        stage.clock.advance(0.005)
    assert len(ran) <= 12


def test_a_process_that_was_stopped_in_a_look_looks_again_within_a_second(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = stage.runner(TASKS)
    stage.go(worker)
    look = stage.store.jobs.has_ready

    def stopped(*asked: Any) -> bool:
        monkeypatch.undo()
        stage.clock.advance(60)
        return look(*asked)

    monkeypatch.setattr(stage.store.jobs, "has_ready", stopped)
    stage.go(worker, seconds=0.1)
    job_id = stage.push("note")
    stage.go(worker, seconds=1.5)
    assert stage.job(job_id).status is JobStatus.SUCCEEDED


def watched(stage: Stage, caplog: pytest.LogCaptureFixture, elsewhere: Callable[[], Store] | None) -> list[str]:
    """Return what a worker says of schedules within two minutes."""
    caplog.clear()
    stage.go(stage.runner(TASKS, elsewhere=elsewhere), seconds=120)
    return [record.getMessage() for record in caplog.records if "schedules are due" in record.getMessage()]


@pytest.mark.parametrize("pair", [False, True])
def test_a_worker_warns_of_due_schedules_that_no_scheduler_serves_in_another_store_too(
    stage: Stage, caplog: pytest.LogCaptureFixture, pair: bool, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/schedules.db"
    with closing(open_store(url, clock=stage.clock) if pair else stage.store) as keeper:
        elsewhere = partial(open_store, url, clock=stage.clock, auto_migrate=False) if pair else None
        assert watched(stage, caplog, elsewhere) == []
        assert not (tmp_path / "schedules.db").exists()
        keeper.schedules.upsert(one_off(START))
        assert [line.partition(";")[0].rpartition(" and ")[2] for line in watched(stage, caplog, elsewhere)] == [
            "no scheduler is running"
        ] * 2
        scheduler = WorkerInfo(id="s", kind="scheduler", host="here", pid=1, version="0")
        stage.store.workers.register(scheduler)

        def opened() -> Store:
            raise AssertionError("a scheduler lives: there is nothing to look for")

        caplog.clear()
        watch = ScheduleWatch(stage.store, stage.clock.monotonic(), opened if pair else None)
        watch.step(stage.clock.monotonic() + 60)
        assert caplog.records == []

"""A worker that ends by itself: with `drain` when nothing is left, with `ready_by` when none of what was ready is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from nuvom._current import current_job
from nuvom._job import JobStatus
from nuvom._retry import RetryLater
from tests.worker.inline import Stage

ran: list[str] = []
stages: list[Stage] = []


def note() -> None:
    ran.append(current_job().id)


def chain() -> None:
    """Push what is ready at once."""
    ran.append(current_job().id)
    stages[0].clock.advance(0.001)
    stages[0].push("note")


def later() -> None:
    raise RetryLater(in_=60)


TASKS = {"note": note, "chain": chain, "later": later}


@pytest.fixture
def stage() -> Stage:
    ran.clear()
    stages[:] = [Stage()]
    return stages[0]


def drained(stage: Stage, **settings: Any) -> bool:
    """Let a worker work until it ends, and tell whether it ended because nothing was left to do."""
    runner, hands = stage.runner(TASKS, **{"drain": True, **settings})
    stage.go((runner, hands), seconds=30)
    assert runner.ended == runner.drained
    return runner.drained


def test_a_worker_that_drains_runs_all_there_is_and_what_comes_of_it_and_ends(stage: Stage) -> None:
    jobs = [stage.push("chain") for _ in range(30)]
    assert drained(stage)
    assert len(ran) == 60
    assert set(jobs) < set(ran)
    assert stage.store.workers.list() == []


def test_a_worker_that_drains_an_empty_store_ends_at_once(stage: Stage) -> None:
    runner, _ = stage.runner(TASKS, drain=True)
    for _ in range(3):
        runner.step()
    assert runner.drained


def test_delayed_jobs_hold_no_worker_that_drains_but_due_ones_are_run(stage: Stage) -> None:
    due = stage.push("note", run_at=stage.store.now() + timedelta(seconds=1))
    delayed = stage.push("note", run_at=stage.store.now() + timedelta(seconds=3600))
    deferred = stage.push("later")
    stage.clock.advance(1)
    assert drained(stage)
    assert ran == [due]
    assert [stage.job(job_id).state for job_id in (delayed, deferred)] == ["delayed", "delayed"]


def test_a_worker_that_drains_runs_more_due_jobs_than_are_made_ready_at_once(stage: Stage) -> None:
    run_at = stage.store.now() + timedelta(seconds=1)
    for _ in range(1_100):
        stage.push("note", run_at=run_at)
    stage.clock.advance(1)
    assert drained(stage)
    assert len(ran) == 1_100


def test_jobs_that_are_not_its_own_hold_no_worker_that_drains(stage: Stage) -> None:
    unknown, elsewhere, mine = stage.push("nobody"), stage.push("note", queue="b"), stage.push("note", queue="a")
    stage.push("nobody", queue="a")
    assert drained(stage, queues=("a",))
    assert ran == [mine]
    assert [stage.job(job_id).status for job_id in (unknown, elsewhere)] == [JobStatus.QUEUED] * 2


def test_a_worker_that_drains_waits_for_what_runs(stage: Stage) -> None:
    stage.push("note")
    runner, hands = stage.runner(TASKS, drain=True)
    hands.blocked = True
    stage.go((runner, hands), seconds=10)
    assert not runner.ended
    hands.blocked = False
    stage.go((runner, hands), seconds=10)
    assert runner.drained


def test_one_pass_runs_what_was_ready_and_leaves_what_came_of_it(stage: Stage) -> None:
    jobs = [stage.push("chain") for _ in range(5)]
    assert drained(stage, ready_by=stage.store.now())
    assert sorted(ran) == sorted(jobs)
    assert len([job for job in stage.store.jobs.queues() if job.ready == 5]) == 1


def test_a_worker_that_is_stopped_while_it_drains_has_not_drained(stage: Stage) -> None:
    stage.push("note")
    runner, hands = stage.runner(TASKS, drain=True)
    hands.blocked = True
    runner.step()
    runner.stop(0.0)
    stage.go((runner, hands), seconds=5)
    assert (runner.ended, runner.drained) == (True, False)


def test_a_queue_that_is_paused_holds_no_worker_that_drains(stage: Stage) -> None:
    stage.push("note")
    stage.store.jobs.pause_queue("default", None)
    assert drained(stage)
    assert ran == []

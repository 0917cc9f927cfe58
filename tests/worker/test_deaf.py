"""Alive and deaf, on a virtual clock with a store that goes deaf: said loudly, and mended by starting afresh."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from nuvom._current import current_job
from nuvom._job import ClaimedJob, JobStatus
from nuvom.stores.values import Claim
from tests.worker.inline import Stage
from tests.worker.test_runner import make_suspect, worker_named

WORD = "jobs are ready and none was taken"
ran: list[str] = []


def note() -> None:
    ran.append(current_job().id)


async def coroutine() -> None:
    ran.append(current_job().id)


TASKS: dict[str, Callable[..., Any]] = {"note": note, "coroutine": coroutine}


@pytest.fixture
def stage() -> Stage:
    ran.clear()
    return Stage()


def deafen(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let claims of the first worker find nothing from now on; returns the ids of all that claim."""
    claim, workers = stage.store.jobs.claim, []

    def deaf(wanted: Claim) -> list[ClaimedJob]:
        if wanted.worker not in workers:
            workers.append(wanted.worker)
        return [] if wanted.worker == workers[0] else claim(wanted)

    monkeypatch.setattr(stage.store.jobs, "claim", deaf)
    return workers


def test_a_worker_that_takes_nothing_for_a_minute_says_so_and_goes_on_under_a_new_lease(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    workers = deafen(stage, monkeypatch)
    worker = stage.runner(TASKS)
    job = stage.push("note")
    stage.go(worker, seconds=55)
    assert (ran, WORD in caplog.text) == ([], False)
    stage.go(worker, seconds=15)
    assert ran == [job]
    [line] = [record for record in caplog.records if WORD in record.message]
    assert line.levelname == "ERROR"
    assert len(workers) == 2
    assert [info.id for info in stage.store.workers.list()] == workers[1:]


def test_a_worker_that_stays_deaf_says_so_each_minute(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(stage.store.jobs, "claim", lambda _: [])
    stage.push("note")
    stage.go(stage.runner(TASKS), seconds=200)
    assert len([record for record in caplog.records if WORD in record.message]) == 3


def test_a_worker_that_is_deaf_while_a_job_runs_keeps_that_job(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    runner, hands = stage.runner(TASKS)
    held = stage.push("note")
    hands.blocked = True
    stage.go((runner, hands))
    deafen(stage, monkeypatch)
    other = stage.push("note")
    stage.go((runner, hands), seconds=80)
    assert WORD in caplog.text
    assert stage.job(held).status is JobStatus.RUNNING
    hands.blocked = False
    stage.go((runner, hands), seconds=80)
    assert ran == [held, other]
    assert stage.job(held).attempt == 1


def test_a_worker_without_work_or_room_is_not_deaf(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    idle, busy = stage.runner(TASKS, queues=("none",)), stage.runner(TASKS)
    busy[1].blocked = True
    stage.push("unknown")
    for _ in range(5):
        stage.push("note")
    stage.push("note", run_at=stage.store.now() + timedelta(hours=1))
    stage.go(busy, idle, seconds=600)
    assert WORD not in caplog.text


def test_a_worker_whose_threads_are_full_is_not_deaf_to_jobs_that_need_one(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    worker = stage.runner(TASKS, threads=2)
    worker[1].blocked = True
    for _ in range(10):
        stage.push("note")
    stage.go(worker, seconds=600)
    assert WORD not in caplog.text


def test_a_suspect_that_waits_for_a_long_job_is_not_left_lying(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    worker = stage.runner(TASKS)
    worker[1].blocked = True
    stage.push("note")
    stage.go(worker)
    make_suspect(stage, "note")
    stage.go(worker, seconds=600)
    assert WORD not in caplog.text


def test_jobs_that_wait_while_a_suspect_runs_alone_are_not_left_lying(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    make_suspect(stage, "note")
    worker = stage.runner(TASKS)
    worker[1].blocked = True
    stage.go(worker, seconds=1)
    stage.push("note")
    stage.go(worker, seconds=600)
    assert WORD not in caplog.text


def test_jobs_that_others_take_are_not_left_lying(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    worker = stage.runner(TASKS)
    stage.store.workers.register(worker_named("other"))
    for _ in range(200):
        stage.push("note")
        stage.store.jobs.claim(Claim("other", 10))
        stage.go(worker, seconds=1)
    assert WORD not in caplog.text


def test_jobs_of_a_queue_that_is_paused_are_not_left_lying(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    worker = stage.runner(TASKS)
    stage.push("note")
    stage.store.jobs.pause_queue("default", None)
    stage.go(worker, seconds=600)
    assert (ran, WORD in caplog.text) == ([], False)

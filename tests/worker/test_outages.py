"""A worker whose store is away for a while, step by step."""

from __future__ import annotations

from typing import Any

import pytest

from nuvom._current import current_job
from nuvom._job import JobStatus, Outcome
from nuvom.errors import StoreUnavailable
from nuvom.stores.base import JobStore
from nuvom.testing.conformance.examples import a_worker, claimed, failed
from nuvom.worker.holdings import STRAYS, Holdings
from nuvom.worker.stopping import Stops
from tests.worker.inline import Stage

ran: list[str] = []


def note() -> None:
    ran.append(current_job().id)


TASKS = {"note": note}


@pytest.fixture
def stage() -> Stage:
    ran.clear()
    return Stage()


class Away:
    """The jobs of a store whose calls fail for a while, before they do anything or after they did it."""

    def __init__(self, jobs: JobStore) -> None:
        self._jobs = jobs
        self.broken = False
        self.lost_answers: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            if self.broken:
                raise StoreUnavailable("the disk is gone")
            answer = getattr(self._jobs, name)(*arguments, **options)
            if name in self.lost_answers:
                self.lost_answers.remove(name)
                raise StoreUnavailable("cut off", unknown=True)
            return answer

        return call


@pytest.fixture
def away(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Away:
    away = Away(stage.store.jobs)
    monkeypatch.setattr(stage.store, "jobs", away)
    return away


def test_outcomes_wait_for_a_store_that_is_away_and_it_is_said_once(
    stage: Stage, away: Away, caplog: pytest.LogCaptureFixture
) -> None:
    runner, hands = worker = stage.runner(TASKS)
    hands.blocked = True
    job = stage.push("note")
    stage.go(worker)
    away.broken = True
    hands.blocked = False
    stage.go(worker, seconds=60)
    assert ran == [job]
    assert caplog.text.count("the store is away") == 1
    away.broken = False
    stage.go(worker, seconds=3.1)
    assert (stage.job(job).status, stage.job(job).attempt) == (JobStatus.SUCCEEDED, 1)
    assert caplog.text.count("the store is back") == 1
    assert not runner.ended


def test_a_worker_that_is_stopped_while_its_store_is_away_ends(stage: Stage, away: Away) -> None:
    runner, hands = worker = stage.runner(TASKS)
    hands.blocked = True
    stage.push("note")
    stage.go(worker)
    away.broken = True
    runner.stop(grace=5)
    hands.blocked = False
    stage.go(worker, seconds=7)
    assert runner.ended


@pytest.mark.parametrize("call", ["claim", "finish"])
def test_a_commit_of_unknown_fate_loses_no_job(stage: Stage, away: Away, call: str) -> None:
    worker = stage.runner(TASKS)
    stage.go(worker)
    away.lost_answers.add(call)
    jobs = [stage.push("note") for _ in range(5)]
    stage.go(worker, seconds=5)
    assert {stage.job(job).status for job in jobs} == {JobStatus.SUCCEEDED}
    assert {stage.job(job).crashes for job in jobs} == {0}
    assert not away.lost_answers


def test_failures_that_were_recorded_before_the_store_went_away_are_told_when_it_is_back(
    stage: Stage, away: Away, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nuvom.worker.holdings.MAX_BATCH", 1)
    jobs = [stage.push("note") for _ in range(2)]
    worker = a_worker(stage.store)
    _, hands = stage.runner(TASKS)
    holdings = Holdings(stage.store, hands, Stops(), 0.0)
    holdings.outcomes = [failed(job) for job in claimed(stage.store, worker)]
    turns = iter([False, True, False])

    def finish(*given: object) -> object:
        away.broken = next(turns)
        return Away.__getattr__(away, "finish")(*given)

    monkeypatch.setattr(away, "finish", finish, raising=False)
    with pytest.raises(StoreUnavailable):
        holdings.flush(worker, 1.0)
    assert sorted(outcome.job.id for outcome in holdings.flush(worker, 2.0).failed) == sorted(jobs)
    assert holdings.flush(worker, 3.0, force=True).failed == []


def test_a_failure_whose_record_had_no_answer_is_told_and_is_no_outcome_that_came_too_late(
    stage: Stage, away: Away
) -> None:
    job = stage.push("note")
    worker = a_worker(stage.store)
    _, hands = stage.runner(TASKS)
    holdings = Holdings(stage.store, hands, Stops(), 0.0)
    holdings.outcomes = [failed(each) for each in claimed(stage.store, worker)]
    away.lost_answers.add("finish")
    with pytest.raises(StoreUnavailable):
        holdings.flush(worker, 1.0)
    flushed = holdings.flush(worker, 2.0)
    assert ([outcome.job.id for outcome in flushed.failed], flushed.refused) == ([job], 0)


def test_jobs_whose_end_a_server_that_crashed_has_lost_run_again_soon_but_never_one_that_may_run_once(
    stage: Stage, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner, hands = worker = stage.runner(TASKS)
    noted: list[Outcome] = []
    monkeypatch.setattr(runner._failures, "note", noted.extend)
    ended = stage.push("note")
    stage.go(worker)
    assert stage.job(ended).status is JobStatus.SUCCEEDED
    lost, once = stage.push("note"), stage.push("note", max_crashes=0)
    [lease] = stage.store.workers.list()
    assert len(claimed(stage.store, lease.id)) == 2, "as the store has it after a crash: claimed, and never ended"
    hands.blocked = True
    held = stage.push("note")
    stage.go(worker)
    stage.go(worker, seconds=STRAYS)
    assert (stage.job(held).attempt, stage.job(held).status) == (1, JobStatus.RUNNING), "what is here is left alone"
    hands.blocked = False
    stage.go(worker)
    assert ran in ([ended, held, lost], [ended, lost, held])
    assert (stage.job(lost).status, stage.job(lost).crashes, stage.job(lost).errors) == (JobStatus.SUCCEEDED, 0, 0)
    failure = stage.job(once)
    assert failure.status is JobStatus.FAILED
    assert failure.error is not None
    assert failure.error.message == "the store has lost how it ended, and max_crashes=0 forbids to run it again"
    assert (noted, stage.store.jobs.take_untold(("note",), 10)) == ([], [once]), "on_failure is called once"
    assert [record.message for record in caplog.records if "are not here" in record.message] == [
        "2 jobs are not here that the store says run here: it has lost how they ended"
    ]

"""The demo's account finds whatever is planted: a missed run, a doubled one, an early one, a lost slow job."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from nuvom._job import Job, JobError, JobState
from nuvom._schedule import Occurrence, OccurrenceOutcome
from nuvom.cli.demo.account import Account, Evidence, Promise, Run, account, every_second, every_third_second

START = datetime(2027, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LATE = timedelta(milliseconds=4)
DUE = every_second(START, START + 3 * SECOND)
PROMISE = Promise(title="interval", schedule_id="s", due=DUE)
SLOW = Job(
    id="slow",
    task="demo.slow",
    arguments=b"[[],{}]",
    queue="default",
    priority=0,
    state=JobState.SUCCEEDED,
    run_at=START,
    created_at=START,
    attempt=2,
)
ROWS = tuple(
    Occurrence(schedule_id="s", nominal=due, outcome=OccurrenceOutcome.DISPATCHED, job_id=f"job{n}", recorded_at=due)
    for n, due in enumerate(DUE)
)
JOBS = tuple(
    replace(SLOW, id=f"job{n}", task="demo.note", attempt=1, schedule_id="s", scheduled_for=due, run_at=due)
    for n, due in enumerate(DUE)
)
RUNS = tuple(
    Run(job=f"job{n}", what="interval", nominal=due, started=due + LATE, attempt=1, pid=1) for n, due in enumerate(DUE)
)
SLOW_RUNS = tuple(
    Run(job="slow", what="demo.slow", nominal=None, started=START + n * 4 * SECOND, attempt=n + 1, pid=1)
    for n in range(2)
)
SOUND = Evidence(occurrences=ROWS, jobs=(*JOBS, SLOW), runs=(*RUNS, *SLOW_RUNS), until=DUE[-1])


def found(evidence: Evidence, promise: Promise = PROMISE) -> Account:
    return account([promise], "slow", evidence)


def test_what_is_complete_has_no_problem() -> None:
    interval, slow = found(SOUND).lines
    assert found(SOUND).problems == ()
    assert (interval.due, interval.dispatched, interval.run, interval.missed, interval.doubled) == (3, 3, 3, 0, 0)
    assert (slow.due, slow.run, slow.missed, slow.doubled, slow.recovered) == (1, 1, 0, 0, 1)
    assert interval.latest == LATE


def test_times_of_the_interval_count_from_its_creation() -> None:
    assert every_second(START, START + timedelta(seconds=2.9)) == (START + SECOND, START + 2 * SECOND)
    assert every_second(START, START + timedelta(seconds=0.9)) == ()


def test_times_of_the_cron_are_seconds_that_divide_by_three() -> None:
    at_noon = START.replace(microsecond=0)
    assert every_third_second(START, START + 6 * SECOND) == (at_noon + 3 * SECOND, at_noon + 6 * SECOND)
    assert every_third_second(at_noon, at_noon + 3 * SECOND) == (at_noon + 3 * SECOND,)


def test_a_missing_row_is_missed() -> None:
    result = found(replace(SOUND, occurrences=ROWS[1:]))
    assert result.lines[0].missed == 1
    assert "interval, due 12:00:01.250: 0 dispatches in the ledger, there must be one" in result.problems


def test_a_missing_job_is_missed() -> None:
    result = found(replace(SOUND, jobs=(*JOBS[1:], SLOW)))
    assert result.lines[0].missed == 1
    assert "interval, due 12:00:01.250: 0 jobs in the table, there must be one" in result.problems


def test_a_missing_run_is_missed_though_a_success_is_recorded() -> None:
    result = found(replace(SOUND, runs=(*RUNS[1:], *SLOW_RUNS)))
    assert result.lines[0].missed == 1
    assert "no run of attempt 1 of job job0" in result.problems[0]


def test_an_occurrence_that_was_coalesced_is_missed() -> None:
    dropped = ROWS[0]._replace(outcome=OccurrenceOutcome.COALESCED, job_id=None)
    result = found(replace(SOUND, occurrences=(dropped, *ROWS[1:]), jobs=(*JOBS[1:], SLOW)))
    assert result.lines[0].missed == 1
    assert "interval, due 12:00:01.250: the ledger says coalesced" in result.problems


@pytest.mark.parametrize("state", [JobState.READY, JobState.RUNNING, JobState.FAILED])
def test_a_job_that_did_not_succeed_is_missed(state: JobState) -> None:
    ended = replace(JOBS[0], state=state, error=JobError("error", message="it broke"))
    result = found(replace(SOUND, jobs=(ended, *JOBS[1:], SLOW)))
    assert result.lines[0].missed == 1
    assert f"job job0 is {state.status}, not succeeded: it broke" in result.problems[0]


def test_two_runs_of_one_attempt_are_doubled() -> None:
    result = found(replace(SOUND, runs=(*RUNS, RUNS[1], *SLOW_RUNS)))
    assert result.lines[0].doubled == 1
    assert "interval, due 12:00:02.250: 2 runs in the tasks' file, but 1 attempt on job job1" in result.problems


def test_a_run_that_the_job_does_not_know_of_is_doubled() -> None:
    result = found(replace(SOUND, runs=(*RUNS, replace(RUNS[1], attempt=2), *SLOW_RUNS)))
    assert result.lines[0].doubled == 1
    assert result.problems


def test_two_jobs_for_one_due_time_are_doubled() -> None:
    twin = replace(JOBS[1], id="twin")
    result = found(replace(SOUND, jobs=(*JOBS, twin, SLOW), runs=(*RUNS, replace(RUNS[1], job="twin"), *SLOW_RUNS)))
    assert result.lines[0].doubled == 1
    assert "interval, due 12:00:02.250: 2 jobs in the table, there must be one" in result.problems


def test_a_second_run_that_the_jobs_attempts_explain_is_recovered_and_not_doubled() -> None:
    lost = replace(JOBS[1], attempt=2)
    again = replace(RUNS[1], attempt=2, started=RUNS[1].started + 4 * SECOND)
    result = found(replace(SOUND, jobs=(JOBS[0], lost, JOBS[2], SLOW), runs=(*RUNS, again, *SLOW_RUNS)))
    assert result.problems == ()
    assert (result.lines[0].recovered, result.lines[0].doubled) == (1, 0)


def test_a_run_before_its_time_is_reported() -> None:
    early = replace(RUNS[2], started=DUE[2] - timedelta(milliseconds=1))
    result = found(replace(SOUND, runs=(*RUNS[:2], early, *SLOW_RUNS)))
    assert result.problems == ("interval, due 12:00:03.250: attempt 1 started 1 ms early",)


def test_a_dispatch_before_its_time_is_reported() -> None:
    early = ROWS[2]._replace(recorded_at=DUE[2] - timedelta(milliseconds=1))
    result = found(replace(SOUND, occurrences=(*ROWS[:2], early)))
    assert result.problems == ("interval, due 12:00:03.250: dispatched before it was due",)


def test_what_was_never_due_is_reported() -> None:
    result = found(SOUND, replace(PROMISE, due=DUE[:2]))
    assert result.problems == (
        "interval: 12:00:03.250 is in the ledger and was never due",
        "interval: a job for 12:00:03.250, which was never due",
    )


def test_what_came_due_after_the_end_may_be_open_but_not_half_there() -> None:
    ended = replace(SOUND, until=DUE[1])
    unborn = replace(ended, occurrences=ROWS[:2], jobs=(*JOBS[:2], SLOW), runs=(*RUNS[:2], *SLOW_RUNS))
    assert found(unborn).problems == ()
    assert found(replace(ended, jobs=(*JOBS[:2], SLOW))).problems


def test_a_slow_job_that_is_gone_is_reported() -> None:
    result = found(replace(SOUND, jobs=JOBS))
    assert "the slow job slow is gone from the table" in result.problems
    assert result.lines[-1].missed == 1


def test_a_slow_job_that_was_not_run_again_is_reported() -> None:
    lost = replace(SLOW, state=JobState.RUNNING, attempt=1)
    result = found(replace(SOUND, jobs=(*JOBS, lost), runs=(*RUNS, SLOW_RUNS[0])))
    assert result.problems == ("the slow job: job slow is running, not succeeded",)
    assert (result.lines[-1].missed, result.lines[-1].recovered) == (1, 0)


def test_a_slow_job_that_the_kill_missed_is_reported() -> None:
    unharmed = replace(SOUND, jobs=(*JOBS, replace(SLOW, attempt=1)), runs=(*RUNS, SLOW_RUNS[0]))
    assert found(unharmed).problems == (
        "the slow job was never started again: the kill came too late to show anything",
    )


def test_a_ledger_row_that_names_another_job_is_reported() -> None:
    wrong = ROWS[0]._replace(job_id="another")
    result = found(replace(SOUND, occurrences=(wrong, *ROWS[1:])))
    assert result.problems == ("interval, due 12:00:01.250: the ledger names job another, the table has job0",)


def test_jobs_and_runs_that_nobody_asked_for_are_reported() -> None:
    stray = replace(SLOW, id="stray")
    result = found(replace(SOUND, jobs=(*SOUND.jobs, stray), runs=(*SOUND.runs, replace(RUNS[0], job="ghost"))))
    assert result.problems == (
        "the tasks' file has a run of job ghost, which is in no table",
        "job stray of task demo.slow is in the table, and nobody asked for it",
    )

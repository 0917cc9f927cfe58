"""The demo's account finds whatever is planted: what is missed, doubled, early, overlapping, lost, unexplained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nuvom._job import Job, JobError, JobState
from nuvom._schedule import Occurrence, OccurrenceOutcome
from nuvom.cli.demo.account import Account, account
from nuvom.cli.demo.evidence import Evidence, Gap, Promise, Run
from nuvom.cli.demo.times import every_even_second, every_second

START = datetime(2027, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LATE = timedelta(milliseconds=4)
GAP = Gap(START + timedelta(seconds=1.2), START + timedelta(seconds=3.5))
DUE = every_second(START, START + 3 * SECOND)
PROMISE = Promise(title="tick", schedule_id="s", due=DUE)
CRON = Promise(title="cron", schedule_id="c", due=DUE, newest=True)
REPORT = Promise(title="report", schedule_id="r", due=DUE[:2], newest=True, alone=True)
SLOW = Job(
    id="slow",
    task="demo.slow",
    arguments=b"[[],{}]",
    queue="default",
    priority=0,
    state=JobState.SUCCEEDED,
    run_at=START,
    created_at=START,
    finished_at=START + 9 * SECOND,
    attempt=2,
)


def dispatched(schedule: str, due: datetime, at: datetime) -> Occurrence:
    job = f"{schedule}{DUE.index(due)}"
    return Occurrence(
        schedule_id=schedule, nominal=due, outcome=OccurrenceOutcome.DISPATCHED, job_id=job, recorded_at=at
    )


def job(row: Occurrence, seconds: float = 0) -> Job:
    end = (row.recorded_at or row.nominal) + LATE + timedelta(seconds=seconds)
    return replace(
        SLOW,
        id=row.job_id or "",
        task="demo.note",
        attempt=1,
        schedule_id=row.schedule_id,
        scheduled_for=row.nominal,
        run_at=row.nominal,
        finished_at=end,
    )


def run(row: Occurrence, seconds: float = 0) -> Run:
    start = (row.recorded_at or row.nominal) + LATE
    end = start + timedelta(seconds=seconds)
    return Run(job=row.job_id or "", what="", nominal=row.nominal, started=start, attempt=1, pid=1, ended=end)


BACK = GAP.end + timedelta(seconds=0.3)  # when what was missed is dispatched
ROWS = (dispatched("s", DUE[0], DUE[0]), dispatched("s", DUE[1], BACK), dispatched("s", DUE[2], BACK))
COALESCED = Occurrence(
    schedule_id="c", nominal=DUE[1], outcome=OccurrenceOutcome.COALESCED, reason="the newest runs", recorded_at=BACK
)
CRON_ROWS = (dispatched("c", DUE[0], DUE[0]), COALESCED, dispatched("c", DUE[2], BACK))
REPORT_ROW = dispatched("r", DUE[0], DUE[0])
SKIPPED = Occurrence(
    schedule_id="r", nominal=DUE[1], outcome=OccurrenceOutcome.SKIPPED_OVERLAP, reason="one is open", recorded_at=BACK
)
JOBS = tuple(map(job, ROWS))
OTHER_JOBS = (job(CRON_ROWS[0]), job(CRON_ROWS[2]), job(REPORT_ROW, 3), SLOW)
RUNS = tuple(map(run, ROWS))
SLOW_RUNS = tuple(
    Run(
        job="slow",
        what="slow",
        nominal=None,
        started=START + n * 4 * SECOND,
        attempt=n + 1,
        pid=1,
        ended=START + 9 * SECOND if n else None,
    )
    for n in range(2)
)
OTHER_RUNS = (run(CRON_ROWS[0]), run(CRON_ROWS[2]), run(REPORT_ROW, 3))
OTHER_ROWS = (*CRON_ROWS, REPORT_ROW, SKIPPED)
SOUND = Evidence(
    occurrences=(*ROWS, *OTHER_ROWS),
    jobs=(*JOBS, *OTHER_JOBS),
    runs=(*RUNS, *OTHER_RUNS, *SLOW_RUNS),
    until=DUE[-1],
    gap=GAP,
    others=frozenset(),
    killed_at=START + SECOND,
)


def found(evidence: Evidence, promise: Promise = PROMISE) -> Account:
    return account([promise, CRON, REPORT], "slow", evidence)


def with_rows(*rows: Occurrence) -> Evidence:
    """The evidence with other rows of `tick`."""
    return replace(SOUND, occurrences=(*rows, *OTHER_ROWS))


def with_jobs(*jobs: Job) -> Evidence:
    """The evidence with other jobs of `tick`."""
    return replace(SOUND, jobs=(*jobs, *OTHER_JOBS))


def with_runs(*runs: Run) -> Evidence:
    """The evidence with other runs of `tick`."""
    return replace(SOUND, runs=(*runs, *OTHER_RUNS, *SLOW_RUNS))


def instead(before: object, after: object, evidence: Evidence = SOUND) -> Evidence:
    """The evidence with another value in the place of one of its rows, jobs or runs."""

    def each(values: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(after if value == before else value for value in values if value != before or after is not None)

    return replace(evidence, occurrences=each(evidence.occurrences), jobs=each(evidence.jobs), runs=each(evidence.runs))


def test_what_is_complete_has_no_problem() -> None:
    tick, cron, report, slow = found(SOUND).lines
    assert found(SOUND).problems == ()
    assert (tick.due, tick.run, tick.missed, tick.doubled, tick.caught_up) == (3, 3, 0, 0, 2)
    assert (cron.due, cron.run, cron.coalesced, cron.missed, cron.caught_up) == (3, 2, 1, 0, 1)
    assert (report.due, report.run, report.skipped, report.missed) == (2, 1, 1, 0)
    assert (slow.due, slow.run, slow.missed, slow.doubled, slow.again) == (1, 1, 0, 0, 1)
    assert tick.latest == BACK + LATE - DUE[1]
    assert found(SOUND).reasons == (
        "cron    1 coalesced: the newest runs",
        "report  1 skipped_overlap: one is open",
    )


def test_times_of_the_interval_count_from_its_creation() -> None:
    assert every_second(START, START + timedelta(seconds=2.9)) == (START + SECOND, START + 2 * SECOND)
    assert every_second(START, START + timedelta(seconds=0.9)) == ()


def test_times_of_the_cron_are_seconds_that_divide_by_two() -> None:
    at_noon = START.replace(microsecond=0)
    assert every_even_second(START, START + 4 * SECOND) == (at_noon + 2 * SECOND, at_noon + 4 * SECOND)
    assert every_even_second(at_noon, at_noon + 2 * SECOND) == (at_noon + 2 * SECOND,)


def test_a_missing_row_is_missed() -> None:
    result = found(with_rows(*ROWS[1:]))
    assert result.lines[0].missed == 1
    assert "tick, due 12:00:01.250: 0 rows in the ledger, there must be one" in result.problems


def test_a_second_row_is_doubled() -> None:
    result = found(with_rows(*ROWS, ROWS[1]))
    assert result.lines[0].doubled == 1
    assert result.problems == ("tick, due 12:00:02.250: 2 rows in the ledger, there must be one",)


def test_a_missing_job_is_missed() -> None:
    result = found(with_jobs(*JOBS[1:]))
    assert result.lines[0].missed == 1
    assert "tick, due 12:00:01.250: 0 jobs in the table, there must be one" in result.problems


def test_a_missing_run_is_missed_though_a_success_is_recorded() -> None:
    result = found(with_runs(*RUNS[1:]))
    assert result.lines[0].missed == 1
    assert "no whole run of attempt 1 of job s0" in result.problems[0]


def test_a_run_without_an_end_is_missed_though_a_success_is_recorded() -> None:
    result = found(with_runs(replace(RUNS[0], ended=None), *RUNS[1:]))
    assert result.lines[0].missed == 1
    assert "no whole run of attempt 1 of job s0" in result.problems[0]


def test_an_occurrence_that_was_coalesced_is_missed_where_each_must_run() -> None:
    dropped = ROWS[1]._replace(outcome=OccurrenceOutcome.COALESCED, job_id=None, reason="the newest runs")
    evidence = replace(with_rows(ROWS[0], dropped, ROWS[2]), jobs=with_jobs(JOBS[0], JOBS[2]).jobs)
    result = found(evidence)
    assert (result.lines[0].missed, result.lines[0].coalesced) == (1, 0)
    assert "tick, due 12:00:02.250: the ledger says coalesced" in result.problems


def test_an_occurrence_that_was_skipped_is_missed_where_runs_may_overlap() -> None:
    result = found(instead(COALESCED, COALESCED._replace(outcome=OccurrenceOutcome.SKIPPED_OVERLAP)))
    assert result.lines[1].missed == 1
    assert "cron, due 12:00:02.250: the ledger says skipped_overlap" in result.problems


def test_what_was_coalesced_with_no_newer_one_due_is_reported() -> None:
    early = COALESCED._replace(recorded_at=DUE[1])
    evidence = replace(instead(COALESCED, early), gap=Gap(DUE[1] + SECOND / 2, GAP.end))
    assert "cron, due 12:00:02.250: coalesced, though no newer one was due" in found(evidence).problems


def test_what_was_coalesced_for_a_newer_one_that_is_nowhere_is_reported() -> None:
    evidence = replace(instead(CRON_ROWS[2], None), until=DUE[1])
    assert "cron, due 12:00:02.250: coalesced, though no newer one was due" in found(evidence).problems


def test_an_older_one_that_ran_though_only_the_newest_was_to_run_is_reported() -> None:
    ran = dispatched("c", DUE[1], BACK)
    evidence = instead(COALESCED, ran)
    evidence = replace(evidence, jobs=(*evidence.jobs, job(ran)), runs=(*evidence.runs, run(ran)))
    assert (
        "cron, due 12:00:02.250: dispatched, though a newer one came due while no scheduler was alive"
        in found(evidence).problems
    )


def test_a_row_that_was_written_while_no_scheduler_was_alive_is_reported() -> None:
    row = ROWS[1]._replace(recorded_at=GAP.end - LATE)
    problems = found(instead(ROWS[1], row)).problems
    assert problems == ("tick, due 12:00:02.250: dispatched while no scheduler was alive",)


def test_what_was_skipped_with_no_run_open_is_reported() -> None:
    over = replace(job(REPORT_ROW), finished_at=BACK - LATE)
    problems = found(instead(job(REPORT_ROW, 3), over)).problems
    assert problems == ("report, due 12:00:02.250: skipped for an open run, and none was open",)


@pytest.mark.parametrize("row", [COALESCED, SKIPPED])
def test_what_was_not_run_for_no_reason_is_reported(row: Occurrence) -> None:
    problems = found(instead(row, row._replace(reason=None))).problems
    assert [problem for problem in problems if problem.endswith(f"the ledger says {row.outcome} and not why")]


def test_what_was_not_run_and_has_a_job_all_the_same_is_doubled() -> None:
    result = found(replace(SOUND, jobs=(*SOUND.jobs, job(dispatched("c", DUE[1], BACK)))))
    assert result.lines[1].doubled == 1
    assert result.problems == ("cron, due 12:00:02.250: the ledger says coalesced, and there is job c1",)


def test_runs_that_overlap_are_reported_where_they_must_not() -> None:
    beside = dispatched("r", DUE[1], BACK)
    evidence = instead(SKIPPED, beside)
    evidence = replace(evidence, jobs=(*evidence.jobs, job(beside)), runs=(*evidence.runs, run(beside)))
    assert "report: the runs of 12:00:01.250 and of 12:00:02.250 overlap" in found(evidence).problems


def test_a_run_that_was_killed_ends_with_its_worker() -> None:
    lost = replace(OTHER_RUNS[2], ended=None)
    again = replace(OTHER_RUNS[2], attempt=2, started=START + 2 * SECOND)
    evidence = instead(job(REPORT_ROW, 3), replace(job(REPORT_ROW, 3), attempt=2))
    evidence = instead(OTHER_RUNS[2], lost, replace(evidence, runs=(*evidence.runs, again)))
    assert found(replace(evidence, killed_at=again.started - LATE)).problems == ()
    overlap = found(replace(evidence, killed_at=again.started + LATE)).problems
    assert overlap == ("report: the runs of 12:00:01.250 and of 12:00:01.250 overlap",)


@pytest.mark.parametrize(
    ("row", "told"),
    [(COALESCED, "nothing was coalesced"), (SKIPPED, "nothing was skipped")],
)
def test_a_story_that_showed_nothing_of_it_is_reported(row: Occurrence, told: str) -> None:
    problems = found(instead(row, None)).problems
    assert [problem for problem in problems if problem.startswith(told)]


def test_a_story_in_which_a_scheduler_was_always_there_is_reported() -> None:
    problems = found(replace(SOUND, gap=Gap(START, START))).problems
    assert problems == ("nothing was caught up: no time came due while no scheduler was alive",)


@pytest.mark.parametrize("state", [JobState.READY, JobState.RUNNING, JobState.FAILED])
def test_a_job_that_did_not_succeed_is_missed(state: JobState) -> None:
    ended = replace(JOBS[0], state=state, error=JobError("error", message="it broke"))
    result = found(with_jobs(ended, *JOBS[1:]))
    assert result.lines[0].missed == 1
    assert f"job s0 is {state.status}, not succeeded: it broke" in result.problems[0]


def test_two_runs_of_one_attempt_are_doubled() -> None:
    result = found(with_runs(*RUNS, RUNS[1]))
    assert result.lines[0].doubled == 1
    assert "tick, due 12:00:02.250: 2 runs in the tasks' file, but 1 attempt on job s1" in result.problems


def test_a_run_that_the_job_does_not_know_of_is_doubled() -> None:
    result = found(with_runs(*RUNS, replace(RUNS[1], attempt=2)))
    assert result.lines[0].doubled == 1
    assert result.problems


def test_two_jobs_for_one_due_time_are_doubled() -> None:
    twin = replace(JOBS[1], id="twin")
    evidence = replace(with_jobs(*JOBS, twin), runs=with_runs(*RUNS, replace(RUNS[1], job="twin")).runs)
    result = found(evidence)
    assert result.lines[0].doubled == 1
    assert "tick, due 12:00:02.250: 2 jobs in the table, there must be one" in result.problems


def test_a_second_run_that_the_jobs_attempts_explain_is_again_and_not_doubled() -> None:
    lost = replace(JOBS[1], attempt=2)
    again = replace(RUNS[1], attempt=2, started=RUNS[1].started + 4 * SECOND)
    result = found(replace(with_jobs(JOBS[0], lost, JOBS[2]), runs=with_runs(*RUNS, again).runs))
    assert result.problems == ()
    assert (result.lines[0].again, result.lines[0].doubled) == (1, 0)


def test_a_run_before_its_time_is_reported() -> None:
    early = replace(RUNS[2], started=DUE[2] - timedelta(milliseconds=1))
    assert found(with_runs(*RUNS[:2], early)).problems == ("tick, due 12:00:03.250: attempt 1 started 1 ms early",)


def test_a_row_before_its_time_is_reported() -> None:
    early = ROWS[2]._replace(recorded_at=DUE[2] - timedelta(milliseconds=1))
    assert found(with_rows(*ROWS[:2], early)).problems == ("tick, due 12:00:03.250: dispatched before it was due",)


def test_what_was_never_due_is_reported() -> None:
    result = found(SOUND, replace(PROMISE, due=DUE[:2]))
    assert result.problems == (
        "tick: 12:00:03.250 is in the ledger and was never due",
        "tick: a job for 12:00:03.250, which was never due",
    )


def test_what_came_due_after_the_end_may_be_open_but_not_half_there() -> None:
    ended = replace(SOUND, until=DUE[1])
    unborn = replace(
        ended,
        occurrences=with_rows(*ROWS[:2]).occurrences,
        jobs=with_jobs(*JOBS[:2]).jobs,
        runs=with_runs(*RUNS[:2]).runs,
    )
    assert found(unborn).problems == ()
    assert found(replace(ended, jobs=with_jobs(*JOBS[:2]).jobs)).problems


def test_a_slow_job_that_is_gone_is_reported() -> None:
    result = found(instead(SLOW, None))
    assert "the slow job slow is gone from the table" in result.problems
    assert result.lines[-1].missed == 1


def test_a_slow_job_that_was_not_run_again_is_reported() -> None:
    lost = replace(SLOW, state=JobState.RUNNING, attempt=1)
    evidence = instead(SLOW_RUNS[1], None, instead(SLOW, lost))
    result = found(evidence)
    assert result.problems == (
        "the slow job: job slow is running, not succeeded",
        "the slow job: no whole run of attempt 1 of job slow in the tasks' file",
    )
    assert (result.lines[-1].missed, result.lines[-1].again) == (1, 0)


def test_a_slow_job_that_the_kill_missed_is_reported() -> None:
    whole = replace(SLOW_RUNS[0], ended=START + 3 * SECOND)
    unharmed = instead(SLOW_RUNS[1], None, instead(SLOW_RUNS[0], whole, instead(SLOW, replace(SLOW, attempt=1))))
    assert found(unharmed).problems == (
        "the slow job was never started again: the kill came too late to show anything",
    )


def test_a_ledger_row_that_names_another_job_is_reported() -> None:
    wrong = ROWS[0]._replace(job_id="another")
    result = found(instead(ROWS[0], wrong))
    assert result.problems == ("tick, due 12:00:01.250: the ledger names job another, the table has s0",)


def test_jobs_and_runs_that_nobody_asked_for_are_reported() -> None:
    stray = replace(SLOW, id="stray")
    result = found(replace(SOUND, jobs=(*SOUND.jobs, stray), runs=(*SOUND.runs, replace(RUNS[0], job="ghost"))))
    assert result.problems == (
        "the tasks' file has a run of job ghost, which is in no table",
        "job stray of task demo.slow is in the table, and nobody asked for it",
    )

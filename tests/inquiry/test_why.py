"""`why` says what happened at a time, as far as the job, and what kept a schedule from running."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nuvom import ScheduleNotFound
from nuvom._clock import to_us
from nuvom._job import Job, JobError, JobState, JobStatus
from nuvom._schedule import Occurrence, OccurrenceOutcome, Overlap, ScheduleEnvelope, ScheduleType
from nuvom.inquiry.question import Question
from nuvom.inquiry.why import Facts, Why, explain
from nuvom.stores.values import WorkerInfo
from tests.inquiry.conftest import MINUTE, START, Stage

DUE = datetime(2026, 3, 7, 3, tzinfo=UTC)
SCHEDULE = ScheduleEnvelope(
    id="019cd052-9900-76cf-8b45-42b80d131de9", name="nightly", task="tasks.add", schedule_type=ScheduleType.CRON,
    cron="0 3 * * *", times_since=DUE - timedelta(days=9), created_at=DUE - timedelta(days=9),
    next_nominal=DUE + timedelta(days=1), next_run=DUE + timedelta(days=1),
)  # fmt: skip
ROW = Occurrence(
    SCHEDULE.id, DUE, OccurrenceOutcome.DISPATCHED, job_id="j", recorded_at=DUE + timedelta(milliseconds=20),
    lateness=timedelta(milliseconds=20),
)  # fmt: skip
JOB = Job(
    id="j", task="tasks.add", arguments=b"[[],{}]", queue="reports", priority=0, state=JobState.READY,
    run_at=DUE, created_at=DUE,
)  # fmt: skip
WORKER = WorkerInfo(id="w", kind="worker", host="h", pid=1, version="1", tasks=("tasks.add",), running=3)
SCHEDULER = WorkerInfo(id="s", kind="scheduler", host="h", pid=2, version="1")


def told(row: Occurrence | None = ROW, job: Job | None = JOB, *, workers: Any = (WORKER,), **facts: Any) -> Why:
    known = {"envelope": SCHEDULE, "now": START, "kept": DUE - timedelta(days=30), "nominal": DUE, **facts}
    asked = Question(said="03:00", windows=((DUE, DUE + MINUTE),))
    jobs = {"j": job} if job is not None else {}
    return explain(Facts(question=asked, row=row, jobs=jobs, workers=workers, **known))


STARTED = DUE + timedelta(seconds=1)
ENDED = DUE + timedelta(seconds=6)
ERROR = JobError("error", "ValueError", "no tape\nmore")
CRASH = JobError("crash", "", "its process died")


@pytest.mark.parametrize(
    ("job", "workers", "verdict", "ran", "text"),
    [
        (JOB, (), "queued", False, "no worker is alive"),
        (JOB, (replace(WORKER, alive=False),), "queued", False, "no worker is alive"),
        (JOB, (replace(WORKER, queues=("mail",)),), "queued", False, "no worker serves queue `reports`"),
        (JOB, (replace(WORKER, tasks=()),), "queued", False, "no worker of queue `reports` has the task tasks.add"),
        (JOB, (WORKER,), "queued", False, "1 worker serves queue `reports` and runs 3 other jobs"),
        (replace(JOB, suspect=True), (WORKER,), "queued", False, "waits to run alone"),
        (replace(JOB, state=JobState.DELAYED, run_at=START + MINUTE), (), "queued", False, "waits until"),
        (
            replace(JOB, state=JobState.DELAYED, run_at=START + MINUTE, errors=2, attempt=2, error=ERROR,
                    started_at=STARTED),
            (), "queued", True, "failed 2 times: ValueError: no tape; tried again 12:01:00, in 1 m",
        ),
        (replace(JOB, state=JobState.HELD), (), "queued", False, "held: an earlier run is open"),
        (
            replace(JOB, state=JobState.RUNNING, started_at=START - 5 * MINUTE), (), "running", True,
            "running since 11:55:00, for 5 m",
        ),
        (
            replace(JOB, state=JobState.SUCCEEDED, started_at=STARTED, finished_at=ENDED), (), "succeeded", True,
            "succeeded 03:00:06, after 5 s",
        ),
        (
            replace(JOB, state=JobState.FAILED, started_at=STARTED, finished_at=ENDED, error=ERROR), (), "failed",
            True, "failed 03:00:06: ValueError: no tape; see `nuvom jobs show j`",
        ),
        (
            replace(JOB, state=JobState.FAILED, started_at=STARTED, finished_at=ENDED, error=CRASH), (), "failed",
            True, "its process died (crash)",
        ),
        (replace(JOB, state=JobState.CANCELLED, finished_at=ENDED), (), "cancelled", False, "before it was started"),
        (replace(JOB, state=JobState.EXPIRED, finished_at=ENDED), (), "expired", False, "was not started in time"),
    ],
)  # fmt: skip
def test_it_follows_through_the_job(job: Job, workers: Any, verdict: str, ran: bool, text: str) -> None:
    why = told(job=job, workers=workers)
    assert (why.verdict, why.ran) == (verdict, ran)
    assert why.text.startswith("dispatched 03:00:00.020, ")
    assert text in why.text


def test_a_pruned_job_is_told_by_its_row() -> None:
    row = ROW._replace(job_status=JobStatus.FAILED, job_started_at=STARTED, job_finished_at=ENDED)
    why = told(row, None)
    assert (why.verdict, why.ran) == ("failed", True)
    assert "failed 03:00:06, after 5 s; the job itself is pruned" in why.text
    assert (told(ROW, None).verdict, told(ROW, None).ran) == ("unrecorded", False)


def test_a_late_dispatch_says_how_late_and_an_expired_one_its_grace() -> None:
    assert "dispatched 03:00:00.020, 5 m late, " in told(ROW._replace(lateness=5 * MINUTE)).text
    envelope = replace(SCHEDULE, grace=5 * MINUTE)
    assert "within its grace of 5 m" in told(job=replace(JOB, state=JobState.EXPIRED), envelope=envelope).text
    held = told(job=replace(JOB, state=JobState.HELD), envelope=replace(SCHEDULE, overlap=Overlap.QUEUE_ONE))
    assert "(overlap=queue_one)" in held.text


@pytest.mark.parametrize("outcome", [o for o in OccurrenceOutcome if o is not OccurrenceOutcome.DISPATCHED])
def test_what_was_not_run_says_its_reason(outcome: OccurrenceOutcome) -> None:
    why = told(ROW._replace(outcome=outcome, job_id=None, reason="because of x"), None)
    assert (why.verdict, why.ran) == (outcome.value, False)
    assert why.text == f"not run ({outcome.value.replace('_', ' ')}): because of x"


@pytest.mark.parametrize(
    ("workers", "text"),
    [
        ((), "due 9 h ago and not dispatched yet: no scheduler is alive; start one: `nuvom runscheduler`"),
        ((replace(SCHEDULER, alive=False),), "no scheduler is alive"),
        ((SCHEDULER,), "a scheduler is alive and will come to it"),
    ],
)
def test_what_is_overdue_says_whether_a_scheduler_is_alive(workers: Any, text: str) -> None:
    why = told(None, None, workers=workers, envelope=replace(SCHEDULE, next_nominal=DUE, next_run=DUE))
    assert (why.verdict, why.ran) == ("overdue", False)
    assert text in why.text


def test_a_row_that_is_lost_points_to_the_audit() -> None:
    assert told(None, None).verdict == "unrecorded"
    assert "nuvom schedules audit nightly" in told(None, None).text
    assert told(None, None, kept=DUE + MINUTE).verdict == "pruned"


def test_a_missing_bound_of_the_clock_is_no_error() -> None:
    why = told(None, None, envelope=replace(SCHEDULE, times_since=None, created_at=None))
    assert why.verdict == "unrecorded"


# From the store on.


def why(stage: Stage, key: str, when: str | datetime = "last") -> Why:
    return stage.app.schedules.why(key, when)


@pytest.fixture
def nightly(stage: Stage) -> Stage:
    """Three nights in Paris, the last one failed."""
    stage.fail.options(name="nightly").schedule(cron="0 3 * * *", timezone_name="Europe/Paris")
    stage.time.advance("3d")
    return stage


@pytest.mark.parametrize(
    "when",
    [
        "last", "03:00", "3:00", "today 03:00", "today", "TODAY", "2026-03-10", "2026-03-10 03:00",
        "2026-03-10T03:00:00", "2026-03-10T02:00Z", "2026-03-09T21:00-05:00",
        datetime(2026, 3, 10, 2, tzinfo=UTC), datetime(2026, 3, 10, 3),  # noqa: DTZ001
    ],
)  # fmt: skip
def test_a_time_is_read_on_the_schedules_own_clock(nightly: Stage, when: str | datetime) -> None:
    found = why(nightly, "nightly", when)
    assert found.nominal == datetime(2026, 3, 10, 2, tzinfo=UTC)
    assert (found.ran, found.verdict) == (True, "failed")
    assert "ValueError: no tape" in found.text


def test_yesterday_and_tomorrow_and_next(nightly: Stage) -> None:
    assert why(nightly, "nightly", "yesterday 03:00").nominal == datetime(2026, 3, 9, 2, tzinfo=UTC)
    for when in ("tomorrow 03:00", "next"):
        ahead = why(nightly, "nightly", when)
        assert (ahead.verdict, ahead.ran, ahead.text) == ("ahead", False, "will run in 14 h")


@pytest.mark.parametrize(
    "when", ["soon", "", "25:00", "3", "2026-02-30", "yesterday 24:00", "2026-03-10 03:00 CET", "9999-12-31", "x" * 500]
)
def test_what_is_no_time_is_refused_with_what_to_write(nightly: Stage, when: str) -> None:
    with pytest.raises(ValueError, match=r"write last, next, now, 03:00|outside of the years"):
        why(nightly, "nightly", when)


def test_what_is_not_one_of_its_times_shows_those_around(nightly: Stage) -> None:
    found = why(nightly, "nightly", "04:00")
    assert (found.verdict, found.nominal, found.ran) == ("no_occurrence", None, False)
    assert str(found).splitlines() == [
        "not one of its times: 0 3 * * *",
        "the one before: 2026-03-10 03:00:00 CET (Europe/Paris)",
        "the next: 2026-03-11 03:00:00 CET (Europe/Paris)",
    ]
    assert why(nightly, "nightly", "now").verdict == "no_occurrence"


def test_before_it_was_created_and_before_its_times_were_changed(nightly: Stage) -> None:
    assert "was not there yet: it was created 2026-03-07" in why(nightly, "nightly", "2026-03-01 03:00").text
    nightly.app.schedules.update("nightly", cron="0 5 * * *")
    assert "its times were others" in why(nightly, "nightly", "2026-03-09 05:00").text
    assert why(nightly, "nightly", "2026-03-09 03:00").verdict == "failed"
    assert "none before" in str(why(nightly, "nightly", "04:00"))


def test_clock_changes_are_said(stage: Stage) -> None:
    zone = "America/New_York"
    for name, expression in {"fixed": "30 2 * * *", "wild": "*/15 2 * * *", "other": "0 5 * * *"}.items():
        stage.add.options(name=name).schedule(cron=expression, timezone_name=zone)
    stage.time.advance("2d")
    skipped, after = datetime(2026, 3, 8, 2, 30), datetime(2026, 3, 8, 7, tzinfo=UTC)  # noqa: DTZ001
    assert (why(stage, "fixed", skipped).nominal, why(stage, "fixed", skipped).ran) == (after, True)
    assert "2026-03-08 02:30 does not exist in America/New_York" in str(why(stage, "fixed", skipped))
    assert "a fixed time in such a gap runs at the first instant after it" in str(why(stage, "fixed", skipped))
    assert "stands for a time that the clock skipped between 02:00 and 03:00" in str(why(stage, "fixed", after))
    assert (why(stage, "wild", skipped).nominal, why(stage, "wild", skipped).ran) == (None, False)
    assert "follows the clock and has no run there" in str(why(stage, "wild", skipped))
    assert "not one of the schedule's times anyway" in str(why(stage, "other", skipped))
    assert why(stage, "other", "2026-03-08 05:00").more == ()


def test_of_a_time_that_comes_twice_a_fixed_time_runs_at_the_first(stage: Stage) -> None:
    stage.add.options(name="fixed").schedule(cron="30 1 * * *", timezone_name="America/New_York")
    stage.add.options(name="wild").schedule(cron="30 * * * *", timezone_name="America/New_York")
    stage.time.clock.advance(datetime(2026, 11, 1, 4, tzinfo=UTC) - START)
    stage.time.advance("6h")
    assert why(stage, "fixed", "01:30").nominal == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    second = why(stage, "fixed", "2026-11-01 01:30-05:00")
    assert (second.ran, "comes twice" in str(second), "first copy only" in str(second)) == (False, True, True)
    assert why(stage, "wild", "2026-11-01 01:30-05:00").ran
    assert "1 more of its times" in str(why(stage, "wild", "2026-11-01 01:30"))


def test_a_jump_of_a_day_is_not_made_up_for(stage: Stage) -> None:
    stage.time.clock.step(datetime(2011, 12, 28, tzinfo=UTC) - START)
    stage.add.options(name="apia").schedule(cron="0 9 * * *", timezone_name="Pacific/Apia")
    stage.time.advance("5d")
    for when in ("2011-12-30 09:00", "2011-12-30"):
        found = why(stage, "apia", when)
        assert (found.verdict, found.ran) == ("no_occurrence", False)
        assert "a jump of more than 3 h is not made up for" in str(found)


def test_bounds_are_said(stage: Stage) -> None:
    bounds = {"starts_at": START + 10 * MINUTE, "ends_at": START + 20 * MINUTE}
    stage.add.options(name="bounded", **bounds).schedule(cron="* * * * *")
    stage.add.options(name="few", max_runs=3).schedule(cron="* * * * *")
    stage.time.advance("40m")
    assert "it starts at 2026-03-07 12:10:00 UTC (starts_at)" in why(stage, "bounded", "12:05").text
    assert "it ended at 2026-03-07 12:20:00 UTC (ends_at)" in why(stage, "bounded", "12:25").text
    assert why(stage, "bounded", "12:15").ran
    few = why(stage, "few", "12:04")
    assert (few.verdict, "max_runs=3 was reached" in few.text) == ("ended", True)
    assert why(stage, "few").nominal == START + 3 * MINUTE
    assert why(stage, "few", "12:03").ran


def test_a_pause_a_cancel_and_a_quarantine_are_said(nightly: Stage) -> None:
    nightly.app.schedules.pause("nightly", "no tape until Monday")
    paused = why(nightly, "nightly", "next")
    assert (paused.verdict, paused.ran) == ("paused", False)
    assert "paused since 2026-03-10 13:00:00 CET (Europe/Paris): no tape until Monday; due in 14 h" in paused.text
    nightly.time.clock.advance(timedelta(days=2))
    assert "what falls into a pause is not run" in why(nightly, "nightly").text
    nightly.app.schedules.resume("nightly")
    assert (why(nightly, "nightly").verdict, "no tape until Monday" in why(nightly, "nightly").text) == ("paused", True)
    nightly.app.schedules.cancel("nightly")
    ended = why(nightly, "nightly", "tomorrow 03:00")
    assert (ended.verdict, "was cancelled 2026-03-12" in ended.text) == ("ended", True)
    assert why(nightly, "nightly", "2026-03-10 03:00").verdict == "failed"


def test_a_quarantine_is_said(nightly: Stage) -> None:
    nightly.tamper("UPDATE schedules SET state = 'quarantined', note = 'no such zone'")
    found = why(nightly, "nightly", "next")
    assert (found.verdict, "set aside: no such zone" in found.text) == ("quarantined", True)


def test_a_row_that_stands_for_many_is_found_inside(stage: Stage) -> None:
    stage.add.options(name="minutely").schedule(interval=60)
    stage.time.clock.advance(timedelta(days=30))
    stage.time.run_due()
    found = why(stage, "minutely", "2026-03-20 12:00")
    assert (found.verdict, found.ran) == ("coalesced", False)
    assert "its row stands for 42,200 from 2026-03-07 12:01:00 UTC to" in found.text


def test_runs_by_hand_and_backfills_of_that_time_are_told(nightly: Stage) -> None:
    nightly.app.schedules.trigger("nightly", request="mine")
    found = why(nightly, "nightly", "now")
    assert (found.verdict, found.nominal, found.ran) == ("no_occurrence", None, False)
    nightly.time.run_due()
    found = why(nightly, "nightly", "now")
    assert (found.ran, "run by hand (request mine): dispatched" in str(found)) == (True, True)
    night = datetime(2026, 3, 9, 2, tzinfo=UTC)
    nightly.app.schedules.backfill("nightly", night, night + MINUTE, again=True, request="again")
    assert "backfilled (request again): dispatched" in str(why(nightly, "nightly", night))


def test_a_jittered_run_says_when_and_why(stage: Stage) -> None:
    stage.add.options(name="spread", jitter="30m").schedule(cron="0 * * * *")
    found = why(stage, "spread", "13:00")
    assert (found.verdict, "after its time by its jitter" in found.text) == ("ahead", True)


def test_a_schedule_that_was_never_due_says_its_first_run(stage: Stage) -> None:
    stage.add.options(name="daily").schedule(cron="0 3 * * *")
    found = why(stage, "daily")
    assert (found.verdict, found.ran) == ("no_occurrence", False)
    assert "never due so far; its first run is 2026-03-08 03:00:00 UTC, in 15 h" in found.text


def test_a_one_off_is_followed_after_it_left(stage: Stage) -> None:
    stage.add.options(name="once").schedule(at=START - timedelta(days=3))
    assert why(stage, "once").verdict == "overdue"
    stage.time.run_due()
    assert (why(stage, "once").verdict, why(stage, "once").ran) == ("succeeded", True)
    assert why(stage, "once", "next").text.startswith("the schedule is done since")


def test_a_local_time_that_the_tz_database_moved_is_found_by_its_row(nightly: Stage) -> None:
    nominal = datetime(2026, 3, 9, 2, tzinfo=UTC)
    nightly.tamper(
        "UPDATE occurrences SET nominal = nominal - 5400000000, utc_offset = utc_offset + 3600 WHERE nominal = ?",
        to_us(nominal),
    )
    found = why(nightly, "nightly", "2026-03-09 02:30")
    assert (found.verdict, found.nominal) == ("no_occurrence", None)
    assert "the tz database has changed since: by the one of then" in str(found)


def test_an_unknown_schedule_is_named(nightly: Stage) -> None:
    with pytest.raises(ScheduleNotFound, match="did you mean 'nightly'"):
        why(nightly, "nihgtly")


def test_async_callers_have_a_twin(nightly: Stage) -> None:
    import asyncio

    assert asyncio.run(nightly.app.schedules.awhy("nightly", "03:00")).verdict == "failed"

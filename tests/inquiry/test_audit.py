"""An audit finds what is missing, doubled or unexplained, and nothing else."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nuvom import Nuvom, ScheduleNotFound, UnsupportedByBackend
from nuvom._clock import to_us
from nuvom._ids import raw
from nuvom._job import JobStatus
from nuvom._schedule import Occurrence, OccurrenceOutcome, ScheduleEnvelope, ScheduleType
from nuvom.inquiry.audit import Fault, Window, compare
from tests.inquiry.conftest import MINUTE, START, Stage, add


def counts(stage: Stage, key: str | None = None) -> tuple[int, int, int]:
    report = stage.app.schedules.audit(key)
    return report.missing, report.doubled, report.unexplained


def minutely(stage: Stage, minutes: int = 60) -> str:
    stage.add.options(name="minutely").schedule(interval=60)
    stage.time.advance(minutes * MINUTE)
    return stage.app.schedules.get("minutely").id


def test_what_ran_as_it_should_is_clean(stage: Stage) -> None:
    minutely(stage)
    stage.fail.options(name="nightly").schedule(cron="0 3 * * *", timezone_name="Europe/Paris")
    stage.time.advance("2d")
    report = stage.app.schedules.audit()
    assert report.clean
    assert report.findings == ()
    assert (report.schedules, report.expected, report.recorded, report.pending) == (2, 60 + 2880 + 2, 2942, 0)


def test_a_clock_change_is_clean(stage: Stage) -> None:
    for expression in ("30 2 * * *", "*/15 2 * * *"):
        stage.add.options(name=expression).schedule(cron=expression, timezone_name="America/New_York")
    stage.time.advance("3d")
    assert counts(stage) == (0, 0, 0)


def test_a_lost_row_is_missing_and_its_job_unexplained(stage: Stage) -> None:
    minutely(stage)
    stage.lose_row(START + 10 * MINUTE)
    assert counts(stage) == (1, 0, 1)
    missing, unexplained = stage.app.schedules.audit().findings
    assert (missing.fault, missing.nominal, missing.schedule_name) == (Fault.MISSING, START + 10 * MINUTE, "minutely")
    assert (unexplained.fault, "has no row" in unexplained.text) == (Fault.UNEXPLAINED, True)


def test_neighbours_that_are_missing_are_one_finding(stage: Stage) -> None:
    minutely(stage)
    first, last = START + 10 * MINUTE, START + 19 * MINUTE
    stage.tamper("DELETE FROM occurrences WHERE nominal BETWEEN ? AND ?", to_us(first), to_us(last))
    stage.tamper("DELETE FROM jobs WHERE scheduled_for BETWEEN ? AND ?", to_us(first), to_us(last))
    [finding] = stage.app.schedules.audit("minutely").findings
    assert (finding.nominal, finding.last, finding.count) == (first, last, 10)


@pytest.mark.parametrize("lost", [1, 60])
def test_the_first_and_the_newest_are_not_overlooked(stage: Stage, lost: int) -> None:
    minutely(stage)
    stage.lose_row(START + lost * MINUTE)
    assert counts(stage)[0] == 1


def test_a_second_job_for_a_time_is_doubled(stage: Stage) -> None:
    minutely(stage)
    stage.tamper(
        "UPDATE jobs SET scheduled_for = ? WHERE scheduled_for = ?",
        to_us(START + 5 * MINUTE), to_us(START + 6 * MINUTE),
    )  # fmt: skip
    report = stage.app.schedules.audit()
    assert (report.missing, report.doubled, report.unexplained) == (0, 1, 0)
    assert "beside job" in report.findings[0].text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("nominal = nominal + 1000000", "not one of the schedule's times"),
        ("outcome = 'missed', job_id = NULL, reason = NULL", "says missed and not why"),
        ("count = 2, last = nominal + 120000000, outcome = 'missed', job_id = NULL, reason = 'x'", "stands for 2"),
    ],
)
def test_a_row_without_a_reason_to_be_is_unexplained(stage: Stage, change: str, said: str) -> None:
    minutely(stage)
    stage.tamper(f"UPDATE occurrences SET {change} WHERE nominal = ?", to_us(START + 30 * MINUTE))
    found = stage.app.schedules.audit().findings
    assert any(said in finding.text for finding in found), found


def test_a_dispatched_row_whose_job_left_no_trace_is_unexplained(stage: Stage) -> None:
    minutely(stage)
    stage.tamper("DELETE FROM jobs WHERE scheduled_for = ?", to_us(START + 30 * MINUTE))
    [finding] = stage.app.schedules.audit().findings
    assert finding.fault is Fault.UNEXPLAINED
    assert "left no outcome" in finding.text


def test_runs_by_hand_and_backfills_are_explained(stage: Stage) -> None:
    minutely(stage)
    stage.app.schedules.trigger("minutely")
    stage.app.schedules.trigger("minutely", request="mine")
    stage.app.schedules.backfill("minutely", START, START + 20 * MINUTE, again=True)
    stage.time.run_due()
    assert counts(stage) == (0, 0, 0)


def test_one_row_that_stands_for_years_of_minutes_is_counted_and_not_listed(stage: Stage) -> None:
    minutely(stage)
    stage.time.clock.advance(timedelta(days=3650))
    stage.time.run_due()
    tracemalloc.start()
    report = stage.app.schedules.audit()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (report.clean, report.expected) == (True, report.recorded)
    assert report.expected > 29 * 1440
    assert peak < 10 << 20


def test_a_range_that_stops_short_leaves_the_rest_missing(stage: Stage) -> None:
    schedule_id = minutely(stage)
    stage.time.clock.advance(timedelta(days=20))
    stage.time.run_due()
    stage.tamper(
        "UPDATE occurrences SET count = count - 30, last = last - 30 * 60000000 WHERE count > 1 AND schedule_id = ?",
        raw(schedule_id),
    )
    [finding] = stage.app.schedules.audit().findings
    assert (finding.fault, finding.count) == (Fault.MISSING, 30)


RANGE = Occurrence(
    "s", START + MINUTE, OccurrenceOutcome.MISSED, reason="x", last=START + 10 * MINUTE, count=10
)  # fmt: skip
INSIDE = Occurrence("s", START + 5 * MINUTE, OccurrenceOutcome.DISPATCHED, job_id="j", job_status=JobStatus.SUCCEEDED)
SCHEDULE = ScheduleEnvelope(id="s", task="t", schedule_type=ScheduleType.INTERVAL, interval=60, anchor=START)


@pytest.mark.parametrize(
    ("end", "rows", "missing", "unexplained"),
    [
        (10, [INSIDE, RANGE], 0, 0),
        (12, [INSIDE, RANGE], 2, 0),
        (10, [RANGE], 0, 0),
        (10, [INSIDE], 9, 0),
        (10, [RANGE._replace(count=11)], 0, 1),
        (10, [INSIDE._replace(job_id=None), RANGE], 0, 1),
        (10, [INSIDE._replace(source="manual:x"), RANGE], 0, 0),
        (10, [INSIDE._replace(source="manual:x", job_status=None), RANGE], 0, 1),
        (10, [], 10, 0),
    ],
)
def test_a_row_for_many_covers_what_lies_around_a_row_inside_of_it(
    end: int, rows: list[Occurrence], missing: int, unexplained: int
) -> None:
    looked = Window(START, START + end * MINUTE + MINUTE / 2, START + end * MINUTE + MINUTE / 2)
    report = compare(SCHEDULE, SCHEDULE.trigger, looked, rows)
    assert (report.missing, report.unexplained) == (missing, unexplained)


def test_a_row_for_many_reaches_into_the_window_from_before_it() -> None:
    looked = Window(START + 6 * MINUTE, START + 13 * MINUTE, START + 13 * MINUTE)
    report = compare(SCHEDULE, SCHEDULE.trigger, looked, [RANGE])
    assert (report.expected, report.recorded, report.missing) == (7, 5, 2)
    assert [(finding.nominal, finding.last) for finding in report.findings] == [
        (START + 11 * MINUTE, START + 12 * MINUTE)
    ]


def test_a_report_names_a_thousand_findings_and_counts_the_rest() -> None:
    looked = Window(START, START + 5000 * MINUTE, START + 5000 * MINUTE)
    rows = [INSIDE._replace(nominal=START + i * MINUTE, job_status=None) for i in range(4999, 0, -1)]
    report = compare(SCHEDULE, SCHEDULE.trigger, looked, rows)
    assert (report.unexplained, len(report.findings)) == (4999, 1000)


def test_what_is_due_and_not_dispatched_yet_is_pending(stage: Stage) -> None:
    minutely(stage)
    stage.time.clock.advance(10 * MINUTE)
    report = stage.app.schedules.audit()
    assert (report.clean, report.expected, report.pending) == (True, 60, 10)


def test_a_pause_explains_what_falls_into_it_before_and_after_the_resume(stage: Stage) -> None:
    minutely(stage)
    stage.app.schedules.pause("minutely", "holiday")
    stage.time.advance("2h")
    paused = stage.app.schedules.audit()
    assert (paused.clean, paused.pending) == (True, 120)
    stage.app.schedules.resume("minutely")
    stage.time.advance("10m")
    assert stage.app.schedules.audit().expected == 190
    assert counts(stage) == (0, 0, 0)


def test_changed_times_are_audited_since_the_change(stage: Stage) -> None:
    minutely(stage)
    stage.app.schedules.update("minutely", interval=3600)
    stage.time.advance("5h")
    report = stage.app.schedules.audit()
    assert (report.clean, report.expected) == (True, 5)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"jitter": "50s"}, 60),
        ({"max_runs": 7}, 7),
        ({"starts_at": START + 30 * MINUTE}, 31),
        ({"ends_at": START + 30 * MINUTE}, 29),
        ({"overlap": "skip"}, 60),
    ],
)
def test_bounds_and_policies_are_part_of_what_is_expected(
    stage: Stage, options: dict[str, object], expected: int
) -> None:
    schedule = stage.add.options(name="bounded", **options).schedule(interval=60)
    stage.time.advance(60 * MINUTE + timedelta(seconds=55))
    report = stage.app.schedules.audit(schedule.id)
    assert (report.clean, report.expected) == (True, expected)


@pytest.mark.parametrize("cancelled", [True, False])
def test_a_schedule_that_has_ended_is_audited_to_its_end(stage: Stage, cancelled: bool) -> None:
    stage.add.options(name="bounded", ends_at=START + 30 * MINUTE).schedule(interval=60)
    stage.time.advance(20 * MINUTE)
    if cancelled:
        stage.time.clock.advance(5 * MINUTE)
        stage.app.schedules.cancel("bounded")
    stage.time.advance(30 * MINUTE)
    assert counts(stage, "bounded") == (0, 0, 0)
    assert stage.app.schedules.audit("bounded").expected == (25 if cancelled else 29)
    stage.lose_row(START + 7 * MINUTE)
    assert counts(stage, "bounded")[0] == 1


@pytest.mark.parametrize("at", [START + MINUTE, START - timedelta(days=90)])
def test_a_one_off_is_expected_once_also_one_of_the_past(stage: Stage, at: datetime) -> None:
    stage.add.options(name="once").schedule(at=at)
    assert stage.app.schedules.audit("once").expected == 0
    stage.time.advance("5m")
    report = stage.app.schedules.audit("once")
    assert (report.clean, report.expected) == (True, 1)
    stage.lose_row(at)
    assert counts(stage, "once")[0] == 1


def test_since_narrows_what_is_looked_at(stage: Stage) -> None:
    minutely(stage)
    stage.lose_row(START + 10 * MINUTE)
    assert stage.app.schedules.audit(since=START + 11 * MINUTE).clean
    assert stage.app.schedules.audit(since=START + 10 * MINUTE).missing == 1
    assert stage.app.schedules.audit(since=datetime(2099, 1, 1, tzinfo=UTC)).expected == 0


def test_a_local_time_that_the_tz_database_moved_is_neither_missing_nor_unexplained(stage: Stage) -> None:
    stage.add.options(name="nightly").schedule(cron="0 3 * * *", timezone_name="Europe/Paris")
    stage.time.advance("3d")
    # As if the tz database of then had had Paris an hour further east on that day.
    hour = 3_600
    stage.tamper(
        "UPDATE occurrences SET nominal = nominal - ?, utc_offset = utc_offset + ? WHERE nominal = ?",
        hour * 1_000_000, hour, to_us(datetime(2026, 3, 9, 2, tzinfo=UTC)),
    )  # fmt: skip
    stage.tamper(
        "UPDATE jobs SET scheduled_for = scheduled_for - ? WHERE scheduled_for = ?",
        hour * 1_000_000, to_us(datetime(2026, 3, 9, 2, tzinfo=UTC)),
    )  # fmt: skip
    assert counts(stage) == (0, 0, 0)


def test_what_was_pruned_is_not_missing(stage: Stage) -> None:
    stage.add.options(name="quick").schedule(interval=20)
    stage.time.advance("1h")
    stage.time.clock.advance(timedelta(days=3))
    stage.time.run_due()
    from nuvom.stores.values import Retention

    stage.time.clock.advance(timedelta(days=3))
    while stage.app.store.prune(Retention(jobs=timedelta(hours=1))):
        pass
    stage.app.store.prune(Retention(jobs=timedelta(hours=1)))
    assert len(stage.app.schedules.runs("quick", 10_000)) < 180 + 1_000
    assert counts(stage) == (0, 0, 0)


def test_rows_of_one_time_are_not_lost_between_pages(stage: Stage) -> None:
    minutely(stage, 5)
    for request in range(600):
        stage.app.schedules.trigger("minutely", request=f"r{request}")
    report = stage.app.schedules.audit()
    assert (report.clean, report.expected) == (True, 5)
    stage.time.advance("1m")
    assert counts(stage) == (0, 0, 0)


async def _audited(stage: Stage) -> int:
    report = await stage.app.schedules.aaudit("minutely")
    return report.expected


def test_async_callers_have_a_twin(stage: Stage) -> None:
    import asyncio

    minutely(stage, 5)
    assert asyncio.run(_audited(stage)) == 5


def test_a_backend_of_five_methods_is_audited_by_name_and_cannot_be_listed(tmp_path: Path) -> None:
    with Nuvom(f"sqlite:///{tmp_path}/n.db", scheduler="tests.scheduler.doubles:Five") as app:
        task = app.task(name="tasks.add")(add)
        task.options(name="once").schedule(1, in_=0)
        task.options(name="hourly").schedule(1, interval=3600)
        app.drain()
        assert (app.schedules.audit("once").clean, app.schedules.audit("once").expected) == (True, 1)
        assert app.schedules.audit("hourly").clean
        assert app.schedules.why("once").verdict == "succeeded"
        assert app.schedules.why("hourly", "next").verdict == "ahead"
        with pytest.raises(UnsupportedByBackend, match="cannot list schedules"):
            app.schedules.audit()


def test_an_unknown_schedule_is_named(stage: Stage) -> None:
    minutely(stage, 1)
    with pytest.raises(ScheduleNotFound, match="did you mean 'minutely'"):
        stage.app.schedules.audit("minutly")


def test_a_naive_since_is_said(stage: Stage) -> None:
    with pytest.warns(UserWarning, match="since=.* has no time zone"):
        stage.app.schedules.audit(since=datetime(2026, 1, 1))  # noqa: DTZ001

"""What is to come of many schedules: in order, none lost, the overdue once, with their jitter."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from nuvom._schedule import CatchUp, ScheduleEnvelope, ScheduleState, ScheduleType, run_time
from nuvom.cli.ahead import runs_ahead

NOW = datetime(2026, 3, 28, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def hourly(name: str, due: datetime, jitter: timedelta = timedelta(0)) -> ScheduleEnvelope:
    envelope = ScheduleEnvelope(
        id=name, name=name, task="t", schedule_type=ScheduleType.INTERVAL, interval=3600, anchor=due - HOUR,
        jitter=jitter,
    )  # fmt: skip
    return replace(envelope, next_nominal=due, next_run=run_time(envelope, due, due + HOUR))


def ahead(*schedules: ScheduleEnvelope, end: datetime = NOW + 3 * HOUR, limit: int = 100) -> list[tuple[datetime, str]]:
    return [(run, schedule.id) for run, schedule in runs_ahead(schedules, NOW, end, limit)]


def test_runs_of_all_come_in_one_order_and_the_end_is_not_among_them() -> None:
    assert ahead(hourly("a", NOW + 10 * MINUTE), hourly("b", NOW), end=NOW + 70 * MINUTE) == [
        (NOW, "b"),
        (NOW + 10 * MINUTE, "a"),
        (NOW + HOUR, "b"),
    ]


def test_a_schedule_that_is_long_overdue_is_told_once_and_then_what_is_to_come() -> None:
    due = NOW - timedelta(days=3650) - 10 * MINUTE
    assert ahead(hourly("a", due), end=NOW + 2 * HOUR) == [
        (due, "a"),
        (NOW + 50 * MINUTE, "a"),
        (NOW + 110 * MINUTE, "a"),
    ]


def test_each_overdue_run_is_told_where_catch_up_runs_all() -> None:
    overdue = replace(hourly("a", NOW - 2 * HOUR), catch_up=CatchUp.ALL)
    assert [run for run, _ in ahead(overdue, end=NOW + MINUTE)] == [NOW - 2 * HOUR, NOW - HOUR, NOW]


def test_an_overdue_run_is_one_of_those_that_are_left() -> None:
    overdue = replace(hourly("a", NOW - 2 * HOUR), max_runs=5, run_count=3)
    assert [run for run, _ in ahead(overdue)] == [NOW - 2 * HOUR, NOW + HOUR]


def test_with_jitter_runs_are_told_when_they_run_and_not_when_they_are_nominal() -> None:
    spread = hourly("a", NOW - MINUTE, jitter=30 * MINUTE)
    runs = [run for run, _ in ahead(spread)]
    assert runs == [
        run_time(spread, nominal, nominal + HOUR) for nominal in (NOW - MINUTE + k * HOUR for k in range(3))
    ]
    assert all(earlier < later for earlier, later in pairwise(runs))


def test_an_overdue_run_hides_no_jittered_one_that_is_to_come() -> None:
    spread = hourly("a", NOW - 5 * HOUR, jitter=HOUR)
    told = [run for run, _ in ahead(spread, end=NOW + HOUR)]
    all_runs = [run_time(spread, nominal, nominal + HOUR) for nominal in (NOW - 5 * HOUR + k * HOUR for k in range(7))]
    assert told == [all_runs[0], *(run for run in all_runs if NOW < run < NOW + HOUR)]


def test_what_is_paused_does_not_run() -> None:
    assert ahead(replace(hourly("a", NOW), state=ScheduleState.PAUSED)) == []

"""A fleet's year ahead: what is foretold is what counting each run gives, with bounds, jitter and states."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import process_time
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from nuvom._forecast import LONGEST, Forecast, Herd, forecast
from nuvom._schedule import ScheduleEnvelope, ScheduleState, ScheduleType, trigger_of
from nuvom.triggers.anomalies import AnomalyKind

NOW = datetime(2026, 3, 28, 12, 0, 30, tzinfo=UTC)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


def cron(expression: str, zone: str = "Europe/Paris", name: str = "nightly", **more: Any) -> ScheduleEnvelope:
    return planned(
        ScheduleEnvelope(
            id=f"id of {name}", task="t", name=name, schedule_type=ScheduleType.CRON, cron=expression,
            timezone_name=zone, **more,
        )
    )  # fmt: skip


def every(seconds: float, name: str = "poll", **more: Any) -> ScheduleEnvelope:
    envelope = ScheduleEnvelope(
        id=f"id of {name}", task="t", name=name, schedule_type=ScheduleType.INTERVAL, interval=seconds,
        anchor=NOW - DAY, **more,
    )  # fmt: skip
    return planned(envelope)


def planned(envelope: ScheduleEnvelope) -> ScheduleEnvelope:
    following = trigger_of(envelope).after(NOW)
    return replace(envelope, next_nominal=following, next_run=following)


def plainly(schedules: list[ScheduleEnvelope], end: datetime) -> tuple[list[int], list[int]]:
    """Count the runs of each schedule and of each minute one by one."""
    base, runs = NOW.replace(second=0), []
    minutes = [0] * -((base - end) // MINUTE)
    for each in schedules:
        coming = [nominal for nominal, _ in takewhile_before(each, end)]
        runs.append(len(coming))
        for nominal in coming:
            minutes[(nominal - base) // MINUTE] += 1
    return runs, minutes


def takewhile_before(schedule: ScheduleEnvelope, end: datetime) -> list[tuple[datetime, datetime]]:
    found = []
    for nominal, run in schedule.coming():
        if nominal >= end:
            break
        found.append((nominal, run))
    return found


MOMENTS = st.none() | st.integers(-90_000, 300_000).map(lambda seconds: NOW + timedelta(seconds=seconds))
BOUNDS = st.fixed_dictionaries({
    "starts_at": MOMENTS,
    "ends_at": MOMENTS,
    "max_runs": st.none() | st.integers(1, 500),
    "run_count": st.integers(0, 20),
}).filter(
    lambda given: not (given["starts_at"] and given["ends_at"] and given["starts_at"] >= given["ends_at"])
    and (given["max_runs"] is None or given["run_count"] < given["max_runs"])
)  # fmt: skip
CRONS = st.builds(
    lambda expression, bounds: cron(expression, **bounds),
    st.sampled_from(("30 2 * * *", "*/10 1-3 * * *", "0 * * * *", "* * * * *", "15 3 * * SUN", "20 5 * * * *")), BOUNDS,
)  # fmt: skip
EVERY = st.builds(lambda seconds, bounds: every(seconds, **bounds), st.integers(30, 9000), BOUNDS)


@settings(deadline=None, max_examples=120)
@given(st.lists(CRONS | EVERY, max_size=5), st.timedeltas(MINUTE, 3 * DAY))
def test_runs_and_busiest_minutes_are_what_counting_each_gives(
    schedules: list[ScheduleEnvelope], length: timedelta
) -> None:
    runs, minutes = plainly(schedules, NOW + length)
    found = forecast(schedules, NOW, length, top=3)
    assert [each.runs for each in found.schedules] == runs
    assert found.runs == sum(runs)
    assert [herd.runs for herd in found.herds] == [count for count in sorted(minutes, reverse=True)[:3] if count]
    for herd in found.herds:
        assert minutes[(herd.minute - NOW.replace(second=0)) // MINUTE] == herd.runs


def test_the_busiest_minutes_name_some_of_their_schedules() -> None:
    fleet = [cron("0 3 * * *", name=f"nightly-{i}") for i in range(5)] + [cron("0 4 * * *", name="later")]
    assert forecast(fleet, NOW, DAY, top=1).herds == (
        Herd(datetime(2026, 3, 29, 1, tzinfo=UTC), 5, ("nightly-0", "nightly-1", "nightly-2")),
    )


def test_clock_changes_are_told_for_each_schedule() -> None:
    found = forecast([cron("30 2 * * *"), cron("30 5 * * *", name="later")], NOW, 300 * DAY)
    assert [[anomaly.kind for anomaly in each.anomalies] for each in found.schedules] == [
        [AnomalyKind.MADE_UP, AnomalyKind.ONCE],
        [],
    ]


@pytest.mark.parametrize(
    ("bounds", "runs", "dropped"),
    [
        ({}, 10, 0),
        ({"starts_at": NOW + 4 * DAY}, 6, 4),
        ({"ends_at": NOW + 4 * DAY}, 4, 6),
        ({"max_runs": 7, "run_count": 4}, 3, 7),
        ({"max_runs": 20, "run_count": 4}, 10, 0),
        ({"starts_at": NOW + 4 * DAY, "max_runs": 2}, 2, 8),
    ],
)
def test_what_bounds_take_away_is_counted(bounds: dict[str, Any], runs: int, dropped: int) -> None:
    found = forecast([cron("0 9 * * *", "UTC", **bounds)], NOW, 10 * DAY)
    assert (found.runs, found.dropped) == (runs, dropped)


def test_a_limit_of_many_runs_is_found_without_looking_at_each() -> None:
    limited = [
        cron("* * * * * *", max_runs=10_000_000),
        cron("* * 9 30-31 12 *", max_runs=5_000),
        every(7, max_runs=99_999),
    ]
    assert [each.runs for each in forecast(limited, NOW, 365 * DAY).schedules] == [10_000_000, 5_000, 99_999]


def test_only_active_schedules_are_counted_and_the_others_are_said() -> None:
    resting = [replace(cron("* * * * *"), state=state) for state in (ScheduleState.PAUSED, ScheduleState.QUARANTINED)]
    found = forecast([*resting, resting[0], cron("0 9 * * *")], NOW, DAY)
    assert found.runs == 1
    assert found.left_out == {"paused": 2, "quarantined": 1}


def test_a_schedule_that_cannot_be_read_is_named_and_stops_nothing() -> None:
    found = forecast([replace(cron("0 9 * * *"), timezone_name="Atlantis"), cron("0 9 * * *", name="fine")], NOW, DAY)
    assert found.unreadable == ("nightly",)
    assert found.runs == 1


def test_a_time_that_was_dispatched_already_is_not_foretold() -> None:
    done = replace(cron("0 9 * * *", "UTC"), next_nominal=datetime(2026, 3, 30, 9, tzinfo=UTC))
    assert forecast([done], NOW, 2 * DAY).runs == 1
    assert forecast([done], NOW, 2 * DAY).dropped == 0


def test_jitter_spreads_a_herd() -> None:
    fleet = [cron("0 3 * * *", name=f"nightly-{i}", jitter=timedelta(minutes=30)) for i in range(600)]
    found = forecast(fleet, NOW, DAY, top=60)
    assert found.runs == sum(herd.runs for herd in found.herds) == 600
    assert len(found.herds) == 30
    assert found.herds[0].runs < 50


def test_a_fleet_without_runs_has_no_herds() -> None:
    found = forecast([], NOW, DAY)
    assert isinstance(found, Forecast)
    assert (found.runs, found.herds, found.schedules) == (0, (), ())


@pytest.mark.parametrize("length", [timedelta(0), -DAY, LONGEST + MINUTE])
def test_a_length_that_cannot_be_foretold_is_refused(length: timedelta) -> None:
    with pytest.raises(ValueError, match="at most 3660 days"):
        forecast([], NOW, length)


def test_a_year_of_many_schedules_costs_days_and_not_runs() -> None:
    zones = ("UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe")
    fleet = [cron(f"{i % 5}-59/5 * * * *", zones[i % 4], name=str(i)) for i in range(300)]
    fleet += [every(i + 1, name=f"every {i}") for i in range(20)]
    began = process_time()
    assert forecast(fleet, NOW, 365 * DAY).runs > 100_000_000
    assert process_time() - began < 20  # to look at each run would take minutes

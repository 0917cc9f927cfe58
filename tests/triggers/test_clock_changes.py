"""The clock-change rule, one named case after the other; years are past ones where tzdata may still change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from nuvom.triggers import CronTrigger


def on(day: str, expression: str, zone: str, days: int = 1) -> list[str]:
    """Return what runs on one local date (or several): the local times with their offsets."""
    start = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
    end = start + timedelta(days=days)
    trigger = CronTrigger(expression, zone, seed="nightly")
    found = list(trigger.between(start, end))
    assert all(moment.tzinfo is UTC for moment in found)
    assert backwards(trigger, start, end) == found[::-1]
    assert trigger.count(start, end) == len(found)
    shown = [moment.astimezone(ZoneInfo(zone)) for moment in found]
    return [f"{'' if days == 1 else moment.strftime('%d ')}{moment:%H:%M}{_offset(moment)}" for moment in shown]


def backwards(trigger: CronTrigger, start: datetime, end: datetime) -> list[datetime]:
    """Return what `before` gives from the end to the start."""
    found: list[datetime] = []
    earlier = trigger.before(end)
    while earlier is not None and earlier >= start:
        found.append(earlier)
        earlier = trigger.before(earlier)
    return found


def _offset(moment: datetime) -> str:
    text = moment.strftime("%z")
    return text.removesuffix("00") if text.endswith("00") else text


def at(text: str, zone: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)


@pytest.mark.parametrize(
    ("expression", "times"),
    [
        ("30 2 * * *", ["03:00-04"]),
        ("*/15 2 * * *", []),
        ("0 */2 * * *", ["00:00-05", "04:00-04", "06:00-04"]),
        ("0 2-4 * * *", ["03:00-04", "04:00-04"]),
        ("15,45 2 * * *", ["03:00-04"]),
        ("0,30 2-3 * * *", ["03:00-04", "03:30-04"]),
        ("59 1 * * *", ["01:59-05"]),
        ("30 * * * *", ["00:30-05", "01:30-05", "03:30-04", "04:30-04", "05:30-04", "06:30-04"]),
    ],
)
def test_new_york_gap(expression: str, times: list[str]) -> None:
    found = on("2026-03-08", expression, "America/New_York")
    assert [time for time in found if time < "07"] == times


@pytest.mark.parametrize(
    ("expression", "times"),
    [
        ("30 1 * * *", ["01:30-04"]),
        ("30 * * * *", ["00:30-04", "01:30-04", "01:30-05", "02:30-05", "03:30-05"]),
        ("0 0-3 * * *", ["00:00-04", "01:00-04", "02:00-05", "03:00-05"]),
        ("*/30 1 * * *", ["01:00-04", "01:30-04", "01:00-05", "01:30-05"]),
        ("0,30 1 * * *", ["01:00-04", "01:30-04"]),
        ("0 2 * * *", ["02:00-05"]),
    ],
)
def test_new_york_fold(expression: str, times: list[str]) -> None:
    found = on("2026-11-01", expression, "America/New_York")
    assert [time for time in found if time < "04"] == times


def test_lord_howe_gap_of_half_an_hour() -> None:
    assert on("2025-10-05", "15 2 * * *", "Australia/Lord_Howe") == ["02:30+11"]
    assert on("2025-10-05", "*/15 2 * * *", "Australia/Lord_Howe") == ["02:30+11", "02:45+11"]


def test_lord_howe_fold_of_half_an_hour() -> None:
    assert on("2026-04-05", "45 1 * * *", "Australia/Lord_Howe") == ["01:45+11"]
    twice = ["01:00+11", "01:15+11", "01:30+11", "01:45+11", "01:30+1030", "01:45+1030"]
    assert on("2026-04-05", "*/15 1 * * *", "Australia/Lord_Howe") == twice


@pytest.mark.parametrize(
    ("zone", "day", "time"),
    [
        ("America/Santiago", "2025-09-07", "01:00-03"),
        ("America/Havana", "2025-03-09", "01:00-04"),
        ("Africa/Cairo", "2025-04-25", "01:00+03"),
        ("Asia/Beirut", "2025-03-30", "01:00+03"),
        ("Atlantic/Azores", "2025-03-30", "01:00+00"),
    ],
)
def test_midnight_gap_daily_weekly_monthly(zone: str, day: str, time: str) -> None:
    date_ = date.fromisoformat(day)
    for days in ("* * *", f"* * {date_.isoweekday()}", f"{date_.day} * *"):
        assert on(day, f"0 0 {days}", zone) == [time], days
        assert on(day, f"*/30 0 {days}", zone) == [], days
    following = (date_ + timedelta(days=1)).isoformat()
    assert on(following, "0 0 * * *", zone) == [f"00:00{time[5:]}"]


def test_midnight_fold_runs_once() -> None:
    assert on("2025-11-02", "30 0 * * *", "America/Havana") == ["00:30-04"]
    assert on("2025-10-30", "30 23 * * *", "Africa/Cairo") == ["23:30+03"]
    assert on("2025-10-30", "30 * * * *", "Africa/Cairo")[-2:] == ["23:30+03", "23:30+02"]


def test_berlin_midnight_of_the_day_after_the_spring_change() -> None:
    assert on("2025-03-31", "0 0 * * *", "Europe/Berlin") == ["00:00+02"]


def test_berlin_first_of_april() -> None:
    assert on("2025-04-01", "0 0 1 * *", "Europe/Berlin") == ["00:00+02"]
    assert CronTrigger("0 0 1 * *", "Europe/Berlin").after(utc(2025, 3, 30, 12)) == utc(2025, 3, 31, 22)


def test_troll_jumps_two_hours() -> None:
    assert on("2025-03-30", "30 1 * * *", "Antarctica/Troll") == ["03:00+02"]
    assert on("2025-03-30", "30 2 * * *", "Antarctica/Troll") == ["03:00+02"]
    assert on("2025-03-30", "30 1-3 * * *", "Antarctica/Troll") == ["03:00+02", "03:30+02"]
    assert on("2025-10-26", "30 2 * * *", "Antarctica/Troll") == ["02:30+02"]
    folded = on("2025-10-26", "30 * * * *", "Antarctica/Troll")[:6]
    assert folded == ["00:30+02", "01:30+02", "02:30+02", "01:30+00", "02:30+00", "03:30+00"]


def test_chatham_gap() -> None:
    assert on("2025-09-28", "0 3 * * *", "Pacific/Chatham") == ["03:45+1345"]
    assert on("2025-09-28", "45 3 * * *", "Pacific/Chatham") == ["03:45+1345"]
    assert on("2025-09-28", "*/15 3 * * *", "Pacific/Chatham") == ["03:45+1345"]
    assert on("2025-09-28", "*/15 2 * * *", "Pacific/Chatham") == ["02:00+1245", "02:15+1245", "02:30+1245"]


def test_chatham_fold() -> None:
    first = ["03:00+1345", "03:15+1345", "03:30+1345"]
    second = ["03:00+1245", "03:15+1245", "03:30+1245", "03:45+1245"]
    assert on("2025-04-06", "*/15 3 * * *", "Pacific/Chatham") == first + second
    assert on("2025-04-06", "15,45 3 * * *", "Pacific/Chatham") == ["03:15+1345", "03:45+1245"]


def test_casablanca_changes_four_times_in_2016() -> None:
    fixed = CronTrigger("30 2 * * *", "Africa/Casablanca")
    year = list(fixed.between(utc(2016, 1, 1), utc(2017, 1, 1)))
    assert len(year) == 366
    moved = [moment for moment in year if moment.astimezone(ZoneInfo("Africa/Casablanca")).minute != 30]
    assert moved == [utc(2016, 3, 27, 2), utc(2016, 7, 10, 2)]
    assert on("2016-06-05", "30 2 * * *", "Africa/Casablanca") == ["02:30+01"]
    assert on("2016-10-30", "30 2 * * *", "Africa/Casablanca") == ["02:30+01"]
    assert on("2016-06-05", "30 * * * *", "Africa/Casablanca")[2:4] == ["02:30+01", "02:30+00"]


def test_dublin_whose_winter_time_is_the_daylight_saving_one() -> None:
    assert on("2025-03-30", "30 1 * * *", "Europe/Dublin") == ["02:00+01"]
    assert on("2025-10-26", "30 1 * * *", "Europe/Dublin") == ["01:30+01"]
    assert on("2025-10-26", "*/30 1 * * *", "Europe/Dublin") == ["01:00+01", "01:30+01", "01:00+00", "01:30+00"]


def test_moscow_2014_and_caracas_2016_change_without_daylight_saving() -> None:
    assert on("2014-10-26", "30 1 * * *", "Europe/Moscow") == ["01:30+04"]
    assert on("2014-10-26", "30 * * * *", "Europe/Moscow")[:3] == ["00:30+04", "01:30+04", "01:30+03"]
    assert on("2016-05-01", "45 2 * * *", "America/Caracas") == ["03:00-04"]
    assert on("2016-05-01", "*/15 2 * * *", "America/Caracas") == ["02:00-0430", "02:15-0430"]


def test_nuuk_makes_up_saturday_on_sunday() -> None:
    assert on("2024-03-30", "30 23 * * SAT", "America/Nuuk") == []
    assert on("2024-03-31", "30 23 * * SAT", "America/Nuuk") == ["00:00-01"]
    assert on("2024-03-31", "30 23 * * SUN", "America/Nuuk") == ["23:30-01"]


def test_jump_of_exactly_three_hours_is_made_up() -> None:
    assert on("2009-10-18", "30 3 * * *", "Antarctica/Casey") == ["05:00+11"]
    assert on("2009-10-18", "*/30 3 * * *", "Antarctica/Casey") == []


def test_jump_of_more_than_three_hours_is_not_made_up() -> None:
    assert on("2011-12-29", "0 9 * * *", "Pacific/Apia", days=3) == ["29 09:00-10", "31 09:00+14"]
    assert on("2011-12-29", "0 9 30 * *", "Pacific/Apia", days=3) == []


def test_fold_of_a_whole_day_runs_fixed_times_once() -> None:
    # Kwajalein moved from +11 to -12 in 1969: 23 hours came twice.
    span = utc(1969, 9, 29), utc(1969, 10, 3)
    assert list(CronTrigger("0 9 * * *", "Pacific/Kwajalein").between(*span)) == [
        utc(1969, 9, 29, 22), utc(1969, 10, 1, 21), utc(1969, 10, 2, 21),
    ]  # fmt: skip
    assert len(list(CronTrigger("0 * * * *", "Pacific/Kwajalein").between(*span))) == 96


@pytest.mark.parametrize("alias", ["@daily", "@midnight", "@weekly"])
def test_an_alias_of_a_fixed_time_is_made_up(alias: str) -> None:
    assert on("2025-03-09", alias, "America/Havana") == ["01:00-04"]  # a Sunday, whose midnight hour is skipped


def test_an_alias_of_a_wildcard_follows_the_clock() -> None:
    assert on("2026-03-08", "@hourly", "America/New_York")[1:3] == ["01:00-05", "03:00-04"]
    assert on("2026-11-01", "@hourly", "America/New_York")[1:4] == ["01:00-04", "01:00-05", "02:00-05"]


def test_h_is_fixed_time_before_it_is_replaced() -> None:
    assert on("2026-03-08", "H 2 * * *", "America/New_York") == ["03:00-04"]
    assert on("2026-03-08", "H/15 2 * * *", "America/New_York") == ["03:00-04"]
    assert len(on("2026-11-01", "H/15 1 * * *", "America/New_York")) == 4
    assert len(on("2026-11-01", "H * * * *", "America/New_York")) == 25


def test_a_range_of_all_hours_is_fixed_time() -> None:
    assert on("2026-03-08", "30 0-23 * * *", "America/New_York")[1:4] == ["01:30-05", "03:00-04", "03:30-04"]
    assert on("2026-11-01", "30 0-23 * * *", "America/New_York")[1:3] == ["01:30-04", "02:30-05"]


def test_seconds_play_no_part_in_what_is_fixed_time() -> None:
    assert on("2026-03-08", "* 30 2 * * *", "America/New_York") == ["03:00-04"]
    assert on("2026-03-08", "0 */30 2 * * *", "America/New_York") == []
    assert on("2026-11-01", "0 30 1 * * *", "America/New_York") == ["01:30-04"]
    assert on("2026-11-01", "0 */30 1 * * *", "America/New_York") == ["01:00-04", "01:30-04", "01:00-05", "01:30-05"]


def test_made_up_and_regular_times_on_one_instant_are_one() -> None:
    assert on("2026-03-08", "0 2,3 * * *", "America/New_York") == ["03:00-04"]
    assert on("2025-10-05", "0,30 2 * * *", "Australia/Lord_Howe") == ["02:30+11"]
    assert on("2024-03-31", "30 23 * * SAT,SUN", "America/Nuuk") == ["00:00-01", "23:30-01"]


def test_a_gap_at_midnight_makes_up_no_other_day() -> None:
    assert on("2025-03-09", "0 0 * * MON", "America/Havana") == []
    assert on("2025-03-09", "0 0 10 * *", "America/Havana") == []


def test_six_fields_are_made_up_once_in_a_gap() -> None:
    trigger = CronTrigger("*/20 30 2 * * *", "America/New_York")
    assert list(trigger.between(utc(2026, 3, 8), utc(2026, 3, 9))) == [utc(2026, 3, 8, 7)]
    every = CronTrigger("*/20 30 * * * *", "America/New_York")
    assert len(list(every.between(utc(2026, 3, 8, 5), utc(2026, 3, 8, 8)))) == 9


def test_offsets_with_seconds_hold_to_the_second() -> None:
    # Monrovia moved from -0:44:30 to 0 at midnight of 7 January 1972.
    trigger = CronTrigger("20 0 * * *", "Africa/Monrovia")
    days = [
        datetime(1972, 1, 6, 1, 4, 30, tzinfo=UTC),
        datetime(1972, 1, 7, 0, 44, 30, tzinfo=UTC),
        utc(1972, 1, 8, 0, 20),
    ]
    assert list(trigger.between(utc(1972, 1, 6), utc(1972, 1, 9))) == days


def test_after_from_inside_the_second_copy_is_later() -> None:
    second = at("2026-11-01T01:10", "America/New_York", fold=1)
    assert CronTrigger("30 1 * * *", "America/New_York").after(second) == utc(2026, 11, 2, 6, 30)
    assert CronTrigger("30 * * * *", "America/New_York").after(second) == utc(2026, 11, 1, 6, 30)
    assert CronTrigger("30 1 * * *", "America/New_York").before(second) == utc(2026, 11, 1, 5, 30)
    first = at("2026-11-01T01:10", "America/New_York")
    assert CronTrigger("30 1 * * *", "America/New_York").after(first) == utc(2026, 11, 1, 5, 30)


def test_made_up_run_is_strictly_after_and_before() -> None:
    trigger = CronTrigger("30 2 * * *", "America/New_York")
    made_up = utc(2026, 3, 8, 7)
    assert trigger.after(made_up - timedelta(microseconds=1)) == made_up
    assert trigger.after(made_up) == utc(2026, 3, 9, 6, 30)
    assert trigger.before(made_up + timedelta(microseconds=1)) == made_up
    assert trigger.before(made_up) == utc(2026, 3, 7, 7, 30)
    assert list(trigger.between(made_up, made_up)) == []
    assert list(trigger.between(made_up, made_up + timedelta(microseconds=1))) == [made_up]


def test_clock_changes_far_in_the_future_follow_the_last_known_rule() -> None:
    assert on("2500-03-14", "30 2 * * *", "America/New_York") == ["03:00-04"]
    assert on("9998-03-08", "30 2 * * *", "America/New_York") == ["03:00-04"]


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)

"""What a cron expression may say, and what it then means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from nuvom.triggers import CronTrigger

SPAN = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)


def runs(expression: str, seed: str | None = None) -> list[datetime]:
    return list(CronTrigger(expression, seed=seed).between(*SPAN))


def minutes(expression: str, seed: str | None = None) -> list[int]:
    return sorted({moment.minute for moment in runs(expression, seed)})


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("*", list(range(60))),
        ("0", [0]),
        ("07", [7]),
        ("1,5,3,5", [1, 3, 5]),
        ("10-13", [10, 11, 12, 13]),
        ("9-9", [9]),
        ("9-9/2", [9]),
        ("9-9/60", [9]),
        ("*/20", [0, 20, 40]),
        ("*/7", [0, 7, 14, 21, 28, 35, 42, 49, 56]),
        ("*/60", [0]),
        ("50/4", [50, 54, 58]),
        ("50/60", [50]),
        ("10-20/5", [10, 15, 20]),
        ("10-20/4,59", [10, 14, 18, 59]),
        ("*/30,45", [0, 30, 45]),
        ("5,*", list(range(60))),
    ],
)
def test_minutes(field: str, values: list[int]) -> None:
    assert minutes(f"{field} 12 1 1 *") == values


@pytest.mark.parametrize(
    ("field", "weekdays"),  # Monday is 1, Sunday is 7, as in ISO
    [
        ("0", [7]),
        ("7", [7]),
        ("SUN", [7]),
        ("sun", [7]),
        ("Mon", [1]),
        ("FRI-SUN", [5, 6, 7]),
        ("5-7", [5, 6, 7]),
        ("SUN-TUE", [1, 2, 7]),
        ("0-2", [1, 2, 7]),
        ("0-7", [1, 2, 3, 4, 5, 6, 7]),
        ("SUN-SUN", [7]),
        ("MON-FRI", [1, 2, 3, 4, 5]),
        ("MON,WED,SUN", [1, 3, 7]),
        ("MON-FRI/2", [1, 3, 5]),
        ("*/2", [2, 4, 6, 7]),
        ("*/7", [7]),
        ("3/2", [3, 5, 7]),
        ("SAT/1", [6, 7]),
        ("*", [1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_days_of_the_week(field: str, weekdays: list[int]) -> None:
    assert sorted({moment.isoweekday() for moment in runs(f"0 0 * * {field}")}) == weekdays


@pytest.mark.parametrize(
    ("expression", "dates"),
    [
        ("0 0 L 2 *", ["02-28"]),
        ("0 0 L 1-4 *", ["01-31", "02-28", "03-31", "04-30"]),
        ("0 0 l,1 2 *", ["02-01", "02-28"]),
        ("0 0 LW 1-3,5 *", ["01-30", "02-27", "03-31", "05-29"]),
        ("0 0 31 1-5 *", ["01-31", "03-31", "05-31"]),
        ("0 0 * 1 MON#1", ["01-05"]),
        ("0 0 * 1-3 mon#5", ["03-30"]),
        ("0 0 * 1 0#1,7#2", ["01-04", "01-11"]),
        ("0 0 * 1,2 5L", ["01-30", "02-27"]),
        ("0 0 * 1,2 FRIL", ["01-30", "02-27"]),
        ("0 0 * 1 7L,MON#2", ["01-12", "01-25"]),
        ("0 0 1 JAN,mar,Dec *", ["01-01", "03-01", "12-01"]),
        ("0 0 1 NOV-DEC *", ["11-01", "12-01"]),
        ("0 0 1 */5 *", ["01-01", "06-01", "11-01"]),
        ("0 0 13 * FRI", sorted({*(f"{m:02}-13" for m in range(1, 13)), *(
            f"{day:%m-%d}" for n in range(365) if (day := SPAN[0] + timedelta(days=n)).isoweekday() == 5)})),
        ("0 0 */31 * */5", ["02-01", "03-01", "05-01", "11-01"]),
        ("0 0 1-7 * */7", [f"{SPAN[0] + timedelta(days=n):%m-%d}" for n in range(365)
                           if (SPAN[0] + timedelta(days=n)).day <= 7 and (SPAN[0] + timedelta(days=n)).weekday() == 6]),
    ],
)  # fmt: skip
def test_dates(expression: str, dates: list[str]) -> None:
    assert [f"{moment:%m-%d}" for moment in runs(expression)] == dates


@pytest.mark.parametrize(
    ("alias", "same"),
    [
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("@monthly", "0 0 1 * *"),
        ("@weekly", "0 0 * * SUN"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@hourly", "0 * * * *"),
        ("@HOURLY", "0 * * * *"),
        (" @Daily\n", "0 0 * * *"),
    ],
)
def test_aliases_in_any_case(alias: str, same: str) -> None:
    assert runs(alias) == runs(same)


def test_white_space_around_and_between_fields_is_free() -> None:
    assert runs("  0\t9  1 *   *\n") == runs("0 9 1 * *")


def test_six_fields_have_seconds_first() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    found = CronTrigger("*/20,45 30 2 * * *").between(start, start + timedelta(days=1))
    assert [moment.time().isoformat() for moment in found] == ["02:30:00", "02:30:20", "02:30:40", "02:30:45"]


def test_h_is_the_same_for_a_name_and_spread_over_names() -> None:
    assert runs("H H * * *", "nightly") == runs("H H * * *", "nightly")
    assert len({minutes("H 3 1 1 *", f"job-{n}")[0] for n in range(300)}) > 50
    assert runs("h 3 * * *", "nightly") == runs("H 3 * * *", "nightly")


def test_h_spreads_each_field_by_itself() -> None:
    firsts = [runs("H H 1 1 *", f"job-{n}")[0] for n in range(300)]
    assert len({(moment.hour, moment.minute) for moment in firsts}) > 200


def test_h_with_a_range_and_a_step_stays_within_them() -> None:
    for seed in map(str, range(60)):
        assert minutes("H(10-12) 3 1 1 *", seed)[0] in {10, 11, 12}
        spread = minutes("H/15 3 1 1 *", seed)
        assert [minute - spread[0] for minute in spread] == [0, 15, 30, 45]
        assert spread[0] < 15
        within = minutes("H(30-59)/10 3 1 1 *", seed)
        assert [minute - within[0] for minute in within] == [0, 10, 20]
        assert 30 <= within[0] < 40
        assert minutes("H(7-7) 3 1 1 *", seed) == [7]


def test_h_as_day_of_month_exists_in_every_month() -> None:
    assert {len(runs("0 0 H * *", str(n))) for n in range(100)} == {12}
    assert len({runs("0 0 H * *", str(n))[0].day for n in range(300)}) == 28


def test_h_as_month_and_as_weekday() -> None:
    assert {runs("0 0 1 H *", str(n))[0].month for n in range(200)} == set(range(1, 13))
    assert {runs("0 0 * * H", str(n))[0].isoweekday() for n in range(100)} == set(range(1, 8))


def test_a_seed_changes_nothing_without_h() -> None:
    assert runs("0 0 * * THU", "a") == runs("0 0 * * THU")


def test_29_february_across_2100() -> None:
    assert CronTrigger("0 0 29 2 *").after(datetime(2096, 2, 29, tzinfo=UTC)) == datetime(2104, 2, 29, tzinfo=UTC)
    assert CronTrigger("0 0 29 2 *").before(datetime(2104, 2, 29, tzinfo=UTC)) == datetime(2096, 2, 29, tzinfo=UTC)


def test_29_february_on_a_sunday_is_found() -> None:
    trigger = CronTrigger("0 0 29 2 */7", "Europe/Paris")
    years = [2060, 2088, 2128, 2156]
    found = [datetime(year, 2, 28, 23, tzinfo=UTC) for year in years]
    assert [trigger.after(moment) for moment in found[:-1]] == found[1:]
    assert [trigger.before(moment) for moment in found[1:]] == found[:-1]


def test_31_in_short_months_is_no_other_day() -> None:
    assert [moment.month for moment in runs("0 0 31 * *")] == [1, 3, 5, 7, 8, 10, 12]


@pytest.mark.parametrize(
    "expression",
    ["0 9 * * *", "*/15 9 * * *", "0,30 9-17 * * MON-FRI", "@hourly", "@daily", "0 */6 * * *", "0 0 1 * *"],
)
def test_a_plain_expression_has_no_warning(expression: str) -> None:
    assert CronTrigger(expression, "Europe/Paris").warnings == ()


@pytest.mark.parametrize(
    ("expression", "zone", "words"),
    [
        ("0 0 9 * * MON", "UTC", ["six fields", "second 0, minute 0, hour 9", "day of week MON"]),
        ("0 0 13 * FRI", "UTC", ["day of month 13", "day of week FRI", "either"]),
        ("30 0-23 * * *", "Europe/Paris", ["minute 30", "hour 0-23", "fixed times", "begin one with *"]),
        ("H/15 9-17 * * *", "Europe/Paris", ["minute H/15", "fixed times"]),
        ("0 H/6 * * *", "Europe/Paris", ["hour H/6", "fixed times"]),
        ("0-59 3 * * *", "Europe/Paris", ["minute 0-59", "fixed times"]),
        ("0 9 * * *", "CET", ["'CET'", "'Europe/Brussels'"]),
        ("0 9 * * *", "EST5EDT", ["'EST5EDT'", "'America/New_York'"]),
        ("0 9 * * *", "WET", ["'WET'", "'Europe/Lisbon'"]),
    ],
)
def test_what_may_surprise_is_said(expression: str, zone: str, words: list[str]) -> None:
    [warning] = CronTrigger(expression, zone, seed="nightly").warnings
    assert [word for word in words if word not in warning] == []


def test_each_surprise_has_its_warning() -> None:
    assert len(CronTrigger("0 0/5 0-23 1 * MON", "MET").warnings) == 4


@pytest.mark.parametrize(
    ("expression", "fixed"),
    [
        ("30 2 * * *", True),
        ("0-59 2 * * *", True),
        ("30,* 2 * * *", True),
        ("*,30 2 * * *", False),
        ("30 * * * *", False),
    ],
)
def test_text_decides_what_is_fixed_time(expression: str, fixed: bool) -> None:
    gap = datetime(2026, 3, 8, 6, 59, tzinfo=UTC)
    made_up = CronTrigger(expression, "America/New_York").after(gap) == datetime(2026, 3, 8, 7, tzinfo=UTC)
    assert made_up == fixed


def test_triggers_are_values() -> None:
    one, same = CronTrigger("0 9 * * *", "Europe/Paris"), CronTrigger("0 9 * * *", "Europe/Paris")
    assert one == same
    assert hash(one) == hash(same)
    assert one != CronTrigger("0 9 * * *")
    assert one != CronTrigger("0 9 * * *", "Europe/Paris", seed="nightly")
    assert repr(one) == "CronTrigger(expression='0 9 * * *', timezone_name='Europe/Paris', seed=None)"
    with pytest.raises(AttributeError):
        one.expression = "* * * * *"  # type: ignore[misc]  # that it cannot be set is what is tested

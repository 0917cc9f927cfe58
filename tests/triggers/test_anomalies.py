"""What clock changes do to an expression is found and said: skipped times, made-up runs, times that come twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings, strategies as st

from nuvom.triggers import CronTrigger
from nuvom.triggers.anomalies import Anomaly, AnomalyKind, anomalies, remark, sentence
from tests.triggers.test_count import EXPRESSIONS, ZONES


def in_year(expression: str, zone: str, year: int) -> list[Anomaly]:
    start = datetime(year, 1, 1, tzinfo=UTC)
    return list(anomalies(CronTrigger(expression, zone), start, start.replace(year=year + 1)))


def said(expression: str, zone: str, year: int) -> list[str]:
    return [sentence(found, CronTrigger(expression, zone).zone) for found in in_year(expression, zone, year)]


@pytest.mark.parametrize(
    ("expression", "zone", "year", "expected"),
    [
        ("30 2 * * *", "Europe/Paris", 2026, [
            "02:30 does not exist on 2026-03-29: runs at 03:00 CEST",
            "02:30 comes twice on 2026-10-25: runs the first time only",
        ]),
        ("*/15 2 * * *", "America/New_York", 2026, [
            "02:00 to 02:45 (4 times) do not exist on 2026-03-08: they are not made up for",
        ]),
        ("15,45 2 * * *", "America/New_York", 2026, [
            "02:15 to 02:45 (2 times) do not exist on 2026-03-08: one run at 03:00 EDT",
        ]),
        ("30 1 * * *", "America/New_York", 2026, ["01:30 comes twice on 2026-11-01: runs the first time only"]),
        ("30 * * * *", "America/New_York", 2026, [
            "02:30 does not exist on 2026-03-08: it is not made up for",
            "01:30 comes twice on 2026-11-01: runs both times",
        ]),
        ("15 2 * * *", "Australia/Lord_Howe", 2024, ["02:15 does not exist on 2024-10-06: runs at 02:30 +11"]),
        ("45 1 * * *", "Australia/Lord_Howe", 2024, ["01:45 comes twice on 2024-04-07: runs the first time only"]),
        ("0 0 * * *", "America/Santiago", 2024, ["00:00 does not exist on 2024-09-08: runs at 01:00 -03"]),
        ("50 2 * * *", "Pacific/Chatham", 2024, [
            "02:50 comes twice on 2024-04-07: runs the first time only",
            "02:50 does not exist on 2024-09-29: runs at 03:45 +1345",
        ]),
        ("30 1,2 * * *", "Antarctica/Troll", 2024, [
            "01:30 to 02:30 (2 times) do not exist on 2024-03-31: one run at 03:00 +02",
            "01:30 to 02:30 (2 times) come twice on 2024-10-27: run the first time only",
        ]),
        ("30 23 * * *", "America/Nuuk", 2024, [
            "23:30 does not exist on 2024-03-30: runs at 00:00 -01 on 2024-03-31",
            "23:30 comes twice on 2024-10-26: runs the first time only",
        ]),
        ("0 12 * * *", "Pacific/Apia", 2011, ["12:00 does not exist on 2011-12-30: it is not made up for"]),
        ("*/20 30 2 * * *", "Europe/Paris", 2025, [
            "02:30 to 02:30:40 (3 times) do not exist on 2025-03-30: one run at 03:00 CEST",
            "02:30 to 02:30:40 (3 times) come twice on 2025-10-26: run the first time only",
        ]),
        ("30 2 * * MON", "Europe/Paris", 2026, []),
        ("30 2 * * *", "UTC", 2026, []),
        ("30 2 * * *", "Asia/Tokyo", 2026, []),
    ],
)  # fmt: skip
def test_each_kind_of_change_is_said(expression: str, zone: str, year: int, expected: list[str]) -> None:
    assert said(expression, zone, year) == expected


def test_an_anomaly_has_its_instant_and_its_local_times() -> None:
    [gap, _] = in_year("*/10 2-3 * * *", "Europe/Paris", 2026)
    assert gap == Anomaly(
        AnomalyKind.SKIPPED,
        datetime(2026, 3, 29, 1, tzinfo=UTC),
        datetime(2026, 3, 29, 2),  # noqa: DTZ001 - local
        datetime(2026, 3, 29, 2, 50),  # noqa: DTZ001 - local
        6,
        timedelta(hours=1),
    )


def test_a_change_is_told_once_although_the_search_goes_in_windows() -> None:
    start = datetime(2026, 10, 31, tzinfo=UTC)
    found = list(anomalies(CronTrigger("30 1 * * *", "America/New_York"), start, start + timedelta(days=30)))
    assert [anomaly.kind for anomaly in found] == [AnomalyKind.ONCE]


def test_the_end_of_the_span_is_not_in_it() -> None:
    change = datetime(2026, 3, 29, 1, tzinfo=UTC)
    trigger = CronTrigger("30 2 * * *", "Europe/Paris")
    assert list(anomalies(trigger, change - timedelta(days=1), change)) == []
    assert len(list(anomalies(trigger, change, change + timedelta(seconds=1)))) == 1


@pytest.mark.parametrize(
    ("expression", "run", "expected"),
    [
        ("30 2 * * *", "2026-03-29T01:00Z", "for 02:30, skipped by the clock"),
        ("0,30 2 * * *", "2026-03-29T01:00Z", "for 02:00 to 02:30 (2 times), skipped by the clock"),
        ("30 2 * * *", "2026-03-30T00:30Z", None),
        ("0 */3 * * *", "2026-03-29T01:00Z", None),
        ("30 2 * * *", "2026-10-25T00:30Z", "the first of two"),
        ("30 * * * *", "2026-10-25T00:30Z", "the first of two"),
        ("30 * * * *", "2026-10-25T01:30Z", "the second of two"),
        ("0 3 * * *", "2026-10-25T02:00Z", None),
        ("59 1 * * *", "2026-10-24T23:59Z", None),
    ],
)
def test_a_run_that_a_clock_change_touches_is_marked(expression: str, run: str, expected: str | None) -> None:
    trigger = CronTrigger(expression, "Europe/Paris")
    moment = datetime.fromisoformat(run)
    assert trigger.count(moment, moment + timedelta(seconds=1)) == 1
    assert remark(trigger, moment) == expected


@settings(deadline=None)
@given(expression=st.sampled_from(EXPRESSIONS), zone=st.sampled_from(ZONES), year=st.integers(2008, 2030))
def test_anomalies_explain_each_difference_from_the_plain_calendar(expression: str, zone: str, year: int) -> None:
    trigger = CronTrigger(expression, zone)
    start = datetime(year, 1, 1, 12, tzinfo=UTC)
    end = start.replace(year=year + 1)
    local = [(moment.astimezone(trigger.zone).replace(tzinfo=None) - datetime(1970, 1, 1)) for moment in (start, end)]  # noqa: DTZ001 - local
    plain = trigger.times.count(*(int(wall.total_seconds()) for wall in local))
    change = 0
    for found in anomalies(trigger, start, end):
        match found.kind:
            case AnomalyKind.SKIPPED:
                change -= found.times
            case AnomalyKind.TWICE:
                change += found.times
            case AnomalyKind.MADE_UP:
                regular = found.at.astimezone(trigger.zone).replace(tzinfo=None) - datetime(1970, 1, 1)  # noqa: DTZ001 - local
                second = int(regular.total_seconds())
                change += 1 - found.times - trigger.times.count(second, second + 1)
    assert trigger.count(start, end) == plain + change

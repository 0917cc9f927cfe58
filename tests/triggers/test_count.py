"""`count` says how many `between` would yield, without looking at each."""

from datetime import UTC, datetime, timedelta
from time import process_time

import pytest
from hypothesis import example, given, settings, strategies as st

from nuvom.triggers import CronTrigger, IntervalTrigger, OneOffTrigger

START = datetime(2026, 1, 1, tzinfo=UTC)
NEW_YORK_GAP = datetime(2026, 3, 8, 7, tzinfo=UTC)

EXPRESSIONS = (
    "* * * * *",
    "*/7 3-5 * * *",
    "30 2 * * *",
    "0 0-3 * * *",
    "15,45 1 * * SUN",
    "0 12 L * FRI",
    "0 0 29 2 *",
    "*/20 30 2 * * *",
    "0 5 1-7 * 1#1",
)
ZONES = ("UTC", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Chatham", "Pacific/Apia")
MOMENTS = st.datetimes(datetime(2007, 1, 1), datetime(2030, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))  # noqa: DTZ001


@settings(deadline=None, max_examples=300)
@given(
    expression=st.sampled_from(EXPRESSIONS),
    zone=st.sampled_from(ZONES),
    start=MOMENTS,
    span=st.timedeltas(timedelta(0), timedelta(days=45)),
)
@example("30 2 * * *", "America/New_York", NEW_YORK_GAP, timedelta(seconds=1))
@example("30 2,3 * * *", "America/New_York", NEW_YORK_GAP, timedelta(hours=1))
@example("0 2,3 * * *", "America/New_York", NEW_YORK_GAP, timedelta(hours=1))
def test_cron_counts_what_it_yields(expression: str, zone: str, start: datetime, span: timedelta) -> None:
    trigger = CronTrigger(expression, zone)
    assert trigger.count(start, start + span) == sum(1 for _ in trigger.between(start, start + span))


@given(seconds=st.floats(0.1, 5000), offset=st.floats(-9000, 9000), span=st.floats(0, 9000))
def test_interval_counts_what_it_yields(seconds: float, offset: float, span: float) -> None:
    trigger = IntervalTrigger(seconds, START)
    start = START + timedelta(seconds=offset)
    end = start + timedelta(seconds=min(span, seconds * 500))
    assert trigger.count(start, end) == sum(1 for _ in trigger.between(start, end))


@pytest.mark.parametrize(("offset", "expected"), [(-1, 0), (0, 0), (1, 1)])
def test_one_off_is_one_or_none(offset: int, expected: int) -> None:
    assert OneOffTrigger(START).count(START - timedelta(days=1), START + timedelta(seconds=offset)) == expected


def test_an_empty_range_counts_nothing() -> None:
    assert CronTrigger("* * * * *").count(START, START) == 0
    assert CronTrigger("* * * * *").count(START, START - timedelta(days=1)) == 0
    assert IntervalTrigger(1, START).count(START, START - timedelta(days=1)) == 0


def test_a_century_of_seconds_is_counted_at_once() -> None:
    trigger = CronTrigger("* * * * * *", "Europe/Paris")
    end = START.replace(year=2126)
    began = process_time()
    assert trigger.count(START, end) == (end - START).total_seconds()
    assert process_time() - began < 1

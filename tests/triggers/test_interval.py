"""Interval triggers: a fixed grid of elapsed time, exact to the microsecond."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from nuvom.errors import InvalidTrigger
from nuvom.triggers import IntervalTrigger

ANCHOR = datetime(2026, 3, 8, 6, 30, tzinfo=UTC)
NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001 - what is refused
MICROSECOND = timedelta(microseconds=1)
SECONDS = st.integers(100_000, 10**13).map(lambda microseconds: timedelta(microseconds=microseconds))
START, END = datetime(1900, 1, 1), datetime(2200, 1, 1)  # noqa: DTZ001 - hypothesis takes bounds without a zone
MOMENTS = st.datetimes(START, END, timezones=st.just(UTC))


def test_the_first_run_is_one_interval_after_the_anchor() -> None:
    trigger = IntervalTrigger(300, ANCHOR)
    assert trigger.after(datetime(1990, 1, 1, tzinfo=UTC)) == ANCHOR + timedelta(minutes=5)
    assert trigger.after(ANCHOR) == ANCHOR + timedelta(minutes=5)
    assert trigger.before(ANCHOR + timedelta(minutes=5)) is None
    assert list(trigger.between(ANCHOR - timedelta(days=9), ANCHOR + timedelta(minutes=15))) == [
        ANCHOR + timedelta(minutes=5), ANCHOR + timedelta(minutes=10),
    ]  # fmt: skip


def test_after_and_before_are_strict() -> None:
    trigger, due = IntervalTrigger(60, ANCHOR), ANCHOR + timedelta(minutes=7)
    assert trigger.after(due - MICROSECOND) == due
    assert trigger.after(due) == due + timedelta(minutes=1)
    assert trigger.before(due + MICROSECOND) == due
    assert trigger.before(due) == due - timedelta(minutes=1)


def test_clock_changes_do_not_move_the_grid() -> None:
    new_york = ZoneInfo("America/New_York")
    trigger = IntervalTrigger(3600, ANCHOR.astimezone(new_york))
    found = trigger.between(datetime(2026, 3, 8, 1, tzinfo=new_york), datetime(2026, 3, 8, 5, tzinfo=new_york))
    assert [moment.astimezone(new_york).strftime("%H:%M") for moment in found] == ["03:30", "04:30"]
    assert trigger.anchor.tzinfo is UTC


def test_a_tenth_of_a_second_does_not_drift() -> None:
    trigger = IntervalTrigger(0.1, ANCHOR)
    a_year_on = ANCHOR + timedelta(days=365)
    assert trigger.before(a_year_on + MICROSECOND) == a_year_on
    assert trigger.after(a_year_on) == a_year_on + timedelta(milliseconds=100)


@given(SECONDS, MOMENTS)
def test_every_occurrence_lies_on_the_grid_and_none_is_left_out(interval: timedelta, moment: datetime) -> None:
    trigger = IntervalTrigger(interval, ANCHOR)
    later, earlier = trigger.after(moment), trigger.before(moment)
    assert later is not None
    assert later > moment
    assert (later - ANCHOR) % interval == timedelta(0)
    assert later == ANCHOR + interval or later - moment <= interval
    if earlier is None:
        assert moment <= ANCHOR + interval
    else:
        assert earlier < moment
        assert moment - earlier <= interval
        assert trigger.after(earlier) in {later, moment}
        assert list(trigger.between(earlier, moment)) == [earlier]


def test_it_ends_with_year_9999() -> None:
    last = datetime.max.replace(tzinfo=UTC)
    trigger = IntervalTrigger(timedelta(days=365_000), ANCHOR)
    occurrences = list(trigger.between(ANCHOR, last))
    assert occurrences == [ANCHOR + n * timedelta(days=365_000) for n in range(1, 8)]
    assert trigger.after(occurrences[-1]) is None
    assert trigger.before(last) == occurrences[-1]
    assert trigger.before(datetime.max.replace(tzinfo=ZoneInfo("Pacific/Pago_Pago"))) == occurrences[-1]


def test_a_span_that_ends_beyond_the_utc_calendar_ends_with_it() -> None:
    evening = datetime(9999, 12, 31, 20, tzinfo=UTC)
    beyond = datetime.max.replace(tzinfo=timezone(timedelta(hours=-11)))
    found = list(IntervalTrigger(3600, evening).between(evening, beyond))
    assert [moment.hour for moment in found] == [21, 22, 23]
    assert IntervalTrigger(3600, evening).count(evening, beyond) == 3


def test_equal_intervals_are_equal_values() -> None:
    trigger = IntervalTrigger(60, ANCHOR)
    assert trigger == IntervalTrigger(60.0, ANCHOR) == IntervalTrigger(timedelta(minutes=1), ANCHOR)
    assert hash(trigger) == hash(IntervalTrigger(timedelta(minutes=1), ANCHOR))
    assert trigger != IntervalTrigger(61, ANCHOR)
    assert repr(trigger).startswith("IntervalTrigger(interval=datetime.timedelta(seconds=60), anchor=")
    with pytest.raises(AttributeError):
        trigger.anchor = ANCHOR  # type: ignore[misc]  # that it cannot be set is what is tested


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (True, "is no duration; give seconds as a number"),
        ("15m", "is no duration"),
        (None, "is no duration"),
        (Fraction(1, 2), "is no duration"),
        (float("nan"), "not finite"),
        (float("inf"), "not finite"),
        (float("-inf"), "not finite"),
        (0, "shortest interval is 0.1 seconds"),
        (-5, "shortest interval is 0.1 seconds"),
        (0.0999, "shortest interval is 0.1 seconds"),
        (timedelta(0), "shortest interval is 0.1 seconds"),
        (timedelta(days=-1), "shortest interval is 0.1 seconds"),
        (1e300, "beyond year 9999"),
        pytest.param(10**400, "beyond year 9999", id="10**400"),
        (10**12, "beyond year 9999"),
        (timedelta.max, "beyond year 9999"),
    ],
)
def test_an_interval_that_cannot_be_is_refused(seconds: Any, words: str) -> None:
    with pytest.raises(InvalidTrigger, match=words) as caught:
        IntervalTrigger(seconds, ANCHOR)
    assert caught.value.field == "interval"
    assert caught.value.value is seconds


@pytest.mark.parametrize("anchor", [NAIVE, "2026-01-01", None])
def test_an_anchor_that_is_no_aware_time_is_refused(anchor: Any) -> None:
    with pytest.raises(InvalidTrigger) as caught:
        IntervalTrigger(60, anchor)
    assert caught.value.field == "anchor"


def test_a_naive_time_is_refused() -> None:
    trigger, naive = IntervalTrigger(60, ANCHOR), NAIVE
    for ask in (
        lambda: trigger.after(naive),
        lambda: trigger.before(naive),
        lambda: trigger.between(naive, ANCHOR),
        lambda: trigger.between(ANCHOR, naive),
    ):
        with pytest.raises(ValueError, match="naive"):
            ask()

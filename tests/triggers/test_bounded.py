"""A bounded trigger gives what the inner one gives between its bounds, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import islice
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from nuvom.errors import InvalidTrigger
from nuvom.triggers import Bounded, CronTrigger, IntervalTrigger, OneOffTrigger, Trigger

NOON = datetime(2026, 3, 8, 12, tzinfo=UTC)
NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001 - what is refused
MICROSECOND = timedelta(microseconds=1)
HOURLY = CronTrigger("0 * * * *", "America/New_York")
INNER: list[Trigger] = [
    HOURLY,
    CronTrigger("*/20 2 * * *", "America/New_York"),
    CronTrigger("30 2 * * *", "America/New_York"),
    IntervalTrigger(1800.000001, NOON),
    OneOffTrigger(NOON),
]
# Whole hours as well, so that bounds fall on occurrences.
NEAR = st.one_of(
    st.integers(-48, 48).map(lambda hours: NOON + timedelta(hours=hours)),
    st.timedeltas(timedelta(hours=-48), timedelta(hours=48)).map(lambda distance: NOON + distance),
)


@given(st.sampled_from(INNER), st.none() | NEAR, st.none() | NEAR, NEAR, NEAR)
@example(HOURLY, NOON, NOON + timedelta(hours=1), NOON, NOON + timedelta(hours=1))
def test_it_is_the_inner_trigger_filtered(
    inner: Trigger, starts_at: datetime | None, ends_at: datetime | None, start: datetime, end: datetime
) -> None:
    if starts_at is not None and ends_at is not None:
        starts_at, ends_at = min(starts_at, ends_at), max(starts_at, ends_at) + MICROSECOND
    bounded = Bounded(inner, starts_at, ends_at)
    everything = inner.between(NOON - timedelta(days=4), NOON + timedelta(days=4))
    inside = [t for t in everything if (not starts_at or t >= starts_at) and (not ends_at or t < ends_at)]
    expected = [t for t in inside if start <= t < end]
    assert list(bounded.between(start, end)) == expected
    assert bounded.count(start, end) == len(expected)
    assert bounded.after(start) == next((t for t in inside if t > start), None)
    assert bounded.before(end) == next((t for t in reversed(inside) if t < end), None)


def test_starts_at_is_included_and_ends_at_is_not() -> None:
    bounded = Bounded(HOURLY, NOON, NOON + timedelta(hours=2))
    assert list(bounded.between(NOON - timedelta(days=9), NOON + timedelta(days=9))) == [
        NOON,
        NOON + timedelta(hours=1),
    ]
    assert bounded.after(NOON - timedelta(days=9)) == NOON
    assert bounded.after(NOON + timedelta(hours=1)) is None
    assert bounded.before(NOON + timedelta(days=9)) == NOON + timedelta(hours=1)
    assert bounded.before(NOON) is None


def test_no_bounds_change_nothing() -> None:
    bounded = Bounded(HOURLY)
    assert bounded.after(NOON) == HOURLY.after(NOON)
    assert bounded.before(NOON) == HOURLY.before(NOON)
    assert list(islice(bounded.between(NOON, datetime.max.replace(tzinfo=UTC)), 3)) == [
        NOON + timedelta(hours=hours) for hours in range(3)
    ]


def test_bounds_at_the_ends_of_the_calendar_hold() -> None:
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    daily = CronTrigger("0 0 * * *")
    bounded = Bounded(daily, first, last)
    assert bounded.after(first) == daily.after(first)
    assert bounded.after(datetime.min.replace(tzinfo=timezone(timedelta(hours=5)))) == first
    assert bounded.before(last) == daily.before(last)


def test_bounds_nest() -> None:
    inner = Bounded(HOURLY, NOON, NOON + timedelta(hours=5))
    assert Bounded(inner, NOON + timedelta(hours=2)).count(NOON, NOON + timedelta(days=1)) == 3


def test_it_is_a_value_with_bounds_in_utc() -> None:
    elsewhere = NOON.astimezone(timezone(timedelta(hours=-5)))
    bounded = Bounded(HOURLY, elsewhere, elsewhere + MICROSECOND)
    assert bounded == Bounded(HOURLY, NOON, NOON + MICROSECOND)
    assert hash(bounded) == hash(Bounded(HOURLY, NOON, NOON + MICROSECOND))
    assert bounded.starts_at is not None
    assert bounded.starts_at.tzinfo is UTC


@pytest.mark.parametrize("distance", [timedelta(0), timedelta(hours=-1)])
def test_bounds_with_nothing_between_are_refused_by_name(distance: timedelta) -> None:
    with pytest.raises(InvalidTrigger, match=r"ends_at=.*must be later than starts_at=datetime") as caught:
        Bounded(HOURLY, NOON, NOON + distance)
    assert caught.value.field == "ends_at"


@pytest.mark.parametrize("bound", [NAIVE, "2026-01-01", datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))])
def test_a_bound_that_is_no_instant_is_refused_by_name(bound: Any) -> None:
    with pytest.raises(InvalidTrigger) as caught:
        Bounded(HOURLY, starts_at=bound)
    assert caught.value.field == "starts_at"
    with pytest.raises(InvalidTrigger) as caught:
        Bounded(HOURLY, ends_at=bound)
    assert caught.value.field == "ends_at"


def test_a_naive_question_is_refused() -> None:
    bounded = Bounded(HOURLY, NOON, NOON + timedelta(hours=5))
    for ask in (
        lambda: bounded.after(NAIVE),
        lambda: bounded.before(NAIVE),
        lambda: bounded.between(NAIVE, NOON),
        lambda: bounded.between(NOON, NAIVE),
        lambda: bounded.count(NAIVE, NOON),
    ):
        with pytest.raises(ValueError, match="naive"):
            ask()

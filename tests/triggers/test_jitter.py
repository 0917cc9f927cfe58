"""The spread of jitter: repeatable, below its bound, even, and without a change of order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import example, given, strategies as st

from nuvom.triggers import CronTrigger
from nuvom.triggers.jitter import spread

NOON = datetime(2026, 3, 8, 12, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
START, END = datetime(1, 1, 2), datetime(9999, 12, 30)  # noqa: DTZ001 - hypothesis takes bounds without a zone
MOMENTS = st.datetimes(START, END, timezones=st.sampled_from(["UTC", "America/New_York"]).map(ZoneInfo))
LENGTHS = st.timedeltas(timedelta(0), timedelta(days=365))


@given(st.text(), MOMENTS, LENGTHS, st.none() | LENGTHS)
@example("\ud800", NOON, timedelta(hours=1), None)
@example("nightly", NOON, MICROSECOND, None)
@example("nightly", NOON, timedelta(hours=1), timedelta(0))
def test_it_is_repeatable_and_below_jitter_and_gap(
    seed: str, nominal: datetime, jitter: timedelta, gap: timedelta | None
) -> None:
    found = spread(seed, nominal, jitter, gap)
    bound = jitter if gap is None else min(jitter, gap)
    assert timedelta(0) <= found
    assert found < bound or found == bound == timedelta(0)
    assert found == spread(seed, nominal.astimezone(UTC), jitter, gap)
    assert found == spread(seed, nominal, bound, None)


def test_it_is_the_same_in_every_version() -> None:
    assert spread("nightly", NOON, timedelta(minutes=5), None) == timedelta(seconds=58.384101)


def test_schedules_and_occurrences_are_spread_evenly() -> None:
    hour = timedelta(hours=1)
    by_schedule = [spread(f"job-{n}", NOON, hour, None) for n in range(6000)]
    by_occurrence = [spread("nightly", NOON + n * hour, hour, None) for n in range(6000)]
    by_microsecond = [spread("nightly", NOON + n * MICROSECOND, hour, None) for n in range(6000)]
    for found in (by_schedule, by_occurrence, by_microsecond):
        tenths = [sum(1 for each in found if each // (hour / 10) == tenth) for tenth in range(10)]
        assert sum(tenths) == 6000
        assert all(480 < count < 720 for count in tenths)  # 600 each, give or take five standard deviations


def test_a_longer_jitter_spreads_the_same_occurrence_in_proportion() -> None:
    minute, hour = (spread("nightly", NOON, timedelta(minutes=length), None) for length in (1, 60))
    assert timedelta(0) <= hour - minute * 60 < 60 * MICROSECOND


@given(st.text(max_size=5), st.timedeltas(timedelta(0), timedelta(days=3)), st.integers(0, 10_000))
def test_occurrences_keep_their_order(seed: str, jitter: timedelta, hours: int) -> None:
    trigger, start = CronTrigger("*/7 1,2 * * *", "Europe/Paris"), NOON + timedelta(hours=hours)
    nominals = list(trigger.between(start, start + timedelta(days=3)))
    due = [one + spread(seed, one, jitter, following - one) for one, following in pairwise(nominals)]
    assert all(earlier < later for earlier, later in pairwise(due))

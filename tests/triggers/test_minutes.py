"""The runs of each minute are counted by patterns, and are what counting run by run gives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings, strategies as st

from nuvom.triggers import CronTrigger, IntervalTrigger, OneOffTrigger, Trigger
from nuvom.triggers.minutes import EARLIEST, Part, runs_per_minute
from tests.triggers.test_count import EXPRESSIONS, ZONES

MINUTE = timedelta(minutes=1)
CHANGE = datetime(2026, 3, 29, 1, tzinfo=UTC)
CHANGES = (  # in the zones of the test
    datetime(2026, 3, 8, 7, tzinfo=UTC), datetime(2026, 11, 1, 6, tzinfo=UTC),
    datetime(2026, 4, 4, 15, tzinfo=UTC), datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
    datetime(2026, 2, 15, 2, tzinfo=UTC), datetime(2026, 4, 4, 14, tzinfo=UTC), datetime(2026, 9, 26, 14, tzinfo=UTC),
    datetime(2011, 12, 30, 10, tzinfo=UTC),
)  # fmt: skip
CRONS = st.builds(
    CronTrigger, st.sampled_from((*EXPRESSIONS, "*/20 */2 * * * *", "*/10 9-17 * * 1-5")), st.sampled_from(ZONES)
)
SECONDS = st.one_of(st.integers(20, 90_000), st.sampled_from((2.5, 7.2, 12.5, 22.5)), st.floats(600, 90_000))
INTERVALS = st.builds(
    lambda seconds, at, back: IntervalTrigger(seconds, at + timedelta(seconds=back)),
    SECONDS, st.sampled_from(CHANGES), st.integers(-90_000, 90_000),
)  # fmt: skip
ONE_OFFS = st.builds(
    lambda at, later: OneOffTrigger(at + timedelta(seconds=later)), st.sampled_from(CHANGES), st.integers(0, 90_000)
)


def one_by_one(parts: list[Part], start: datetime, end: datetime) -> list[int]:
    base = start.replace(second=0, microsecond=0)
    minutes = [0] * -((base - end) // MINUTE)
    for trigger, begin, stop, later in parts:
        for run in trigger.between(begin, stop):
            minutes[(run - base) // MINUTE + later] += 1
    return minutes


@settings(deadline=None, max_examples=100)
@given(
    triggers=st.lists(st.one_of(CRONS, INTERVALS, ONE_OFFS), max_size=5),
    change=st.sampled_from(CHANGES),
    before=st.timedeltas(timedelta(0), timedelta(days=2)),
    length=st.timedeltas(timedelta(0), timedelta(days=4)),
    late=st.timedeltas(timedelta(0), timedelta(days=1)),
)
def test_minutes_are_what_counting_run_by_run_gives(
    triggers: list[Trigger], change: datetime, before: timedelta, length: timedelta, late: timedelta
) -> None:
    start = change - before
    end = start + length
    parts = [Part(trigger, start, end) for trigger in triggers]
    parts += [Part(trigger, start, end - 7 * MINUTE, 7) for trigger in triggers[-2:]]
    parts += [
        Part(trigger, start + late, max(end - late / 2, start + late)) for trigger in triggers[:2] if late < length
    ]
    assert list(runs_per_minute(parts, start, end)) == one_by_one(parts, start, end)


def test_very_many_runs_in_a_minute_are_counted() -> None:
    crons = [CronTrigger("* * * * * *")] * 1200  # 72,000 a minute, more than 16 bits hold
    parts = [Part(trigger, CHANGE, CHANGE + timedelta(hours=50)) for trigger in crons]
    assert set(runs_per_minute(parts, CHANGE, CHANGE + timedelta(hours=50))) == {72_000}


def test_short_intervals_off_the_grid_count_with_their_mean() -> None:
    parts = [Part(IntervalTrigger(0.75001, CHANGE - MINUTE), CHANGE, CHANGE + 10 * MINUTE)] * 10
    assert set(runs_per_minute(parts, CHANGE, CHANGE + 10 * MINUTE)) == {800}


def test_a_span_before_offsets_were_whole_minutes_is_refused() -> None:
    with pytest.raises(ValueError, match="offsets have seconds"):
        runs_per_minute([], EARLIEST - MINUTE, EARLIEST)

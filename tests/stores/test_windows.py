"""Rates: never too many starts in any window, nearly all that are allowed, whatever the pattern of those that claim."""

from __future__ import annotations

from bisect import bisect_right

from hypothesis import given, strategies as st

from nuvom._limits import Rate
from nuvom.stores.windows import GRANTED, SLACK, SLICES, Limits, Load, Slice, counted, opening

PERIOD = 1_000_000  # microseconds
LATE = PERIOD // SLACK  # by which a job may begin after its claim
pauses = st.lists(st.integers(0, PERIOD // 3), min_size=1, max_size=120)


def claimed(rate: Rate, pauses: list[int], most: int) -> list[int]:
    """Claim at most `most` after each pause, as far as the rate allows; returns when each of them started."""
    now, starts, taken = 10**15, tuple[Slice, ...](), list[int]()
    for pause in pauses:
        now += pause
        room = opening(Limits(rate=rate), Load(0, 0), counted(starts, rate, now)).room
        number = min(room, most)
        starts = counted(starts, rate, now, number)
        taken += [now] * number
    return taken


@given(limit=st.integers(1, 20), pauses=pauses, most=st.integers(1, 25))
def test_no_window_has_more_starts_than_the_rate(limit: int, pauses: list[int], most: int) -> None:
    taken = claimed(Rate(limit, PERIOD), pauses, most)
    for i, start in enumerate(taken):
        assert bisect_right(taken, start + PERIOD + LATE) - i <= limit, "also where some begin later than others"


@given(limit=st.integers(1, 50), most=st.integers(1, 60), periods=st.integers(5, 12))
def test_of_what_a_rate_allows_nineteen_of_twenty_come_under_load(limit: int, most: int, periods: int) -> None:
    taken = claimed(Rate(limit, PERIOD), [PERIOD // 250] * (250 * periods), most)
    assert len(taken) >= 0.95 * limit * periods


@given(limit=st.integers(1, 20), pauses=pauses)
def test_a_flow_opens_when_it_says(limit: int, pauses: list[int]) -> None:
    rate = Rate(limit, PERIOD)
    now, starts = 10**15, tuple[Slice, ...]()
    for pause in pauses:
        now += pause
        starts = counted(starts, rate, now, opening(Limits(rate=rate), Load(0, 0), counted(starts, rate, now)).room)
        opens_at = opening(Limits(rate=rate), Load(0, 0), starts).opens_at
        assert opens_at is not None
        assert now < opens_at <= now + PERIOD + PERIOD // SLICES + LATE
        assert opening(Limits(rate=rate), Load(0, 0), counted(starts, rate, opens_at - 1)).room == 0
        assert opening(Limits(rate=rate), Load(0, 0), counted(starts, rate, opens_at)).room > 0


@given(back=st.integers(0, 100 * PERIOD))
def test_starts_that_lie_ahead_count_as_now(back: int) -> None:
    rate = Rate(3, PERIOD)
    starts = counted((), rate, 10**15, 3)
    now = 10**15 - back
    assert sum(count for _, count in counted(starts, rate, now)) == 3
    assert counted(starts, rate, now)[-1][0] <= now + PERIOD // SLICES + PERIOD // SLICES
    later = now + PERIOD + 2 * (PERIOD // SLICES) + LATE
    assert counted(counted(starts, rate, now), rate, later) == ()


@given(ready=st.integers(0, 30), running=st.integers(0, 30), limit=st.integers(1, 20))
def test_ready_and_running_jobs_take_places(ready: int, running: int, limit: int) -> None:
    room = opening(Limits(concurrency=limit), Load(ready, running), ()).room
    if room >= 0:
        assert ready + running + room == max(limit, ready + running)
    else:
        assert ready + room >= 0
        assert running + ready + room == max(limit, running)


def test_without_a_limit_a_thousand_may_be_ready() -> None:
    assert opening(Limits(), Load(0, 5_000), ()).room == GRANTED

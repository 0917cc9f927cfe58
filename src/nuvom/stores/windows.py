"""The arithmetic of a flow: how many more of its jobs may start now, and when the next may. Pure.

A rate is kept in any window of its period, not only in those that begin at full minutes: starts are counted in slices
of a fiftieth of the period, and a slice is forgotten when all of it is older than the period and a fortieth more. A
start is a claim, and a job begins up to a second later: in periods of 40 s and more that fortieth covers it. So never
too many begin, and at most a twentieth of the rate is given away.
"""

from __future__ import annotations

from typing import NamedTuple

from nuvom._limits import Rate

SLICES = 50  # in a period
SLACK = 40  # which part of a period is added to it, for jobs that begin later than they were claimed
GRANTED = 1_000  # jobs of a flow that may be ready at once: a claim wants a few hundred, and better ones may come

Slice = tuple[int, int]  # when it ends, in microseconds, and how many started in it


class Limits(NamedTuple):
    """What bounds a flow; None means that nothing does."""

    concurrency: int | None = None
    rate: Rate | None = None


class Load(NamedTuple):
    """What a flow's jobs take up: those that may start at once, and those that run."""

    ready: int
    running: int


class Opening(NamedTuple):
    """How many more jobs may become ready; below 0: how many of the ready ones must wait again."""

    room: int
    opens_at: int | None  # when the rate lets the next one start if all the room is used; None: no time helps


def counted(starts: tuple[Slice, ...], rate: Rate, now: int, more: int = 0) -> tuple[Slice, ...]:
    """Return the starts that still count at `now`, oldest first, with `more` that start now.

    What lies ahead, because the clock was set back since, counts as now.
    """
    width = max(1, rate.period // SLICES)
    current = now // width * width + width
    kept: dict[int, int] = {}
    for end, count in starts:
        if end + _window(rate) > now:
            end = current if end > now + width else end  # noqa: PLW2901  the slice, moved
            kept[end] = kept.get(end, 0) + count
    if more:
        kept[current] = kept.get(current, 0) + more
    return tuple(sorted(kept.items()))


def opening(limits: Limits, load: Load, starts: tuple[Slice, ...]) -> Opening:
    """Say how far a flow is open.

    Args:
        limits: what bounds it.
        load: what its jobs take up.
        starts: those that count by its rate, as `counted` gives them.
    """
    room = GRANTED - load.ready
    if limits.concurrency is not None:
        room = min(room, limits.concurrency - load.ready - load.running)
    if limits.rate is None:
        return Opening(max(room, -load.ready), None)
    used = sum(count for _, count in starts)
    by_rate = limits.rate.limit - used - load.ready
    if by_rate > room:
        return Opening(max(room, -load.ready), None)
    return Opening(max(by_rate, -load.ready), _opens_at(limits.rate, load.ready + max(by_rate, 0), starts))


def _window(rate: Rate) -> int:
    return rate.period + rate.period // SLACK


def _opens_at(rate: Rate, ready: int, starts: tuple[Slice, ...]) -> int | None:
    used = ready + sum(count for _, count in starts)
    for end, count in starts:
        used -= count
        if used < rate.limit:
            return end + _window(rate)
    return None

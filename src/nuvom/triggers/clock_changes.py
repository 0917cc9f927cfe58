"""Where a zone's UTC offset changes: time cut into stretches of one constant offset."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from nuvom.triggers.instants import DAY, FIRST, LAST, from_second

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

# zoneinfo tells offsets, not transitions, so they are found by sampling and bisecting. The closest pair of changes in
# the tz database lies 6.96 days apart (Recife 2000, Gaza 2040), so a sample every three days sees each one; the tests
# hold every zone of the installed tzdata to that.
SAMPLE = 3 * DAY
WINDOW = 30 * DAY
# No jump exceeds a day, so a change this long before a window no longer has second copies inside it.
MARGIN = SAMPLE


class Stretch(NamedTuple):
    """Seconds since 1970 with start <= x < end have this UTC offset; `jump` is how far it moved at `start`.

    Stretches also end where a window of the search does; the next one then starts with a jump of 0.
    """

    start: int
    end: int
    offset: int
    jump: int


def stretch_at(zone: ZoneInfo, second: int) -> Stretch:
    """Return the stretch around an instant, given in seconds since 1970."""
    stretches = _stretches(zone, second // WINDOW)
    for stretch in stretches:
        if second < stretch.end:
            return stretch
    raise AssertionError("a window's stretches cover it")


def stretches(zone: ZoneInfo, start: int, stop: int) -> list[Stretch]:
    """Return the stretches that touch start <= second < stop, whole ones whatever the search's windows are."""
    found: list[Stretch] = []
    second = start
    while second < stop:
        stretch = stretch_at(zone, second)
        if found and (stretch.jump == 0 or stretch.start < second):
            found[-1] = found[-1]._replace(end=stretch.end)
        else:
            found.append(stretch)
        second = stretch.end
    return found


@lru_cache(maxsize=8192)
def _stretches(zone: ZoneInfo, window: int) -> tuple[Stretch, ...]:
    begin, end = window * WINDOW, (window + 1) * WINDOW
    changes = _changes(zone, begin - MARGIN, end - 1)
    if not changes or changes[0][0] > begin:
        changes.insert(0, (begin, _offset(zone, begin), 0))
    starts = [start for start, _, _ in changes] + [end]
    return tuple(Stretch(start, starts[i + 1], offset, jump) for i, (start, offset, jump) in enumerate(changes))


def _changes(zone: ZoneInfo, begin: int, end: int) -> list[tuple[int, int, int]]:
    """Return (first second, offset, jump) of each change with begin < first second <= end."""
    found: list[tuple[int, int, int]] = []
    left, before = begin, _offset(zone, begin)
    while left < end:
        right = min(left + SAMPLE, end)
        after = _offset(zone, right)
        if after != before:
            found.append((_first_second(zone, left, right, after), after, after - before))
        left, before = right, after
    return found


def _first_second(zone: ZoneInfo, old: int, new: int, offset: int) -> int:
    while new - old > 1:
        middle = (old + new) // 2
        if _offset(zone, middle) == offset:
            new = middle
        else:
            old = middle
    return new


def _offset(zone: ZoneInfo, second: int) -> int:
    # A local time must stay inside years 1 to 9999, so the first and the last day take their neighbour's offset.
    inside = from_second(min(max(second, FIRST + DAY), LAST - DAY))
    offset = inside.astimezone(zone).utcoffset() or timedelta(0)
    return offset.days * DAY + offset.seconds

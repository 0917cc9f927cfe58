"""The trigger that is due every so many seconds, on a grid that neither restarts nor clock changes move."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from nuvom.errors import InvalidTrigger
from nuvom.triggers.instants import require_aware, to_utc

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORTEST = timedelta(milliseconds=100)
_END = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, init=False)
class IntervalTrigger:
    """Due at anchor + k × interval for k ≥ 1, in elapsed time and exact microseconds.

    Args:
        seconds: the interval, at least 0.1 s; a number of seconds or a timedelta.
        anchor: the aware instant from which the grid counts; it is no occurrence itself.

    Raises:
        InvalidTrigger: the interval or the anchor cannot be used.

    """

    interval: timedelta
    anchor: datetime

    def __init__(self, seconds: float | timedelta, anchor: datetime) -> None:
        start = to_utc(anchor, "anchor")
        interval = _checked(seconds)
        if interval > _END - start:
            raise InvalidTrigger("interval", seconds, "is too long: its first run would lie beyond year 9999")
        object.__setattr__(self, "interval", interval)
        object.__setattr__(self, "anchor", start)

    def after(self, moment: datetime) -> datetime | None:
        """Return the first occurrence strictly later than `moment`, or None past year 9999."""
        require_aware(moment)
        count = max((moment - self.anchor) // self.interval + 1, 1)
        try:
            return self.anchor + count * self.interval
        except OverflowError:
            return None

    def before(self, moment: datetime) -> datetime | None:
        """Return the last occurrence strictly earlier than `moment`, or None."""
        require_aware(moment)
        count = -((self.anchor - moment) // self.interval) - 1
        return self.anchor + min(count, self._last()) * self.interval if count >= 1 else None

    def between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Yield the occurrences with start <= t < end, oldest first."""
        return (self.anchor + count * self.interval for count in self._counts(start, end))

    def count(self, start: datetime, end: datetime) -> int:
        """Return how many occurrences there are with start <= t < end."""
        return len(self._counts(start, end))

    def _counts(self, start: datetime, end: datetime) -> range:
        require_aware(start)
        require_aware(end)
        first = -((self.anchor - start) // self.interval)
        stop = -((self.anchor - end) // self.interval)
        return range(max(first, 1), min(stop, self._last() + 1))

    def _last(self) -> int:
        return (_END - self.anchor) // self.interval


@lru_cache(maxsize=1024, typed=True)  # typed: True is no interval, though it equals 1
def _checked(seconds: float | timedelta) -> timedelta:
    if isinstance(seconds, timedelta):
        interval = seconds
    elif isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise InvalidTrigger("interval", seconds, "is no duration; give seconds as a number, or a timedelta")
    elif not -math.inf < seconds < math.inf:
        raise InvalidTrigger("interval", seconds, "is not finite; give at least 0.1 seconds")
    else:
        try:
            interval = timedelta(seconds=seconds)
        except OverflowError:
            raise InvalidTrigger("interval", seconds, "is too long: its first run would lie beyond year 9999") from None
    if interval < SHORTEST:
        raise InvalidTrigger("interval", seconds, "is too short; the shortest interval is 0.1 seconds")
    return interval

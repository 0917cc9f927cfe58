"""The local times that a cron expression names: plain calendar arithmetic, in which every day has 24 hours."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from calendar import monthrange
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, date
from typing import TYPE_CHECKING

from nuvom.triggers.instants import DAY, EPOCH_ORDINAL

if TYPE_CHECKING:
    from nuvom.triggers.dates import DayRule

_HOUR = 3600
_FIRST_DAY = date.min.toordinal()
_LAST_DAY = date.max.toordinal()


@dataclass(frozen=True, slots=True)
class LocalTimes:
    """A set of local times, counted in seconds from 1970-01-01 00:00 local; the tuples ascend and none is empty."""

    marks: tuple[int, ...]  # seconds of the hour
    hours: tuple[int, ...]
    months: tuple[int, ...]
    day_rule: DayRule

    def at_or_after(self, second: int) -> int | None:
        """Return the first of these local times that is not earlier than `second`, or None up to year 9999."""
        day, time = divmod(second, DAY)
        day += EPOCH_ORDINAL
        if time > self.hours[-1] * _HOUR + self.marks[-1]:
            day, time = day + 1, 0
        if day < _FIRST_DAY:
            day, time = _FIRST_DAY, 0
        match = self._day_at_or_after(day)
        if match is None:
            return None
        return (match - EPOCH_ORDINAL) * DAY + self._time_at_or_after(time if match == day else 0)

    def at_or_before(self, second: int) -> int | None:
        """Return the last of these local times that is not later than `second`, or None down to year 1."""
        day, time = divmod(second, DAY)
        day += EPOCH_ORDINAL
        if time < self.hours[0] * _HOUR + self.marks[0]:
            day, time = day - 1, DAY - 1
        if day > _LAST_DAY:
            day, time = _LAST_DAY, DAY - 1
        match = self._day_at_or_before(day)
        if match is None:
            return None
        return (match - EPOCH_ORDINAL) * DAY + self._time_at_or_before(time if match == day else DAY - 1)

    def count(self, start: int, stop: int) -> int:
        """Return how many of these local times there are with start <= t < stop, from year 1 to 9999."""
        if start >= stop:
            return 0
        (first, early), (last, late) = divmod(start, DAY), divmod(stop, DAY)
        whole = self._days(first, last) * len(self.hours) * len(self.marks)
        return (
            whole - self._days(first, first + 1) * self._times(early) + self._days(last, last + 1) * self._times(late)
        )

    def _days(self, first: int, stop: int) -> int:
        """Count the matching days with first <= day < stop, in days since 1970, a month at a time."""
        day, end = max(first + EPOCH_ORDINAL, _FIRST_DAY), min(stop + EPOCH_ORDINAL, _LAST_DAY + 1)
        total = 0
        while day < end:
            at = date.fromordinal(day)
            days = self.day_rule.of_month(at.year, at.month) if at.month in self.months else ()
            until = min(at.day + end - day, 32)
            total += bisect_left(days, until) - bisect_left(days, at.day)
            day += monthrange(at.year, at.month)[1] - at.day + 1
        return total

    def _times(self, time: int) -> int:
        """Count the times of a day that are earlier than `time`, in seconds of the day."""
        hour, rest = divmod(time, _HOUR)
        i = bisect_left(self.hours, hour)
        inside = bisect_left(self.marks, rest) if i < len(self.hours) and self.hours[i] == hour else 0
        return i * len(self.marks) + inside

    def _time_at_or_after(self, time: int) -> int:
        """Return the first time of a day that is not earlier than `time`; there is one."""
        hour, rest = divmod(time, _HOUR)
        i = bisect_left(self.hours, hour)
        if self.hours[i] == hour:
            j = bisect_left(self.marks, rest)
            if j < len(self.marks):
                return hour * _HOUR + self.marks[j]
            i += 1
        return self.hours[i] * _HOUR + self.marks[0]

    def _time_at_or_before(self, time: int) -> int:
        """Return the last time of a day that is not later than `time`; there is one."""
        hour, rest = divmod(time, _HOUR)
        i = bisect_right(self.hours, hour) - 1
        if self.hours[i] == hour:
            j = bisect_right(self.marks, rest) - 1
            if j >= 0:
                return hour * _HOUR + self.marks[j]
            i -= 1
        return self.hours[i] * _HOUR + self.marks[-1]

    def _day_at_or_after(self, ordinal: int) -> int | None:
        if ordinal > _LAST_DAY:
            return None
        start = date.fromordinal(ordinal)
        year, month, day = start.year, start.month, start.day
        if month in self.months:
            days = self.day_rule.of_month(year, month)
            if days and day <= days[-1]:
                return ordinal - day + days[bisect_left(days, day)]
        skipped = bisect_right(self.months, month)
        for later in range(year, MAXYEAR + 1):
            for month in self.months[skipped:]:
                if days := self.day_rule.of_month(later, month):
                    return date(later, month, days[0]).toordinal()
            skipped = 0
        return None

    def _day_at_or_before(self, ordinal: int) -> int | None:
        if ordinal < _FIRST_DAY:
            return None
        start = date.fromordinal(ordinal)
        year, month, day = start.year, start.month, start.day
        if month in self.months:
            days = self.day_rule.of_month(year, month)
            if days and days[0] <= day:
                return ordinal - day + days[bisect_right(days, day) - 1]
        kept = bisect_left(self.months, month)
        for earlier in range(year, MINYEAR - 1, -1):
            for month in reversed(self.months[:kept]):
                if days := self.day_rule.of_month(earlier, month):
                    return date(earlier, month, days[-1]).toordinal()
            kept = len(self.months)
        return None

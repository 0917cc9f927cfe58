"""Which dates of a month a cron expression's two day fields let through."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

LAST = -1  # in `days`: the month's last day; in `nth`: the month's last such weekday
LAST_WORKDAY = -2
_SATURDAY = 6


@dataclass(frozen=True, slots=True)
class DayRule:
    """The day fields, read; weekdays count from Sunday = 0.

    `days` holds days of the month, LAST and LAST_WORKDAY; `nth` holds (weekday, which of the month, or LAST).
    """

    days: frozenset[int]
    weekdays: frozenset[int]
    nth: frozenset[tuple[int, int]]
    either: bool
    _known: dict[tuple[int, int], tuple[int, ...]] = field(
        default_factory=dict[tuple[int, int], tuple[int, ...]], init=False, compare=False, repr=False
    )

    def of_month(self, year: int, month: int) -> tuple[int, ...]:
        """Return the matching days of a month, ascending."""
        # Months differ only in their first weekday and their length: 28 kinds, so the memory is bounded.
        kind = _kind(year, month)
        if (days := self._known.get(kind)) is None:
            days = self._known[kind] = self._matching(*kind)
        return days

    def _matching(self, first: int, length: int) -> tuple[int, ...]:
        by_day = {day for day in self.days if 1 <= day <= length}
        if LAST in self.days:
            by_day.add(length)
        if LAST_WORKDAY in self.days:
            by_day.add(_last_workday(first, length))
        by_weekday: set[int] = set()
        for weekday in self.weekdays:
            by_weekday.update(_dates_of(weekday, first, length))
        for weekday, which in self.nth:
            dates = _dates_of(weekday, first, length)
            by_weekday.update(dates[-1:] if which == LAST else dates[which - 1 : which])
        return tuple(sorted(by_day | by_weekday if self.either else by_day & by_weekday))


@lru_cache(maxsize=4800)
def _kind(year: int, month: int) -> tuple[int, int]:
    return date(year, month, 1).toordinal() % 7, monthrange(year, month)[1]


def _dates_of(weekday: int, first: int, length: int) -> range:
    return range(1 + (weekday - first) % 7, length + 1, 7)


def _last_workday(first: int, length: int) -> int:
    weekday = (first + length - 1) % 7
    if weekday == 0:
        return length - 2
    return length - 1 if weekday == _SATURDAY else length

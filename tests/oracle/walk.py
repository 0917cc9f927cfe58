"""A walk over every UTC minute (or second) of a span in one zone: what its clocks showed, again, and not at all."""

from __future__ import annotations

from array import array
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
NEVER = -1
LEAD = 2 * DAY  # walked before the start, so that second copies at the start are known as such


class Change(NamedTuple):
    """A tick from which on clocks are a number of ticks ahead of before, or behind (negative)."""

    tick: int
    jump: int


class Walk:
    """Ticks are steps since 1970 (UTC); a local time is a date's ordinal and the number of steps since its midnight.

    `shown` has, for each local date, the tick at which each of its times was shown first, or NEVER; `again` the times
    that were shown once more, with their ticks; `skipped` the local times that each jump left out, by its tick.
    """

    def __init__(self, zone: str, start: datetime, end: datetime, step: timedelta = MINUTE) -> None:
        self.zone = zone
        self.step = step
        self.per_day = DAY // step
        self.start, self.end = self.tick(start), self.tick(end)
        self.shown: dict[int, array[int]] = {}
        self.again: dict[int, list[tuple[int, int]]] = {}
        self.skipped: dict[int, list[tuple[int, int]]] = {}
        self.changes: list[Change] = []
        self.dates: list[tuple[int, date]] = []
        self._go()
        self.dates = [(ordinal, date.fromordinal(ordinal)) for ordinal in self.shown]

    def tick(self, moment: datetime) -> int:
        return (moment - EPOCH) // self.step

    def moment(self, tick: int) -> datetime:
        return EPOCH + tick * self.step

    def _go(self) -> None:
        zone, seconds, per_day = ZoneInfo(self.zone), self.step // timedelta(seconds=1), self.per_day
        first = self.start - LEAD // self.step
        previous = newest = None
        for tick in range(first, self.end):
            local = (EPOCH + tick * self.step).astimezone(zone)
            day, time = local.toordinal(), (local.hour * 3600 + local.minute * 60 + local.second) // seconds
            at = day * per_day + time
            if previous is None or newest is None:
                previous = newest = at - 1
            if tick >= self.start:
                self._note(tick, day, time, is_first=at > newest)
                if at != previous + 1:
                    self.changes.append(Change(tick, at - previous - 1))
                    self.skipped[tick] = [divmod(missing, per_day) for missing in range(previous + 1, at)]
            previous, newest = at, max(at, newest)

    def _note(self, tick: int, day: int, time: int, *, is_first: bool) -> None:
        times = self.shown.get(day)
        if times is None:
            times = self.shown[day] = array("q", [NEVER]) * self.per_day
        if is_first:
            times[time] = tick
        else:
            self.again.setdefault(day, []).append((time, tick))

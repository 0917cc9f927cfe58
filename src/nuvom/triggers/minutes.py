"""How many runs of very many triggers fall into each minute of a span: by arithmetic over patterns, not run by run."""

from __future__ import annotations

import struct
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import accumulate, repeat
from math import gcd
from operator import add
from typing import TYPE_CHECKING, NamedTuple

from nuvom.triggers.clock_changes import Stretch, stretches
from nuvom.triggers.cron import CronTrigger
from nuvom.triggers.instants import EPOCH, EPOCH_ORDINAL, SECOND
from nuvom.triggers.interval import IntervalTrigger

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from nuvom.triggers import Trigger
    from nuvom.triggers.dates import DayRule

_DAY = 1440
_MINUTE = timedelta(minutes=1)
_US = timedelta(microseconds=1)
_MINUTE_US = _MINUTE // _US
_SECOND_US = 1_000_000
_HOUR = 60
_MILLION = 1_000_000
_SHORT_US = 600 * _SECOND_US  # below it, runs that do not soon repeat are too many to be placed one by one
# zoneinfo's last offset with seconds: Liberia's, up to 7 January 1972
EARLIEST = EPOCH.replace(year=1972, month=1, day=8)
_SPARSE = 48  # minutes of a day that are counted one by one rather than as a whole day


class _Lane(NamedTuple):
    """How a day's counts are packed into one integer, so that one addition adds them all."""

    format: str
    size: int  # bytes


_LANES = (_Lane(f"<{_DAY}H", 2), _Lane(f"<{_DAY}I", 4), _Lane(f"<{_DAY}Q", 8))


class Part(NamedTuple):
    """The occurrences of a trigger with start <= t < end, each of which runs `later` minutes after its time."""

    trigger: Trigger
    start: datetime
    end: datetime
    later: int = 0


class _Days(NamedTuple):
    """What crons must share for their times of a day to be added up: the days and the way they are read."""

    zone: ZoneInfo
    fixed_time: bool
    months: tuple[int, ...]
    day_rule: DayRule
    begin: int  # minutes since 1970
    end: int
    later: int


def runs_per_minute(parts: Iterable[Part], start: datetime, end: datetime) -> Sequence[int]:
    """Return the number of runs in each minute from the one of `start` to that of `end`.

    Exact but for intervals below ten minutes that are no whole seconds and whose pattern takes over an hour to begin
    again, such as 7.77 s (0.5, 2.5 and 7.2 s are exact): they count in each minute with their mean, and the sum of
    these is rounded.

    Args:
        parts: What runs, each inside the span with what it runs later.
        start: The beginning of the span, not before 1972: since then the offsets of all zones are whole minutes.
        end: Its end.

    Raises:
        ValueError: the span begins too early.
    """
    if start < EARLIEST:
        raise ValueError(f"start={start} is before {EARLIEST}, where offsets have seconds; give a later time")
    return _Counted(start, end).of(parts)


class _Counted:
    """The minutes of one count while it is made."""

    def __init__(self, start: datetime, end: datetime) -> None:
        self.base = (start - EPOCH) // _MINUTE
        self.minutes = array("Q", bytes(8 * max(-((EPOCH - end) // _MINUTE) - self.base, 0)))
        self.crons: dict[_Days, list[CronTrigger]] = defaultdict(list)
        self.strides: Counter[tuple[int, int, int]] = Counter()  # (first minute, end, step) -> runs each time
        self.steady: Counter[int] = Counter()  # minute -> how many millionths of a run each minute has more from it on
        self.whole: dict[int, Counter[int]] = defaultdict(Counter)  # where local days begin -> day -> its packed counts

    def of(self, parts: Iterable[Part]) -> Sequence[int]:
        for part in parts:
            self.place(part)
        for (first, end, step), runs in self.strides.items():
            self.add(slice(first, end, step), repeat(runs))
        if self.steady:
            more = accumulate(self.steady[minute] for minute in range(len(self.minutes)))
            self.add(slice(None), (round(millionths / _MILLION) for millionths in more))
        self.add_days()
        return self.minutes

    def add(self, place: slice, runs: Iterable[int]) -> None:
        self.minutes[place] = array("Q", map(add, self.minutes[place], runs))

    def place(self, part: Part) -> None:
        trigger, start, end, later = part
        begin, stop = -((EPOCH - start) // _MINUTE), (end - EPOCH) // _MINUTE
        if begin >= stop or not isinstance(trigger, CronTrigger | IntervalTrigger):
            self.one_by_one(part)
            return
        first, last = EPOCH + begin * _MINUTE, EPOCH + stop * _MINUTE
        self.one_by_one(part._replace(end=first))
        self.one_by_one(part._replace(start=last))
        if isinstance(trigger, CronTrigger):
            times = trigger.times
            days = _Days(trigger.zone, trigger.fixed_time, times.months, times.day_rule, begin, stop, later)
            self.crons[days].append(trigger)
        else:
            self.place_interval(trigger, Part(trigger, first, last, later))

    def one_by_one(self, part: Part) -> None:
        for run in part.trigger.between(part.start, part.end):
            self.minutes[(run - EPOCH) // _MINUTE - self.base + part.later] += 1

    def place_interval(self, trigger: IntervalTrigger, part: Part) -> None:
        interval, start = trigger.interval // _US, part.start
        if trigger.anchor >= start:  # nothing runs before it, so the pattern begins in the minute after it
            start = min(EPOCH + ((trigger.anchor - EPOCH) // _MINUTE + 1) * _MINUTE, part.end)
            self.one_by_one(part._replace(end=start))
        first, stop = (
            at - self.base + part.later for at in ((start - EPOCH) // _MINUTE, (part.end - EPOCH) // _MINUTE)
        )
        phase = (trigger.anchor - start) // _US % interval
        step = interval // gcd(interval, _MINUTE_US)  # minutes until the pattern begins again
        if step == 1 or (step > _HOUR and interval % _SECOND_US and interval < _SHORT_US):
            self.steady[first] += _MINUTE_US * _MILLION // interval
            self.steady[stop] -= _MINUTE_US * _MILLION // interval
        elif step <= _HOUR or interval % _SECOND_US == 0:
            for offset, runs in Counter(at // _MINUTE_US for at in range(phase, step * _MINUTE_US, interval)).items():
                self.strides[first + offset, stop, step] += runs
        else:
            for at in range(phase, (stop - first) * _MINUTE_US, interval):
                self.minutes[first + at // _MINUTE_US] += 1

    def add_days(self) -> None:
        patterns = [(days, _pattern(triggers)) for days, triggers in self.crons.items()]
        bound = sum(max(pattern) for _, pattern in patterns)
        lane = next(lane for lane in _LANES if bound < 256**lane.size)
        for days, pattern in patterns:
            self.make_up(days)
            self.add_pattern(days, pattern, int.from_bytes(struct.pack(lane.format, *pattern), "little"))
        for time, packed_days in self.whole.items():
            for day, packed in packed_days.items():
                counts = struct.unpack(lane.format, packed.to_bytes(_DAY * lane.size, "little"))
                at = day * _DAY + time
                self.add(slice(at, at + _DAY), counts)

    def add_pattern(self, days: _Days, pattern: list[int], packed: int) -> None:
        each = [(minute, count) for minute, count in enumerate(pattern) if count]
        for stretch in stretches(days.zone, days.begin * 60, days.end * 60):
            first, stop = _local_minutes(days, stretch)
            shift = stretch.offset // 60 + self.base - days.later  # from local minutes to places in the list
            for day in _matching(days, first, stop):
                at = day * _DAY - shift
                low, high = first - day * _DAY, stop - day * _DAY
                if len(each) > _SPARSE and low <= 0 and high >= _DAY:
                    self.whole[at % _DAY][at // _DAY] += packed
                    continue
                for minute, count in each:
                    if low <= minute < high:
                        self.minutes[at + minute] += count

    def make_up(self, days: _Days) -> None:
        """Count the runs right after a clock change that stand for local times which it skipped."""
        if not days.fixed_time:
            return
        for stretch in stretches(days.zone, days.begin * 60, days.end * 60):
            if stretch.jump > 0 and stretch.start >= days.begin * 60:
                local = stretch.start + stretch.offset
                at = EPOCH + stretch.start * SECOND
                for trigger in self.crons[days]:
                    regular = trigger.times.count(local, local + 1)
                    self.minutes[stretch.start // 60 - self.base + days.later] += (
                        trigger.count(at, at + SECOND) - regular
                    )


def _pattern(triggers: list[CronTrigger]) -> list[int]:
    """Add up the runs of each minute of a day."""
    by_hours: dict[tuple[int, ...], list[int]] = {}
    for trigger in triggers:
        minutes = by_hours.setdefault(trigger.times.hours, [0] * 60)
        for mark in trigger.times.marks:
            minutes[mark // 60] += 1
    pattern = [0] * _DAY
    for hours, minutes in by_hours.items():
        for hour in hours:
            place = slice(hour * 60, hour * 60 + 60)
            pattern[place] = map(add, pattern[place], minutes)
    return pattern


def _local_minutes(days: _Days, stretch: Stretch) -> tuple[int, int]:
    """Return the local minutes of a stretch that run, counted from 1970."""
    repeated = max(-stretch.jump, 0) if days.fixed_time else 0
    first = max(days.begin * 60, stretch.start + repeated) + stretch.offset
    return first // 60, (min(days.end * 60, stretch.end) + stretch.offset) // 60


def _matching(days: _Days, first: int, stop: int) -> Iterator[int]:
    """Yield the days of which some minute lies in first <= minute < stop, counted from 1970."""
    begin, end = first // _DAY, -(-stop // _DAY)
    at = date.fromordinal(begin + EPOCH_ORDINAL).replace(day=1)
    while (month_begins := at.toordinal() - EPOCH_ORDINAL) < end:
        if at.month in days.months:
            for day in days.day_rule.of_month(at.year, at.month):
                if begin <= month_begins + day - 1 < end:
                    yield month_begins + day - 1
        at = (at + timedelta(days=31)).replace(day=1)

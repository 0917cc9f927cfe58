"""What a fleet of schedules will do: runs, busiest minutes, what clock changes and bounds do. Pure."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple

from nuvom._schedule import ScheduleEnvelope, ScheduleState, run_time, trigger_of, unbounded_trigger
from nuvom.errors import InvalidTrigger, UnknownTimezone
from nuvom.triggers import CronTrigger, Trigger
from nuvom.triggers.anomalies import Anomaly, anomalies
from nuvom.triggers.minutes import Part, runs_per_minute

_MINUTE = timedelta(minutes=1)
_TICK = timedelta(microseconds=1)
_FEW = 50  # runs that are looked at one by one to find the last of them
LONGEST = timedelta(days=3660)


class Herd(NamedTuple):
    """A busy minute: how many runs begin in it, and some of the schedules that do."""

    minute: datetime
    runs: int
    names: tuple[str, ...]


class Outlook(NamedTuple):
    """What one schedule will do; `dropped` is how many of its occurrences its bounds take away."""

    id: str
    name: str | None
    task: str
    timezone_name: str
    runs: int
    dropped: int
    anomalies: tuple[Anomaly, ...]


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the active schedules will do with start <= nominal time < end; times are aware UTC."""

    start: datetime
    end: datetime
    schedules: tuple[Outlook, ...]
    herds: tuple[Herd, ...]  # the busiest minute first; of equal ones the earliest
    left_out: Mapping[str, int]  # state -> how many schedules are in it and not counted
    unreadable: tuple[str, ...]  # names of active schedules whose times cannot be read here

    @property
    def runs(self) -> int:
        """How many runs there are in all."""
        return sum(each.runs for each in self.schedules)

    @property
    def dropped(self) -> int:
        """How many occurrences fall outside the bounds of their schedules."""
        return sum(each.dropped for each in self.schedules)


def forecast(schedules: Iterable[ScheduleEnvelope], start: datetime, length: timedelta, top: int = 5) -> Forecast:
    """Return what schedules will do from `start` on, `length` long.

    Costs by the schedules and days, not by the runs. A schedule's jitter is taken as one delay for all its runs, chosen
    like that of its next one, so that a fleet is spread as it will be.

    Args:
        schedules: The fleet; those that are not active are only counted.
        start: Its beginning, usually now.
        length: At most ten years.
        top: How many of the busiest minutes.

    Raises:
        ValueError: the length is not positive, or too long.
    """
    if not timedelta(0) < length <= LONGEST:
        raise ValueError(f"a forecast of {length} cannot be made; give more than 0 and at most {LONGEST.days} days")
    end, left_out = start + length, Counter[str]()
    outlooks: list[Outlook] = []
    parts: list[tuple[str, Part]] = []
    unreadable: list[str] = []
    for each in schedules:
        name = each.name or each.id
        if each.state is not ScheduleState.ACTIVE:
            left_out[each.state.value] += 1
            continue
        try:
            outlook, part = _of_one(each, start, end)
        except (InvalidTrigger, UnknownTimezone):
            unreadable.append(name)
            continue
        outlooks.append(outlook)
        parts.append((name, part))
    return Forecast(start, end, tuple(outlooks), tuple(_herds(parts, start, end, top)), left_out, tuple(unreadable))


def _of_one(schedule: ScheduleEnvelope, start: datetime, end: datetime) -> tuple[Outlook, Part]:
    trigger = unbounded_trigger(schedule)
    begin, stop = _bounds(schedule, trigger, start, end)
    runs = trigger.count(begin, stop)
    dropped = 0 if (begin, stop) == (start, end) else trigger.count(_first(schedule, start, end), end) - runs
    found = tuple(anomalies(trigger, begin, stop)) if isinstance(trigger, CronTrigger) else ()
    outlook = Outlook(schedule.id, schedule.name, schedule.task, schedule.timezone_name, runs, dropped, found)
    later = _later(schedule, trigger, begin)
    return outlook, Part(trigger, begin, max(stop - later * _MINUTE, begin), later)


def _bounds(schedule: ScheduleEnvelope, trigger: Trigger, start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """Return the part of a span in which a schedule runs."""
    begin = _first(schedule, start, end)
    stop = end if schedule.ends_at is None else min(end, schedule.ends_at)
    if schedule.starts_at is not None:
        begin = max(begin, schedule.starts_at)
    begin, stop = min(begin, end), max(stop, min(begin, end))
    if schedule.max_runs is not None:
        stop = _end_of(trigger, begin, stop, schedule.max_runs - schedule.run_count)
    return begin, stop


def _first(schedule: ScheduleEnvelope, start: datetime, end: datetime) -> datetime:
    """Return the start, or the next nominal time where one before it is over and done with."""
    known = schedule.next_nominal
    if known is None:
        return end
    if known <= start:
        return start
    first = trigger_of(schedule).after(start - _TICK)
    return known if first is not None and first < known else start


def _end_of(trigger: Trigger, begin: datetime, end: datetime, left: int) -> datetime:
    """Return the end of the span that holds only the first `left` occurrences."""
    total = trigger.count(begin, end)
    if total <= left:
        return end
    halve = False
    while left > _FEW:  # aim just below where the last one should be; halve in between, should they come in heaps
        aim = begin + (end - begin) * (0.5 if halve else (left - _FEW / 2) / total)
        before = trigger.count(begin, aim)
        if before > left:
            end, total = aim, before
        else:
            begin, left, total = aim, left - before, total - before
        halve = not halve
    last = max(islice(trigger.between(begin, end), left), default=None) if left > 0 else None
    return begin if last is None else last + _TICK


def _later(schedule: ScheduleEnvelope, trigger: Trigger, begin: datetime) -> int:
    """Return the whole minutes of a schedule's jitter."""
    if not schedule.jitter or (nominal := trigger.after(begin - _TICK)) is None:
        return 0
    return (run_time(schedule, nominal, trigger.after(nominal)) - nominal) // _MINUTE


def _herds(parts: Sequence[tuple[str, Part]], start: datetime, end: datetime, top: int) -> Iterable[Herd]:
    minutes = runs_per_minute((part for _, part in parts), start, end)
    first = start.replace(second=0, microsecond=0)
    for place in heapq.nlargest(top, range(len(minutes)), key=lambda place: (minutes[place], -place)):
        if minutes[place]:
            minute = first + place * _MINUTE
            names = (name for name, part in parts if _runs_in(part, minute))
            yield Herd(minute, minutes[place], tuple(islice(names, 3)))


def _runs_in(part: Part, minute: datetime) -> bool:
    nominal = minute - part.later * _MINUTE
    return part.trigger.count(max(nominal, part.start), min(nominal + _MINUTE, part.end)) > 0

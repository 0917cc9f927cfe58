"""What the clock changes of a zone do to a cron trigger: local times that do not exist, and those that come twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from nuvom.triggers.clock_changes import Stretch, stretch_at, stretches
from nuvom.triggers.cron import LONGEST_MADE_UP, CronTrigger
from nuvom.triggers.instants import FIRST, LAST, ceil_second, from_second, require_aware

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


class AnomalyKind(StrEnum):
    """What becomes of the times that a clock change touches."""

    MADE_UP = "made_up"  # they do not exist; one run right after the change stands for them
    SKIPPED = "skipped"  # they do not exist and nothing stands for them
    ONCE = "once"  # they come twice and run the first time only
    TWICE = "twice"  # they come twice and run both times


class Anomaly(NamedTuple):
    """The times of one trigger that one clock change touches; `first` and `last` are local and have no zone."""

    kind: AnomalyKind
    at: datetime  # the instant of the change: the first after it, in UTC
    first: datetime
    last: datetime
    times: int  # how many local times from first to last
    jump: timedelta  # how far the clock went forward; below zero where it went back


def anomalies(trigger: CronTrigger, start: datetime, end: datetime) -> Iterator[Anomaly]:
    """Yield what clock changes with start <= instant < end do to a trigger, in order of time."""
    for change in changes(trigger.zone, start, end):
        if (found := anomaly_at(trigger, change)) is not None:
            yield found


def changes(zone: ZoneInfo, start: datetime, end: datetime) -> list[Stretch]:
    """Return each stretch of a zone that begins with a clock change at start <= instant < end."""
    require_aware(start)
    require_aware(end)
    begin, stop = max(ceil_second(start), FIRST), min(ceil_second(end), LAST + 1)
    return [stretch for stretch in stretches(zone, begin, stop) if stretch.jump and stretch.start >= begin]


def anomaly_at(trigger: CronTrigger, change: Stretch) -> Anomaly | None:
    """Return what a clock change does to a trigger; None where no time of it is touched."""
    after = change.start + change.offset
    first, stop = sorted((after, after - change.jump))
    times = trigger.times.count(first, stop)
    if not times:
        return None
    return Anomaly(
        _kind(trigger, change.jump),
        from_second(change.start),
        _wall(trigger.times.at_or_after(first)),
        _wall(trigger.times.at_or_before(stop - 1)),
        times,
        timedelta(seconds=change.jump),
    )


def _kind(trigger: CronTrigger, jump: int) -> AnomalyKind:
    if jump < 0:
        return AnomalyKind.ONCE if trigger.fixed_time else AnomalyKind.TWICE
    return AnomalyKind.MADE_UP if trigger.fixed_time and jump <= LONGEST_MADE_UP else AnomalyKind.SKIPPED


def _wall(local: int | None) -> datetime:
    assert local is not None  # noqa: S101  - the caller has counted
    return from_second(local).replace(tzinfo=None)


def sentence(anomaly: Anomaly, zone: ZoneInfo) -> str:
    """Return an anomaly in words, such as `02:30 does not exist on 2026-03-29: runs at 03:00 CEST`."""
    one = anomaly.times == 1
    which = _times(anomaly)
    date = f"on {anomaly.first:%Y-%m-%d}"
    match anomaly.kind:
        case AnomalyKind.MADE_UP:
            run = anomaly.at.astimezone(zone)
            day = "" if run.date() == anomaly.first.date() else f" on {run:%Y-%m-%d}"
            exist = "does not exist" if one else "do not exist"
            return f"{which} {exist} {date}: {'runs' if one else 'one run'} at {_clock(run)} {run:%Z}{day}"
        case AnomalyKind.SKIPPED:
            exist, made = ("does not exist", "it is") if one else ("do not exist", "they are")
            return f"{which} {exist} {date}: {made} not made up for"
        case AnomalyKind.ONCE:
            return f"{which} {'comes' if one else 'come'} twice {date}: {'runs' if one else 'run'} the first time only"
        case AnomalyKind.TWICE:
            return f"{which} {'comes' if one else 'come'} twice {date}: {'runs' if one else 'run'} both times"


def _end(anomaly: Anomaly) -> str:
    day = "" if anomaly.last.date() == anomaly.first.date() else f"{anomaly.last:%Y-%m-%d} "
    return day + _clock(anomaly.last)


def _clock(moment: datetime) -> str:
    return f"{moment:%H:%M:%S}" if moment.second else f"{moment:%H:%M}"


def remark(trigger: CronTrigger, run: datetime) -> str | None:
    """Return what a clock change has to do with one of a trigger's runs; None for all but a few."""
    second = ceil_second(run)
    stretch = stretch_at(trigger.zone, second)
    if stretch.jump > 0 and second == stretch.start:
        found = anomaly_at(trigger, stretch)
        return f"for {_times(found)}, skipped by the clock" if found and found.kind is AnomalyKind.MADE_UP else None
    if second < stretch.start - stretch.jump:
        return "the second of two"
    back = -stretch_at(trigger.zone, stretch.end).jump
    return "the first of two" if second >= stretch.end - back else None


def _times(anomaly: Anomaly) -> str:
    if anomaly.times == 1:
        return _clock(anomaly.first)
    return f"{_clock(anomaly.first)} to {_end(anomaly)} ({anomaly.times:,} times)"

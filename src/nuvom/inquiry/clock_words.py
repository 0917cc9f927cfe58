"""What a change of a zone's clock means for a time that somebody asks about, in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from nuvom._schedule import ScheduleEnvelope
from nuvom.triggers import CronTrigger
from nuvom.triggers.clock_changes import Stretch, stretch_at
from nuvom.triggers.cron import LONGEST_MADE_UP
from nuvom.triggers.grammar import parse
from nuvom.triggers.instants import floor_second, from_second

Bounds = tuple[datetime, datetime]


def clock_change(
    envelope: ScheduleEnvelope, asked: Bounds | None, windows: Sequence[Bounds], nominal: datetime | None
) -> str | None:
    """Say how a clock change has to do with a time, None where it has not.

    Args:
        envelope: the schedule.
        asked: bounds on the wall clock, naive; None where an offset was said.
        windows: the instants that are meant; none where that local time does not exist.
        nominal: the occurrence that was found.
    """
    if envelope.cron is None:
        return None
    zone = ZoneInfo(envelope.timezone_name)
    if asked is not None and not windows:
        return _skipped(envelope, zone, asked)
    if nominal is not None:
        return _made_up(envelope, zone, nominal)
    return next(filter(None, (_second_copy(envelope, zone, start, end) for start, end in windows)), None)


def change_at(zone: ZoneInfo, moment: datetime) -> Stretch | None:
    """Return the stretch of constant offset that the clock change last before `moment`, at most a day ago, began."""
    second = floor_second(moment)
    stretch = stretch_at(zone, second)
    while stretch.jump == 0 and second - stretch.start < 86_400:
        stretch = stretch_at(zone, stretch.start - 1)
    return stretch if stretch.jump and second - stretch.start <= 86_400 else None


def skipped_at(zone: ZoneInfo, asked: datetime) -> datetime | None:
    """Return the first instant after the jump that skipped a local time."""
    stretch = change_at(zone, asked.replace(tzinfo=zone).astimezone(UTC))
    return None if stretch is None else from_second(stretch.start)


def made_up(envelope: ScheduleEnvelope, start: datetime, end: datetime) -> bool:
    """Tell whether a run after the jump stands for local times in start <= t < end, which the clock skipped."""
    stretch = change_at(
        ZoneInfo(envelope.timezone_name), start.replace(tzinfo=ZoneInfo(envelope.timezone_name)).astimezone(UTC)
    )
    small = stretch is not None and 0 < stretch.jump <= LONGEST_MADE_UP
    return small and _fixed_time(envelope) and _named(envelope, start, end)


def _skipped(envelope: ScheduleEnvelope, zone: ZoneInfo, asked: Bounds) -> str | None:
    stretch = change_at(zone, asked[0].replace(tzinfo=zone).astimezone(UTC))
    if stretch is None:
        return None
    jump = f"from {_clock(stretch.start + stretch.offset - stretch.jump)} to {_clock(stretch.start + stretch.offset)}"
    gap = f"{asked[0]:%Y-%m-%d %H:%M} does not exist in {zone.key}: the clock goes {jump}"
    if not _named(envelope, *asked):
        return f"{gap}; it is not one of the schedule's times anyway"
    if stretch.jump > LONGEST_MADE_UP:
        return f"{gap}; a jump of more than 3 h is not made up for: nothing runs for that time"
    if not _fixed_time(envelope):
        return f"{gap}; with `*` in its minute or hour the schedule follows the clock and has no run there"
    return f"{gap}; a fixed time in such a gap runs at the first instant after it"


def _made_up(envelope: ScheduleEnvelope, zone: ZoneInfo, nominal: datetime) -> str | None:
    wall = nominal.astimezone(zone).replace(tzinfo=None, fold=0)
    stretch = change_at(zone, nominal)
    if stretch is None or from_second(stretch.start) != nominal or stretch.jump <= 0 or not _fixed_time(envelope):
        return None
    start = wall - timedelta(seconds=stretch.jump)
    if not _named(envelope, start, wall):
        return None
    return f"it stands for a time that the clock skipped between {start:%H:%M} and {wall:%H:%M}"


def _second_copy(envelope: ScheduleEnvelope, zone: ZoneInfo, start: datetime, end: datetime) -> str | None:
    wall = start.astimezone(zone)
    if not wall.fold or not _fixed_time(envelope):
        return None
    local = wall.replace(tzinfo=None, fold=0)
    if not _named(envelope, local, local + (end - start)):
        return None
    return f"{local:%H:%M} comes twice on {local:%Y-%m-%d} in {zone.key}; a fixed time runs at its first copy only"


def _named(envelope: ScheduleEnvelope, start: datetime, end: datetime) -> bool:
    """Whether the expression names a local time in start <= t < end: read on a clock that never changes."""
    calendar = CronTrigger(envelope.cron or "", "UTC", seed=envelope.name or envelope.id)
    return calendar.count(start.replace(tzinfo=UTC), end.replace(tzinfo=UTC)) > 0


def _fixed_time(envelope: ScheduleEnvelope) -> bool:
    return parse(envelope.cron or "", envelope.name or envelope.id).fixed_time


def _clock(second: int) -> str:
    return f"{from_second(second):%Y-%m-%d %H:%M}"

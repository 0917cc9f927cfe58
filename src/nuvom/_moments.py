"""Times for people: on the schedule's own clock, with the zone named, and how far away they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from nuvom._schedule import ScheduleEnvelope

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


def local(moment: datetime | None, zone: str = "UTC") -> str | None:
    """Return a time on the clock of a zone, with the zone's abbreviation or offset and its name."""
    if moment is None:
        return None
    there = moment.astimezone(UTC if zone == "UTC" else ZoneInfo(zone))
    mark = "UTC" if zone == "UTC" else f"{there:%Z} ({zone})"
    return f"{there:%Y-%m-%d %H:%M:%S}{_fraction(there)} {mark}"


def nearby(moment: datetime, zone: str, day: datetime) -> str:
    """Return a time on the clock of a zone for a sentence about another one, without what both share."""
    there, other = (each.astimezone(UTC if zone == "UTC" else ZoneInfo(zone)) for each in (moment, day))
    if (there.date(), there.utcoffset()) != (other.date(), other.utcoffset()):
        return str(local(moment, zone))
    return f"{there:%H:%M:%S}{_fraction(there)}"


def _fraction(moment: datetime) -> str:
    return f".{moment.microsecond // 1000:03d}" if moment.microsecond >= 1000 else ""


def distance(moment: datetime | None, now: datetime) -> str | None:
    """Return how far away a time is, such as `in 12 m` or `3 h ago`."""
    if moment is None:
        return None
    ahead = moment >= now
    text = span(abs(moment - now))
    return f"in {text}" if ahead else f"{text} ago"


def span(length: timedelta | None) -> str | None:
    """Return a duration in at most two units, such as `2 h 5 m`, `1.5 s` or `0.31 ms`."""
    if length is None:
        return None
    seconds = length.total_seconds()
    if 0 < abs(seconds) < 1:
        return f"{seconds * 1000:.2g} ms" if abs(seconds) < 0.1 else f"{seconds * 1000:.0f} ms"
    if abs(seconds) < 10:
        return f"{seconds:.2f}".rstrip("0").rstrip(".") + " s"
    left = round(abs(seconds))
    parts = []
    for size, unit in _UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
    return ("-" if seconds < 0 else "") + " ".join(parts[:2])


def trigger_text(schedule: ScheduleEnvelope) -> str:
    """Return when a schedule runs, in the words of the call that made it."""
    if schedule.cron is not None:
        return schedule.cron
    if schedule.interval is not None:
        return f"every {span(timedelta(seconds=schedule.interval))}"
    return "once"

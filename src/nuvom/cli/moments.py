"""Times for people: on the schedule's own clock, with the zone named, and how far away they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


def local(moment: datetime | None, zone: str = "UTC") -> str | None:
    """Return a time on the clock of a zone, with the zone's abbreviation or offset and its name."""
    if moment is None:
        return None
    there = moment.astimezone(UTC if zone == "UTC" else ZoneInfo(zone))
    fraction = f".{there.microsecond // 1000:03d}" if there.microsecond >= 1000 else ""
    mark = "UTC" if zone == "UTC" else f"{there:%Z} ({zone})"
    return f"{there:%Y-%m-%d %H:%M:%S}{fraction} {mark}"


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


def moment(text: str, zone: ZoneInfo, option: str) -> datetime:
    """Return the time of an ISO 8601 text in UTC; without an offset it is on the clock of `zone`.

    Raises:
        ValueError: it is no time; the error calls it `option`.
    """
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(
            f"{option}={text!r} is no time; write 2026-03-01, 2026-03-01T09:30 or 2026-03-01T09:30Z"
        ) from None

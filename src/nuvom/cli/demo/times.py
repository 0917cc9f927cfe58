"""The times that plain arithmetic says, which shares nothing with Nuvom's triggers, and how times are shown. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def every_second(anchor: datetime, until: datetime) -> tuple[datetime, ...]:
    """Return the times of `interval=1`: one second after the creation, two seconds after it, and so on."""
    second = timedelta(seconds=1)
    return tuple(anchor + k * second for k in range(1, (until - anchor) // second + 1))


def every_even_second(created: datetime, until: datetime) -> tuple[datetime, ...]:
    """Return the times of `*/2 * * * * *`: whole seconds that divide by two; a minute has a whole number of them."""
    first, last = int(created.timestamp()) + 1, int(until.timestamp())
    return tuple(datetime.fromtimestamp(second, UTC) for second in range(first, last + 1) if second % 2 == 0)


def clock_time(moment: datetime | None) -> str:
    """Return a time of day in UTC to the millisecond."""
    return "no time" if moment is None else f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"


def ago(span: timedelta) -> str:
    """Return a short span in milliseconds, or in seconds from one second on."""
    seconds = span.total_seconds()
    return f"{seconds * 1000:.0f} ms" if abs(seconds) < 1 else f"{seconds:.1f} s"

"""Times for people, as the commands show them, and times as people say them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from nuvom._moments import distance, local, span, trigger_text

__all__ = ["distance", "local", "moment", "span", "trigger_text"]


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

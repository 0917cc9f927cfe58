"""When a schedule is due: pure time arithmetic without I/O and without a clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from nuvom.triggers.bounded import Bounded
from nuvom.triggers.cron import CronTrigger
from nuvom.triggers.interval import IntervalTrigger
from nuvom.triggers.one_off import OneOffTrigger


class Trigger(Protocol):
    """A set of instants; datetimes go in aware, in any zone, and come out aware in UTC."""

    def after(self, moment: datetime) -> datetime | None:
        """Return the first occurrence strictly later than `moment`, or None when there is none up to year 9999."""
        ...

    def before(self, moment: datetime) -> datetime | None:
        """Return the last occurrence strictly earlier than `moment`, or None when there is none."""
        ...

    def between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Yield the occurrences from `start` (included) to `end` (not included), oldest first."""
        ...

    def count(self, start: datetime, end: datetime) -> int:
        """Return how many occurrences `between` would yield, in bounded time however many they are."""
        ...


__all__ = ["Bounded", "CronTrigger", "IntervalTrigger", "OneOffTrigger", "Trigger"]

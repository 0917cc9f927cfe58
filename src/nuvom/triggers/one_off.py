"""The trigger that is due once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nuvom.triggers.instants import require_aware, to_utc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class OneOffTrigger:
    """Due at one instant, kept in UTC; a naive `at` raises InvalidTrigger."""

    at: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "at", to_utc(self.at, "at"))

    def after(self, moment: datetime) -> datetime | None:
        """Return `at` if it is strictly later than `moment`, else None."""
        require_aware(moment)
        return self.at if self.at > moment else None

    def before(self, moment: datetime) -> datetime | None:
        """Return `at` if it is strictly earlier than `moment`, else None."""
        require_aware(moment)
        return self.at if self.at < moment else None

    def between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Yield `at` if start <= at < end."""
        require_aware(start)
        require_aware(end)
        return iter((self.at,) if start <= self.at < end else ())

    def count(self, start: datetime, end: datetime) -> int:
        """Return 1 if start <= at < end, else 0."""
        return sum(1 for _ in self.between(start, end))

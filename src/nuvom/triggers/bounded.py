"""A trigger within bounds: what another one gives from `starts_at` on and before `ends_at`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from nuvom.errors import InvalidTrigger
from nuvom.triggers.instants import require_aware, to_utc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nuvom.triggers import Trigger

_FIRST = datetime.min.replace(tzinfo=UTC)
_RESOLUTION = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Bounded:
    """Due when `trigger` is, at starts_at <= t < ends_at.

    Args:
        trigger: the trigger to bound; its own grid does not move.
        starts_at: the aware instant of the first occurrence that may be, or None.
        ends_at: the aware instant before which the last one must be, or None.

    Raises:
        InvalidTrigger: a bound is naive or no datetime, or `ends_at` is not later than `starts_at`.

    """

    trigger: Trigger
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def __post_init__(self) -> None:
        starts_at = None if self.starts_at is None else to_utc(self.starts_at, "starts_at")
        ends_at = None if self.ends_at is None else to_utc(self.ends_at, "ends_at")
        if starts_at is not None and ends_at is not None and ends_at <= starts_at:
            reason = f"must be later than starts_at={self.starts_at!r}: nothing would ever run; exchange or widen them"
            raise InvalidTrigger("ends_at", self.ends_at, reason)
        object.__setattr__(self, "starts_at", starts_at)
        object.__setattr__(self, "ends_at", ends_at)

    def after(self, moment: datetime) -> datetime | None:
        """Return the first occurrence strictly later than `moment`, or None."""
        require_aware(moment)
        if self.starts_at is not None and self.starts_at > _FIRST:
            moment = max(moment, self.starts_at - _RESOLUTION)
        found = self.trigger.after(moment)
        return found if found is not None and (self.ends_at is None or found < self.ends_at) else None

    def before(self, moment: datetime) -> datetime | None:
        """Return the last occurrence strictly earlier than `moment`, or None."""
        require_aware(moment)
        found = self.trigger.before(moment if self.ends_at is None else min(moment, self.ends_at))
        return found if found is not None and (self.starts_at is None or found >= self.starts_at) else None

    def between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Yield the occurrences with start <= t < end, oldest first."""
        return self.trigger.between(*self._within(start, end))

    def count(self, start: datetime, end: datetime) -> int:
        """Return how many occurrences there are with start <= t < end."""
        return self.trigger.count(*self._within(start, end))

    def _within(self, start: datetime, end: datetime) -> tuple[datetime, datetime]:
        require_aware(start)
        require_aware(end)
        return (
            start if self.starts_at is None else max(start, self.starts_at),
            end if self.ends_at is None else min(end, self.ends_at),
        )

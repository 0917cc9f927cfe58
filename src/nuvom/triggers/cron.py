"""The cron trigger: local times of an expression turned into instants, with one rule for clock changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nuvom.triggers.clock_changes import Stretch, stretch_at
from nuvom.triggers.grammar import Cron, parse
from nuvom.triggers.instants import DAY, FIRST, LAST, ceil_second, floor_second, from_second, require_aware
from nuvom.triggers.zones import load_zone, zone_warning

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from nuvom.triggers.local_times import LocalTimes

# cron(8) of Debian and vixie-cron: changes below three hours are clock changes whose jobs are made up for, larger ones
# are corrections of the clock or of the date line. Exactly three hours is still made up for.
LONGEST_MADE_UP = 3 * 3600


@dataclass(frozen=True, slots=True)
class CronTrigger:
    """Due at the local times of a cron expression in one zone.

    A job is *fixed-time* when neither its minute's nor its hour's text starts with `*`: a time that a clock change
    skips (by up to three hours) runs at the first instant after the change, a time that comes twice runs the first
    time. Every other job is a *wildcard* job and simply follows the clock: nothing in a gap, both copies in a fold.

    Args:
        expression: five fields, six with seconds first, or an alias such as `@daily`.
        timezone_name: a name of the tz database, exact case.
        seed: what `H` is spread by, such as the schedule's name; an expression without `H` needs none.

    Raises:
        InvalidCron: the expression cannot be used.
        UnknownTimezone: the zone is unknown or misleads.
        InvalidTrigger: one of the arguments is no text.

    """

    expression: str
    timezone_name: str = "UTC"
    seed: str | None = field(default=None, kw_only=True)
    warnings: tuple[str, ...] = field(init=False, compare=False, repr=False)
    _cron: Cron = field(init=False, compare=False, repr=False)
    _zone: ZoneInfo = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        cron = parse(self.expression, self.seed)
        zone = load_zone(self.timezone_name)
        old_name = zone_warning(self.timezone_name)
        object.__setattr__(self, "_cron", cron)
        object.__setattr__(self, "_zone", zone)
        object.__setattr__(self, "warnings", (*cron.warnings, old_name) if old_name else cron.warnings)

    @property
    def fixed_time(self) -> bool:
        """Whether neither its minute nor its hour begins with `*`: what a clock change skips is then made up for."""
        return self._cron.fixed_time

    @property
    def times(self) -> LocalTimes:
        """The local times that the expression names."""
        return self._cron.times

    @property
    def zone(self) -> ZoneInfo:
        """The zone whose clock it reads."""
        return self._zone

    def after(self, moment: datetime) -> datetime | None:
        """Return the first occurrence strictly later than `moment`, or None when there is none up to year 9999."""
        require_aware(moment)
        second = self._first_from(floor_second(moment) + 1)
        return None if second is None else from_second(second)

    def before(self, moment: datetime) -> datetime | None:
        """Return the last occurrence strictly earlier than `moment`, or None when there is none down to year 1."""
        require_aware(moment)
        second = self._last_upto(ceil_second(moment) - 1)
        return None if second is None else from_second(second)

    def between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Yield the occurrences with start <= t < end, oldest first."""
        require_aware(start)
        require_aware(end)
        return self._range(ceil_second(start), ceil_second(end))

    def count(self, start: datetime, end: datetime) -> int:
        """Return how many occurrences there are with start <= t < end; costs by the months between, not by how many."""
        require_aware(start)
        require_aware(end)
        second, stop = max(ceil_second(start), FIRST), min(ceil_second(end), LAST + 1)
        total = 0
        while second < stop:
            stretch = stretch_at(self._zone, second)
            total += self._count_in(stretch, second, min(stop, stretch.end))
            second = stretch.end
        return total

    def _range(self, second: int, stop: int) -> Iterator[datetime]:
        found = self._first_from(second)
        while found is not None and found < stop:
            yield from_second(found)
            found = self._first_from(found + 1)

    def _first_from(self, second: int) -> int | None:
        second = max(second, FIRST)
        while second <= LAST:
            stretch = stretch_at(self._zone, second)
            if (found := self._first_in(stretch, second)) is not None:
                return found if found <= LAST else None
            # Offsets stay within a day, so what runs from here on comes of a local time at most a day earlier, and
            # runs at most a day before that local time read as UTC: years without a match are skipped at once.
            local = self._cron.times.at_or_after(stretch.end - DAY)
            if local is None:
                return None
            second = max(stretch.end, local - DAY)
        return None

    def _last_upto(self, second: int) -> int | None:
        second = min(second, LAST)
        while second >= FIRST:
            stretch = stretch_at(self._zone, second)
            if (found := self._last_in(stretch, second)) is not None:
                return found if found >= FIRST else None
            local = self._cron.times.at_or_before(stretch.start - 1 + DAY)
            if local is None:
                return None
            second = min(stretch.start - 1, local + DAY)
        return None

    def _first_in(self, stretch: Stretch, second: int) -> int | None:
        if second == stretch.start and self._makes_up(stretch):
            return second
        earliest = second + stretch.offset
        if stretch.jump < 0:
            earliest = max(earliest, self._first_local(stretch))
        local = self._cron.times.at_or_after(earliest)
        return local - stretch.offset if local is not None and local - stretch.offset < stretch.end else None

    def _last_in(self, stretch: Stretch, second: int) -> int | None:
        local = self._cron.times.at_or_before(second + stretch.offset)
        if local is not None and local >= self._first_local(stretch):
            return local - stretch.offset
        return stretch.start if self._makes_up(stretch) else None

    def _count_in(self, stretch: Stretch, second: int, stop: int) -> int:
        made_up = second == stretch.start and self._makes_up(stretch)  # one with a regular time on the same instant
        start = max(second + made_up + stretch.offset, self._first_local(stretch))
        return made_up + self._cron.times.count(start, stop + stretch.offset)

    def _first_local(self, stretch: Stretch) -> int:
        """Return the stretch's first local time that may run; of a fixed-time job no second copy does."""
        repeated = max(-stretch.jump, 0) if self._cron.fixed_time else 0
        return stretch.start + stretch.offset + repeated

    def _makes_up(self, stretch: Stretch) -> bool:
        """Tell whether the stretch's first instant runs for local times that the jump before it skipped."""
        if not (self._cron.fixed_time and 0 < stretch.jump <= LONGEST_MADE_UP):
            return False
        end = stretch.start + stretch.offset
        local = self._cron.times.at_or_after(end - stretch.jump)
        return local is not None and local < end

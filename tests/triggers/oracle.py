"""The clock-change rule by brute force: every UTC minute (or second) is looked at, and no code of Nuvom is used."""

from __future__ import annotations

import random
from calendar import monthrange
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterator

MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
WEEKDAYS = "SUN MON TUE WED THU FRI SAT".split()
LONGEST_MADE_UP = timedelta(hours=3)


@dataclass
class Walk:
    """Every instant of a span in one zone: what its clocks show, whether for the first time, and what they skipped."""

    zone: str
    start: datetime
    end: datetime
    step: timedelta = timedelta(minutes=1)
    shown: list[tuple[datetime, date, time, bool]] = field(default_factory=list)
    skipped: dict[datetime, list[datetime]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Walk from two days before the start, so that second copies at the start are known as such."""
        zone = ZoneInfo(self.zone)
        instant = self.start - timedelta(days=2)
        previous = newest = (instant - self.step).astimezone(zone).replace(tzinfo=None, fold=0)
        while instant < self.end:
            local = instant.astimezone(zone).replace(tzinfo=None, fold=0)
            if instant >= self.start:
                self.shown.append((instant, local.date(), local.time(), local > newest))
                if local - previous > self.step:
                    self.skipped[instant] = list(_times(previous + self.step, local, self.step))
            previous, newest = local, max(local, newest)
            instant += self.step


def _times(start: datetime, end: datetime, step: timedelta) -> Iterator[datetime]:
    while start < end:
        yield start
        start += step


def occurrences(expression: str, walk: Walk) -> list[datetime]:
    """Return the occurrences of an expression in a walk, straight from the rule."""
    second, minute, hour, *days = ["0", *expression.split()][-6:]
    fixed = not minute.startswith("*") and not hour.startswith("*")
    times = {
        time(h, m, s)
        for h in expand(hour, 0, 23)
        for m in expand(minute, 0, 59)
        for s in expand(second, 0, 59)
    }  # fmt: skip
    dates = {day for day in {shown[1] for shown in walk.shown} if date_matches(days, day)}
    found = {instant for instant, day, at, first in walk.shown if at in times and day in dates and (first or not fixed)}
    for instant, gap in walk.skipped.items():
        jump = len(gap) * walk.step
        made_up = any(local.time() in times and date_matches(days, local.date()) for local in gap)
        if fixed and jump <= LONGEST_MADE_UP and made_up:
            found.add(instant)
    return sorted(found)


def date_matches(fields: list[str], day: date) -> bool:
    """Tell whether a date matches the day-of-month, month and day-of-week texts."""
    of_month, month, of_week = fields
    if day.month not in expand(month, 1, 12, MONTHS):
        return False
    by_day = any(_day_of_month_matches(item, day) for item in of_month.split(","))
    by_weekday = any(_weekday_matches(item, day) for item in of_week.split(","))
    if of_month.startswith("*") or of_week.startswith("*"):
        return by_day and by_weekday
    return by_day or by_weekday


def _day_of_month_matches(item: str, day: date) -> bool:
    month_end = date(day.year, day.month, monthrange(day.year, day.month)[1])
    if item == "L":
        return day == month_end
    if item == "LW":
        while month_end.isoweekday() > 5:
            month_end -= timedelta(days=1)
        return day == month_end
    return day.day in expand(item, 1, 31)


def _weekday_matches(item: str, day: date) -> bool:
    weekday = day.isoweekday() % 7
    if "#" in item:
        name, which = item.split("#")
        return weekday in {n % 7 for n in expand(name, 0, 7, WEEKDAYS)} and (day.day - 1) // 7 + 1 == int(which)
    if item.endswith("L"):
        is_last = (day + timedelta(days=7)).month != day.month
        return is_last and weekday in {n % 7 for n in expand(item[:-1], 0, 7, WEEKDAYS)}
    return weekday in {n % 7 for n in expand(item, 0, 7, WEEKDAYS)}


def expand(text: str, low: int, high: int, names: list[str] | None = None) -> set[int]:
    """Return the numbers of a plain field: `*`, n, a-b, each with /s, and lists of them."""
    numbers: set[int] = set()
    for item in text.split(","):
        span, _, step = item.partition("/")
        first, _, last = span.partition("-")
        if span == "*":
            begin, end = low, high
        else:
            begin = _number(first, low, names)
            end = _number(last, low, names) if last else high if step else begin
            end = 7 if last == "SUN" else end
        numbers.update(range(begin, end + 1, int(step or 1)))
    return numbers


def _number(text: str, low: int, names: list[str] | None) -> int:
    return names.index(text) + low if names and text in names else int(text)


def random_expression(chance: random.Random, *, seconds: bool = False) -> str:
    """Return an expression with its texts chosen at random, with favour for the hours in which clocks change."""
    minute = _random_field(chance, 0, 59)
    hour = chance.choice([_random_field(chance, 0, 23), _random_field(chance, 0, 4), "*", "*"])
    anything = ["*", "*", "*", "*"]
    of_month = chance.choice([*anything, _random_field(chance, 1, 31), "L", "LW", "1,L", "*/2", "1-7"])
    month = chance.choice([*anything, _random_field(chance, 1, 12), "MAR-NOV", "3,4,9-11"])
    weekday = f"{chance.choice(WEEKDAYS)}#{chance.randint(1, 5)}"
    of_week = chance.choice([*anything, _random_field(chance, 0, 7, most=7), "FRI-SUN", weekday, "7", "SATL,0"])
    fields = [minute, hour, of_month, month, of_week]
    return " ".join([_random_field(chance, 0, 59), *fields] if seconds else fields)


def _random_field(chance: random.Random, low: int, high: int, most: int | None = None) -> str:
    return ",".join(_random_item(chance, low, high, most) for _ in range(chance.choice([1, 1, 1, 2, 3])))


def _random_item(chance: random.Random, low: int, high: int, most: int | None) -> str:
    first, last = sorted((chance.randint(low, high), chance.randint(low, high)))
    step = chance.randint(1, most or high - low + 1)
    shapes = ["*", f"*/{step}", f"{first}", f"{first}", f"{first}-{last}", f"{first}-{last}/{step}", f"{first}/{step}"]
    return chance.choice(shapes)


def utc(text: str) -> datetime:
    """Return the UTC datetime of an ISO text without offset."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)

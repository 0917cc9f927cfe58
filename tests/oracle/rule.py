"""The clock-change rule and the cron fields, straight from their description; no code of Nuvom is used."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from functools import lru_cache

from tests.oracle.walk import NEVER, Walk

MONTHS = tuple("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split())
WEEKDAYS = tuple("SUN MON TUE WED THU FRI SAT".split())
LONGEST_MADE_UP = timedelta(hours=3)


def occurrences(expression: str, walk: Walk) -> list[int]:
    """Return the ticks of a walk at which an expression is due, ascending."""
    second, minute, hour, *days = ["0", *expression.split()][-6:]
    fixed = not minute.startswith("*") and not hour.startswith("*")
    times = times_of_day(second, minute, hour, walk.step)
    time_set = set(times)
    dates = {ordinal for ordinal, day in walk.dates if date_matches(days, day)}
    found: set[int] = set()
    for ordinal in dates:
        shown = walk.shown[ordinal]
        found.update(shown[time] for time in times)
        if not fixed:
            found.update(tick for time, tick in walk.again.get(ordinal, ()) if time in time_set)
    found.discard(NEVER)
    for tick, gap in walk.skipped.items():
        if fixed and gap and len(gap) * walk.step <= LONGEST_MADE_UP:
            made_up = any(time in time_set and date_matches(days, date.fromordinal(ordinal)) for ordinal, time in gap)
            found.update([tick] if made_up else ())
    return sorted(found)


def times_of_day(second: str, minute: str, hour: str, step: timedelta) -> list[int]:
    """Return the times of day, in steps since midnight, that fall on a step."""
    per_minute = timedelta(minutes=1) // step
    seconds = [s for s in expand(second, 0, 59) if per_minute == 60 or s == 0]
    return [
        (h * 60 + m) * per_minute + s
        for h in sorted(expand(hour, 0, 23))
        for m in sorted(expand(minute, 0, 59))
        for s in sorted(seconds)
    ]


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


@lru_cache(maxsize=10_000)
def expand(text: str, low: int, high: int, names: tuple[str, ...] | None = None) -> frozenset[int]:
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
    return frozenset(numbers)


def _number(text: str, low: int, names: tuple[str, ...] | None) -> int:
    return names.index(text) + low if names and text in names else int(text)

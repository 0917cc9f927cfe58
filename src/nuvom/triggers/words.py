"""A cron expression in words, made from the values it was read as and not from its text: so the words are what runs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from nuvom.triggers.dates import LAST, LAST_WORKDAY, DayRule
from nuvom.triggers.fields import DAY, HOUR, MINUTE, SECOND, WEEKDAY

if TYPE_CHECKING:
    from nuvom.triggers.cron import CronTrigger

_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_NTH = ("zeroth", "first", "second", "third", "fourth", "fifth")
_MOST_TIMES = 4  # times of a day that are said one by one


def in_words(trigger: CronTrigger) -> str:
    """Return when a cron trigger runs, such as `At 09:00, Monday to Friday, in March`."""
    times = trigger.times
    minutes = sorted({mark // 60 for mark in times.marks})
    seconds = sorted({mark % 60 for mark in times.marks})
    few = len(times.hours) * len(times.marks) <= _MOST_TIMES
    said = [_at(times.hours, times.marks) if few else _often_or_at(times.hours, minutes, seconds)]
    said.append(_dates(times.day_rule) or ("every day" if few else ""))
    if len(times.months) < len(_MONTHS):
        said.append("in " + _listed([month - 1 for month in times.months], _MONTHS))
    sentence = ", ".join(filter(None, said))
    return sentence[0].upper() + sentence[1:]


def _at(hours: Sequence[int], marks: Sequence[int]) -> str:
    to_the_second = any(mark % 60 for mark in marks)
    return "at " + _joined(
        [_clock(hour, mark // 60) + (f":{mark % 60:02}" if to_the_second else "") for hour in hours for mark in marks]
    )


def _often_or_at(hours: Sequence[int], minutes: Sequence[int], seconds: Sequence[int]) -> str:
    if list(seconds) == [0]:
        return _minutes(hours, minutes)
    often = _often(seconds, len(SECOND.values), "second") or f"at {_numbered('second', seconds)} of the minute"
    if len(minutes) == len(MINUTE.values) and len(hours) == len(HOUR.values):
        return often
    if len(minutes) == len(MINUTE.values):
        return f"{often}, in {_numbered('hour', hours)}"
    return f"{often}, in {_numbered('minute', minutes)} of {_hours(hours)}"


def _minutes(hours: Sequence[int], minutes: Sequence[int]) -> str:
    often = _often(minutes, len(MINUTE.values), "minute")
    if len(hours) == len(HOUR.values) and (often or minutes == [0]):
        return often or "every hour"
    span = f"from {_clock(hours[0], minutes[0])} to {_clock(hours[-1], minutes[-1])}"
    if often and hours[-1] - hours[0] == len(hours) - 1:
        return f"{often} {span}"
    if len(minutes) == 1 and len(hours) < len(HOUR.values) and (step := _step(hours)):
        return f"{_every(step, 'hour')} {span}"
    return f"{often} of {_hours(hours)}" if often else f"at {_numbered('minute', minutes)} of {_hours(hours)}"


def _often(values: Sequence[int], size: int, unit: str) -> str | None:
    """Say values that go round their field evenly, from the first one on; None for others."""
    step = _step(values) or (size // 2 if len(values) == 2 and values[1] - values[0] == size // 2 else None)
    if step is None or step * len(values) != size:
        return None
    start = f" from {unit} {values[0]}" if values[0] else ""
    return _every(step, unit) + start


def _hours(hours: Sequence[int]) -> str:
    return "every hour" if len(hours) == len(HOUR.values) else _numbered("hour", hours)


def _dates(rule: DayRule) -> str:
    """Say the day fields; nothing where each day runs."""
    days = None if rule.days >= set(DAY.values) else _month_days(rule.days)
    weekdays = None if rule.weekdays >= set(WEEKDAY.values) else _week_days(rule)
    if rule.either:
        return f"{days} or {weekdays}" if days and weekdays else ""
    if days and weekdays:
        return f"{days}, and only {weekdays}"
    return days or weekdays or ""


def _month_days(days: frozenset[int]) -> str:
    numbers = sorted(day for day in days if day > 0)
    said = [_numbered("day", numbers)] if numbers else []
    said += ["the last day"] * (LAST in days) + ["the last workday (Monday to Friday)"] * (LAST_WORKDAY in days)
    return f"on {_joined(said)} of the month"


def _week_days(rule: DayRule) -> str:
    from_monday = sorted(rule.weekdays, key=lambda day: (day - 1) % 7)
    said = [_listed([(day - 1) % 7 for day in from_monday], (*_DAYS[1:], _DAYS[0]))] if from_monday else []
    nth = sorted(rule.nth, key=lambda pair: (pair[1] == LAST, pair[1], (pair[0] - 1) % 7))
    said += [f"the {'last' if which == LAST else _NTH[which]} {_DAYS[day]} of the month" for day, which in nth]
    return f"on {_joined(said)}"


def _numbered(noun: str, values: Sequence[int]) -> str:
    if len(values) == 1:
        return f"{noun} {values[0]}"
    step = _step(values)
    if step is not None and step > 1 and len(values) > _MOST_TIMES:
        return f"every {_ordinal(step)} {noun} from {values[0]} to {values[-1]}"
    return f"{noun}s {_listed(values)}"


def _listed(values: Sequence[int], names: Sequence[str] | None = None) -> str:
    """Join ascending values, three or more in a row as `a to b`."""
    said = [str(value) if names is None else names[value] for value in values]
    parts: list[str] = []
    first = 0
    for i in range(1, len(values) + 1):
        if i == len(values) or values[i] != values[i - 1] + 1:
            run = said[first:i]
            parts.extend([f"{run[0]} to {run[-1]}"] if len(run) > 2 else run)
            first = i
    return _joined(parts)


def _step(values: Sequence[int]) -> int | None:
    """Return the distance between neighbours of three or more values, None where it differs."""
    steps = {right - left for left, right in pairwise(values)}
    return steps.pop() if len(values) > 2 and len(steps) == 1 else None


def _every(step: int, unit: str) -> str:
    return f"every {unit}" if step == 1 else f"every {step} {unit}s"


def _ordinal(number: int) -> str:
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _joined(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _clock(hour: int, minute: int) -> str:
    return f"{hour:02}:{minute:02}"

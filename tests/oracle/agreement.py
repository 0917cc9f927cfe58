"""Nuvom's search held against the walk: forwards, backwards, in ranges and as counts."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from nuvom.errors import InvalidCron
from nuvom.triggers import CronTrigger
from tests.oracle.rule import occurrences
from tests.oracle.walk import Walk

FULL_RANGE = 20_000  # up to so many occurrences are compared over the whole walk, more of them around clock changes
FULL_STEPS = 3_000  # and up to so many are also asked for one by one over the whole walk
NEAR, NEAR_OF_MANY = timedelta(hours=36), timedelta(hours=5)
INSTANT = timedelta(microseconds=1)


@dataclass
class Tally:
    """What was compared, and where the two differ."""

    expressions: int = 0
    occurrences: int = 0
    changes: int = 0
    differences: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        self.expressions += other.expressions
        self.occurrences += other.occurrences
        self.changes += other.changes
        self.differences += other.differences


def compared(expression: str, walk: Walk, zones: list[str]) -> Tally:
    """Compare one expression in zones whose clocks all show what the walk has seen."""
    expected = occurrences(expression, walk)
    tally = Tally()
    for zone in zones:
        tally.expressions += 1
        tally.changes += len(walk.changes)
        trigger = made(expression, zone)
        if trigger is None:
            tally.differences += [f"{expression!r} is refused, but due {len(expected)} times"] if expected else []
            continue
        for start, end, one_by_one in spans(walk, len(expected)):
            due = [walk.moment(tick) for tick in expected[bisect_left(expected, start) : bisect_left(expected, end)]]
            tally.occurrences += len(due)
            if wrong := differing(trigger, due, walk.moment(start), walk.moment(end), one_by_one=one_by_one):
                where = f"{expression!r} in {zone}, {walk.moment(start)} to {walk.moment(end)}"
                tally.differences.append(f"{wrong}: {where}")
        if trigger.count(walk.moment(walk.start), walk.moment(walk.end)) != len(expected):
            tally.differences.append(f"count: {expression!r} in {zone}")
    return tally


def made(expression: str, zone: str) -> CronTrigger | None:
    """Return the trigger, or None for dates such as 30 February: of random expressions nothing else is refused."""
    try:
        return CronTrigger(expression, zone)
    except InvalidCron as error:
        if "no date ever matches" not in error.reason:
            raise
        return None


def spans(walk: Walk, count: int) -> Iterator[tuple[int, int, bool]]:
    """Yield which ticks are compared, and whether one by one too: all if that is quick, and around each change."""
    if count <= FULL_RANGE:
        yield walk.start, walk.end, count <= FULL_STEPS
    if count > FULL_STEPS:
        near = (NEAR if count <= FULL_RANGE else NEAR_OF_MANY) // walk.step
        for change in walk.changes:
            yield max(walk.start, change.tick - near), min(walk.end, change.tick + near), True


def differing(trigger: CronTrigger, due: list[datetime], start: datetime, end: datetime, *, one_by_one: bool) -> str:
    """Return which way of asking does not give what is due from `start` to before `end`; empty if all do."""
    if list(trigger.between(start, end)) != due:
        return "between"
    if trigger.count(start, end) != len(due):
        return "count"
    if one_by_one and forwards(trigger, start, end) != due:
        return "after"
    if one_by_one and backwards(trigger, start, end) != due[::-1]:
        return "before"
    return ""


def forwards(trigger: CronTrigger, start: datetime, end: datetime) -> list[datetime]:
    """Return the occurrences of a span by `after` alone, oldest first."""
    found: list[datetime] = []
    later = trigger.after(start - INSTANT)
    while later is not None and later < end:
        found.append(later)
        later = trigger.after(later)
    return found


def backwards(trigger: CronTrigger, start: datetime, end: datetime) -> list[datetime]:
    """Return the occurrences of a span by `before` alone, newest first."""
    found: list[datetime] = []
    earlier = trigger.before(end)
    while earlier is not None and earlier >= start:
        found.append(earlier)
        earlier = trigger.before(earlier)
    return found

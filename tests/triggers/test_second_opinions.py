"""Two well-known libraries asked the same: where they say something else, the reason is listed here with an example."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from croniter import CroniterBadDateError, croniter
from cronsim import CronSim

from nuvom.errors import InvalidCron
from nuvom.triggers import CronTrigger
from tests.oracle.expressions import random_expression

ZONES = (
    "UTC", "Asia/Tokyo", "Asia/Kolkata", "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Pacific/Chatham",
    "Antarctica/Troll", "America/Santiago", "Africa/Cairo", "America/Havana", "Africa/Casablanca", "Asia/Beirut",
    "America/Nuuk",
)  # fmt: skip
CASES = 400
ASKED = 6  # occurrences
MOST_TICKS = 20_000  # of cronsim for one occurrence; more is taken for never
NEAR = timedelta(hours=26)
HOUR = timedelta(hours=1)


class Asked(NamedTuple):
    expression: str
    zone: str
    start: datetime  # in UTC


class Answer(NamedTuple):
    """The first occurrences; `gave_up` if the library ended without having found all."""

    moments: list[datetime]
    gave_up: bool = False


class Jump(NamedTuple):
    """A clock change: the local time at which it came, and how far clocks moved."""

    local: datetime
    by: timedelta


class Case(NamedTuple):
    """A difference: what was asked, the first moment that is not in both answers, and the clock changes near it."""

    asked: Asked
    fields: list[str]
    fixed: bool
    ours: list[datetime]
    theirs: Answer
    jumps: list[Jump]


class NeverEnds(Exception):
    """cronsim ticks on and on: a bound, so that the tests end in any case."""


class Ticking(CronSim):
    """cronsim with an end to its loops."""

    ticks = 0

    def tick(self, seconds: int = 1) -> None:
        self.ticks += 1
        if self.ticks > MOST_TICKS * ASKED:
            raise NeverEnds
        super().tick(seconds)


def ours(asked: Asked) -> list[datetime]:
    end = datetime.max.replace(tzinfo=UTC)
    instant = timedelta(microseconds=1)
    return list(islice(CronTrigger(asked.expression, asked.zone).between(asked.start + instant, end), ASKED))


def of_cronsim(asked: Asked) -> Answer:
    expression = asked.expression.replace("SATL", "6L").replace("FRI-SUN", "5-7")  # its spellings
    occurrences = Ticking(expression, asked.start.astimezone(ZoneInfo(asked.zone)))
    return taken(occurrences, NeverEnds)


def of_croniter(asked: Asked) -> Answer:
    here = asked.start.astimezone(ZoneInfo(asked.zone))
    occurrences = croniter(
        asked.expression.replace("FRI-SUN", "5-7"), here, datetime, second_at_beginning=True, implement_cron_bug=True
    )
    return taken(occurrences, CroniterBadDateError)


def taken(occurrences: Iterator[datetime], end: type[Exception]) -> Answer:
    found: list[datetime] = []
    try:
        found.extend(moment.astimezone(UTC) for moment in islice(occurrences, ASKED))
    except end:
        return Answer(found, gave_up=True)
    return Answer(found)


LIBRARIES: dict[str, Callable[[Asked], Answer]] = {"cronsim": of_cronsim, "croniter": of_croniter}
# What a library does not know as a spelling is not asked of it.
UNKNOWN = {"cronsim": re.compile(r"(?!)"), "croniter": re.compile(r"LW|SATL,0")}


class Reason(NamedTuple):
    """Why a library differs, when that is so, and a case in which it does."""

    library: str
    why: str
    applies: Callable[[Case], bool]
    example: tuple[str, str, str]  # expression, zone, start in UTC


SAME_ENDS = re.compile(r"\b(\d+)-\1\b")
SAME_ENDS_AND_STEP = re.compile(r"\b(\d+)-\1/\d")
FROM_WITH_STEP = re.compile(r"(^|,)\d/")

REASONS = [
    Reason(
        "cronsim",
        "reads 9-9/2 as 9-23/2: a range of one value is taken for that value alone, whose step runs to the end",
        lambda case: bool(SAME_ENDS_AND_STEP.search(case.asked.expression)),
        ("0 9-9/2 * * *", "UTC", "2026-01-01T08:00"),
    ),
    Reason(
        "cronsim",
        "has no rule for six fields: in a gap nothing is made up, in a fold fixed times run twice",
        lambda case: len(case.fields) == 6 and case.fixed and bool(case.jumps),
        ("0 30 2 * * *", "America/New_York", "2026-03-08T00:00"),
    ),
    Reason(
        "cronsim",
        "loses wildcard runs where the shift is no whole hour: it goes on by whole hours of elapsed time",
        lambda case: follows_the_clock(case) and any(jump.by % HOUR for jump in case.jumps),
        ("* 10 * * *", "Australia/Lord_Howe", "2028-09-30T06:50"),
    ),
    Reason(
        "cronsim",
        "never gets past */15 3 in the fold of Chatham, which begins within the hour: it gives the same times for ever",
        lambda case: follows_the_clock(case) and folds(case) and going_round(case),
        ("*/15 3 * * *", "Pacific/Chatham", "2025-04-05T12:00"),
    ),
    Reason(
        "cronsim",
        "answers in the past from inside a second copy: it goes on from the local time, which is read as the first",
        lambda case: any(moment <= case.asked.start for moment in case.theirs.moments) and folds(case),
        ("30 1 * * *", "America/New_York", "2026-11-01T06:10"),
    ),
    Reason(
        "cronsim",
        "runs a wildcard of hour 0 once at 01:00 of a day whose midnight hour is skipped",
        lambda case: follows_the_clock(case) and any(gap_at_midnight(jump) for jump in case.jumps),
        ("*/30 0 * * FRI", "Africa/Cairo", "2025-04-24T12:00"),
    ),
    Reason(
        "croniter",
        "reads 9-9 as *",
        lambda case: bool(SAME_ENDS.search(case.asked.expression)),
        ("9-9 0 * * *", "UTC", "2026-01-01T00:00"),
    ),
    Reason(
        "croniter",
        "lets n/s of a weekday end with Saturday, so that 3/4 has no Sunday",
        lambda case: bool(FROM_WITH_STEP.search(case.fields[-1])),
        ("0 0 * * 3/4", "UTC", "2026-01-01T00:00"),
    ),
    Reason(
        "croniter",
        "takes a day of month and an nth weekday that are both set as both needed, not as either (POSIX)",
        lambda case: "#" in case.fields[-1] and not case.fields[-3].startswith("*"),
        ("0 0 1 * MON#2", "UTC", "2026-01-02T00:00"),
    ),
    Reason(
        "croniter",
        "runs fixed times of a fold twice, and goes astray at changes at midnight and at those of two hours",
        lambda case: bool(case.jumps),
        ("30 1 * * *", "America/New_York", "2026-11-01T00:10"),
    ),
    Reason(
        "croniter",
        "takes a day field with a * in its list for *, and then the other one decides alone (POSIX: either)",
        lambda case: lists_a_star(case.fields[-1]) or lists_a_star(case.fields[-3]),
        ("0 0 18 * 0-3,*", "UTC", "2026-01-01T00:00"),
    ),
]


def follows_the_clock(case: Case) -> bool:
    """Whether cronsim counts in elapsed time: wildcards, and all six fields."""
    return not case.fixed or len(case.fields) == 6


def folds(case: Case) -> bool:
    return any(jump.by < timedelta(0) for jump in case.jumps)


def going_round(case: Case) -> bool:
    return len(set(case.theirs.moments)) < len(case.theirs.moments)


def lists_a_star(text: str) -> bool:
    return text != "*" and "*" in text.split(",")


def gap_at_midnight(jump: Jump) -> bool:
    return jump.by > timedelta(0) and jump.local.hour == jump.local.minute == 0


def difference(library: str, asked: Asked) -> Case | None:
    """Return how a library's answer differs from ours, or None if it does not."""
    mine, theirs = ours(asked), LIBRARIES[library](asked)
    if theirs == Answer(mine):
        return None
    at = next((i for i, (one, other) in enumerate(zip(mine, theirs.moments, strict=False)) if one != other), None)
    first = mine[len(theirs.moments)] if at is None else min(mine[at], theirs.moments[at])
    fields = asked.expression.split()
    fixed = not any(text.startswith("*") for text in fields[-5:-3])
    return Case(asked, fields, fixed, mine, theirs, list(jumps_near(first, ZoneInfo(asked.zone))))


def jumps_near(moment: datetime, zone: ZoneInfo) -> Iterator[Jump]:
    quarter = timedelta(minutes=15)
    instant = moment.replace(minute=0, second=0) - NEAR
    while instant < moment + NEAR:
        old, new = instant.astimezone(zone), (instant + quarter).astimezone(zone)
        if old.utcoffset() != new.utcoffset():
            by = (new.utcoffset() or timedelta(0)) - (old.utcoffset() or timedelta(0))
            yield Jump((old + quarter).replace(tzinfo=None), by)
        instant += quarter


def explained(library: str, case: Case) -> list[str]:
    return [reason.why for reason in REASONS if reason.library == library and reason.applies(case)]


def told(case: Case) -> str:
    zone = ZoneInfo(case.asked.zone)
    mine, theirs = ([str(moment.astimezone(zone)) for moment in each] for each in (case.ours, case.theirs.moments))
    return f"{case.asked}\n  ours   {mine}\n  theirs {theirs}{' and no more' if case.theirs.gave_up else ''}"


def asked_at_random(chance: random.Random) -> Asked:
    """Half of the starts lie shortly before or after a clock change, if the zone has any."""
    zone = chance.choice(ZONES)
    start = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=chance.randrange(6 * 365 * 24 * 60))
    if chance.random() < 0.5:
        offset = start.astimezone(ZoneInfo(zone)).utcoffset()
        days = (start + timedelta(days=n) for n in range(1, 300))
        changed = (day for day in days if day.astimezone(ZoneInfo(zone)).utcoffset() != offset)
        start = next(changed, start) - timedelta(minutes=chance.randrange(36 * 60))
    return Asked(random_expression(chance, seconds=chance.random() < 0.2), zone, start)


def cases(library: str) -> Iterator[Asked]:
    chance = random.Random(5)
    while True:
        asked = asked_at_random(chance)
        if UNKNOWN[library].search(asked.expression):
            continue
        try:
            CronTrigger(asked.expression)
        except InvalidCron:  # no such date, 30 February
            continue
        yield asked


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_second_opinion_differs_only_for_a_listed_reason(library: str) -> None:
    found = [difference(library, asked) for asked in islice(cases(library), CASES)]
    different = [case for case in found if case is not None]
    assert [told(case) for case in different if not explained(library, case)] == []
    assert len(different) < CASES / 4


@pytest.mark.parametrize("reason", REASONS, ids=lambda reason: f"{reason.library} {reason.why}")
def test_each_reason_is_still_one(reason: Reason) -> None:
    expression, zone, start = reason.example
    case = difference(reason.library, Asked(expression, zone, datetime.fromisoformat(start).replace(tzinfo=UTC)))
    assert case is not None
    assert reason.why in explained(reason.library, case)

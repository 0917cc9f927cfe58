"""Cron expressions beside cronsim: one occurrence after the other, and a new expression up to its first."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cronsim import CronSim

from bench.figures import Figure, at_least, share
from bench.timing import in_turns, rate
from nuvom.triggers import CronTrigger

TURNS = 9
START = datetime(2026, 1, 1, tzinfo=UTC)
FROM_START = 500  # occurrences, then again from the start: weekly ones stay within ten years
SIMPLE = {"often": "*/5 * * * *", "weekly": "0 9 * * MON"}
PLACES = {"utc": "UTC", "paris": "Europe/Paris"}
ZONES = (
    "UTC", "Europe/Paris", "Europe/London", "Europe/Moscow", "Europe/Istanbul", "Africa/Cairo", "Africa/Lagos",
    "Africa/Casablanca", "Asia/Tokyo", "Asia/Kolkata", "Asia/Shanghai", "Asia/Dubai", "Asia/Tehran", "Asia/Beirut",
    "America/New_York", "America/Los_Angeles", "America/Sao_Paulo", "America/Santiago", "America/Mexico_City",
    "America/Halifax", "Australia/Sydney", "Australia/Lord_Howe", "Pacific/Auckland", "Pacific/Chatham",
)  # fmt: skip


def cron(scale: float) -> Iterator[Figure]:
    for often, expression in SIMPLE.items():
        for place, zone in PLACES.items():
            yield _next(f"cron-{often}-{place}", expression, zone, max(10, int(20_000 * scale)))
    yield _new(max(10, int(1_000 * scale)))


def _next(name: str, expression: str, zone: str, count: int) -> Figure:
    trigger, here = CronTrigger(expression, zone), START.astimezone(ZoneInfo(zone))
    _walk(trigger, FROM_START)  # the zone's clock changes are looked for once
    fewer = max(10, count // 5)
    nuvom, beside = in_turns(
        lambda: rate(count, lambda: _walk(trigger, count)),
        lambda: rate(fewer, lambda: _walk_cronsim(expression, here, fewer)),
        TURNS,
    )
    return Figure(
        name=name,
        nuvom=nuvom,
        raw=beside,
        unit="/s",
        target=at_least(100_000),
        what=f"after() on and on, {expression} in {zone}; raw: cronsim",
    )


def _walk(trigger: CronTrigger, count: int) -> None:
    moment: datetime | None = START
    for number in range(count):
        moment = trigger.after(START if moment is None or number % FROM_START == 0 else moment)


def _walk_cronsim(expression: str, here: datetime, count: int) -> None:
    for number in range(count):
        if number % FROM_START == 0:
            occurrences = CronSim(expression, here)
        next(occurrences)


class Asked(NamedTuple):
    """An expression, its zone, and the start as that zone's clocks show it."""

    expression: str
    zone: str
    here: datetime


def _new(count: int) -> Figure:
    chance = random.Random(5)
    starts = [(zone, START.astimezone(ZoneInfo(zone))) for zone in ZONES]
    for zone in ZONES:
        CronTrigger("0 0 1 1 *", zone).after(START)  # the zone's clock changes are looked for once
    seen: set[str] = set()
    rounds = [[Asked(_unseen(chance, seen), *chance.choice(starts)) for _ in range(count)] for _ in range(TURNS)]
    for_nuvom, for_cronsim = iter(rounds), iter(rounds)
    nuvom, beside = in_turns(lambda: _first_ones(next(for_nuvom)), lambda: _first_of_cronsim(next(for_cronsim)), TURNS)
    return Figure(
        name="cron-new",
        nuvom=nuvom,
        raw=beside,
        unit="/s",
        target=share(1.0),
        what=f"{count:,} expressions never seen, {len(ZONES)} zones, parsed, first occurrence; raw: cronsim",
    )


def _first_ones(asked: list[Asked]) -> float:
    return rate(len(asked), lambda: [CronTrigger(each.expression, each.zone).after(START) for each in asked])


def _first_of_cronsim(asked: list[Asked]) -> float:
    return rate(len(asked), lambda: [next(CronSim(each.expression, each.here)) for each in asked])


def _unseen(chance: random.Random, seen: set[str]) -> str:
    while (expression := _expression(chance)) in seen:
        pass
    seen.add(expression)
    return expression


def _expression(chance: random.Random) -> str:
    """An expression of the kinds that crontabs hold, all of which have an occurrence within the year."""

    def among(first: int, last: int) -> int:
        return chance.randint(first, last)

    days = ("*", "MON", "MON-FRI", "1-5", "SUN", "SAT,SUN", "MON,WED,FRI", "TUE,THU")
    at: tuple[Callable[[], str], ...] = (
        lambda: f"{among(0, 59)} {among(0, 23)} * * {chance.choice(days)}",
        lambda: f"{among(0, 59)} {among(0, 23)} {among(1, 28)} * *",
        lambda: f"{among(0, 29)},{among(30, 59)} {among(0, 11)}-{among(12, 23)} * * {chance.choice(days)}",
        lambda: f"{among(0, 59)} */{among(2, 12)} * * {chance.choice(days)}",
        lambda: f"*/{among(2, 30)} {among(0, 11)}-{among(12, 23)} * * {chance.choice(days)}",
        lambda: f"{among(0, 59)} {among(0, 23)} L * *",
        lambda: f"{among(0, 59)} {among(0, 23)} {among(1, 28)} {among(1, 12)} *",
        lambda: f"{among(0, 59)} {among(0, 23)} * {among(1, 12)} MON#{among(1, 4)}",
    )
    return chance.choice(at)()

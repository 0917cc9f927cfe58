"""Cron triggers against brute force; CRON_ORACLE=all looks at every zone, every minute of 2024 to 2030."""

from __future__ import annotations

import os
import random
import zlib
from datetime import datetime, timedelta
from importlib.resources import files

import pytest

from nuvom.errors import InvalidCron
from nuvom.triggers import CronTrigger

from .oracle import Walk, occurrences, random_expression, utc

EVERYTHING = os.environ.get("CRON_ORACLE") == "all"
MISLEADING = {"EST", "MST", "HST", "Factory"}
SPANS = [
    ("UTC", "2024-02-20", "2024-03-10"),
    ("America/New_York", "2026-03-01", "2026-03-15"),
    ("America/New_York", "2026-10-25", "2026-11-08"),
    ("Europe/Berlin", "2025-03-25", "2025-04-03"),
    ("Europe/Dublin", "2025-10-20", "2025-11-02"),
    ("Australia/Lord_Howe", "2025-10-01", "2025-10-12"),
    ("Australia/Lord_Howe", "2026-03-30", "2026-04-10"),
    ("Pacific/Chatham", "2025-04-01", "2025-04-12"),
    ("Pacific/Chatham", "2025-09-22", "2025-10-03"),
    ("Antarctica/Troll", "2025-03-25", "2025-04-04"),
    ("Antarctica/Troll", "2025-10-20", "2025-11-02"),
    ("Antarctica/Casey", "2009-10-12", "2009-10-25"),
    ("Antarctica/Vostok", "1994-01-25", "1994-02-06"),
    ("Antarctica/Vostok", "1994-10-25", "1994-11-06"),
    ("America/Santiago", "2025-09-01", "2025-09-12"),
    ("America/Havana", "2025-10-28", "2025-11-06"),
    ("Africa/Cairo", "2025-04-20", "2025-05-02"),
    ("Asia/Beirut", "2025-03-26", "2025-04-04"),
    ("Atlantic/Azores", "2025-10-20", "2025-11-02"),
    ("Africa/Casablanca", "2016-05-30", "2016-07-15"),
    ("America/Nuuk", "2024-03-25", "2024-04-04"),
    ("Europe/Moscow", "2014-10-20", "2014-11-02"),
    ("America/Caracas", "2016-04-25", "2016-05-05"),
    ("Pacific/Apia", "2011-12-25", "2012-01-04"),
    ("America/Recife", "2000-10-05", "2000-10-20"),
]


def _spans() -> list[tuple[str, str, str]]:
    if not EVERYTHING:
        return SPANS
    zones = (files("tzdata") / "zones").read_text("ascii").split()
    years = [(f"{year}-01-01", f"{year + 1}-01-01") for year in range(2024, 2031)]
    return [(zone, start, end) for zone in zones if zone not in MISLEADING for start, end in years]


def _agree(expression: str, walk: Walk) -> None:
    expected = occurrences(expression, walk)
    trigger = _trigger(expression, walk.zone)
    if trigger is None:
        assert expected == [], expression
        return
    assert list(trigger.between(walk.start, walk.end)) == expected, expression
    assert trigger.count(walk.start, walk.end) == len(expected), expression
    assert backwards(trigger, walk.start, walk.end, limit=400) == expected[::-1][:400], expression


def _trigger(expression: str, zone: str) -> CronTrigger | None:
    """Return the trigger, or None for dates such as 30 February; the chance generates nothing else that is refused."""
    try:
        return CronTrigger(expression, zone)
    except InvalidCron as error:
        if "no date ever matches" not in error.reason:
            raise
        return None


def backwards(trigger: CronTrigger, start: datetime, end: datetime, limit: int) -> list[datetime]:
    """Return the last occurrences of a span by `before` alone, newest first."""
    found: list[datetime] = []
    while len(found) < limit and (earlier := trigger.before(end)) is not None and earlier >= start:
        found.append(end := earlier)
    return found


@pytest.mark.parametrize(("zone", "start", "end"), _spans())
def test_every_minute_agrees_with_the_rule(zone: str, start: str, end: str) -> None:
    walk = Walk(zone, utc(start), utc(end))
    chance = random.Random(zlib.crc32(f"{zone} {start}".encode()))
    for _ in range(60):
        _agree(random_expression(chance), walk)


@pytest.mark.parametrize(
    ("zone", "change"),
    [
        ("America/New_York", "2026-03-08T07:00"),
        ("America/New_York", "2026-11-01T06:00"),
        ("Africa/Monrovia", "1972-01-07T00:44:30"),
        ("Asia/Kathmandu", "1985-12-31T18:30"),
        ("Europe/Paris", "1911-03-10T23:51"),
    ],
)
def test_every_second_agrees_with_the_rule(zone: str, change: str) -> None:
    walk = Walk(zone, utc(change) - timedelta(hours=4), utc(change) + timedelta(hours=4), timedelta(seconds=1))
    chance = random.Random(zlib.crc32(change.encode()))
    for _ in range(60):
        _agree(random_expression(chance, seconds=True), walk)

"""Cron triggers against brute force around the clock changes that are unlike others; `./run oracle` looks at all."""

from __future__ import annotations

import random
import zlib
from datetime import UTC, datetime, timedelta

import pytest

from nuvom.triggers import CronTrigger
from tests.oracle import __main__ as command, agreement
from tests.oracle.agreement import Tally, compared
from tests.oracle.expressions import random_expression
from tests.oracle.walk import Walk

EXPRESSIONS = 12  # for each span
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


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(("zone", "start", "end"), SPANS)
def test_every_minute_agrees_with_the_rule(zone: str, start: str, end: str) -> None:
    walk = Walk(zone, utc(start), utc(end))
    chance = random.Random(zlib.crc32(f"{zone} {start}".encode()))
    tally = Tally()
    for _ in range(EXPRESSIONS):
        tally.add(compared(random_expression(chance), walk, [zone]))
    assert tally.differences == []
    assert tally.occurrences > 0
    assert (tally.changes > 0) == (zone != "UTC")


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
    walk = Walk(zone, utc(change) - timedelta(hours=3), utc(change) + timedelta(hours=3), timedelta(seconds=1))
    chance = random.Random(zlib.crc32(change.encode()))
    tally = Tally()
    for _ in range(EXPRESSIONS):
        tally.add(compared(random_expression(chance, seconds=True), walk, [zone]))
    assert tally.differences == []
    assert tally.occurrences > 0


@pytest.mark.parametrize(
    ("asked", "instead", "way"),
    [
        ("30 2 * * *", "*/30 2 * * *", "between"),  # nothing in the gap
        ("30 1 * * *", "0 1 * * *", "between"),
        ("0 0 30 2 *", "0 0 28 2 *", "between"),
    ],
)
def test_a_wrong_trigger_is_told(asked: str, instead: str, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    walk = Walk("America/New_York", utc("2026-02-25"), utc("2026-03-15"))
    monkeypatch.setattr(agreement, "made", lambda expression, zone: CronTrigger(instead, zone))
    tally = compared(asked, walk, ["America/New_York"])
    assert any(found.startswith(f"{way}: {asked!r} in America/New_York") for found in tally.differences)


def test_the_full_comparison_takes_every_zone_whose_clocks_change_once_for_each_kind() -> None:
    names = ["Europe/Paris", "Europe/Berlin", "Asia/Tokyo", "Pacific/Chatham", "UTC"]
    assert command.alike(names) == [["Europe/Paris", "Europe/Berlin"], ["Pacific/Chatham"]]
    assert set(names) < set(command.zone_names())
    paris = command.alike(["Europe/Paris"])
    [offsets] = [command.offsets_of(command.ZoneInfo(zone)) for zone in paris[0]]
    assert len(offsets) == 1 + 2 * 7
    assert offsets[1] == (utc("2024-03-31T01:00"), timedelta(hours=2))

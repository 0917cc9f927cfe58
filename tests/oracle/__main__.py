"""Hold Nuvom's cron search against brute force: every UTC minute of 2024 to 2030, every zone whose clocks change.

`./run oracle [ZONE…]` prints the counts and exits 1 if anything differs. Seconds are walked around clock changes.
"""

from __future__ import annotations

import os
import random
import sys
import time
import zlib
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from zoneinfo import ZoneInfo

from tests.oracle.agreement import Tally, compared
from tests.oracle.expressions import random_expression
from tests.oracle.walk import DAY, LEAD, MINUTE, Walk

START, END = datetime(2024, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
MISLEADING = {"EST", "MST", "HST", "Factory"}  # Nuvom refuses them
EXPRESSIONS = 40  # for each zone
EXPRESSIONS_WITH_SECONDS = 10  # for each zone and change
AROUND = timedelta(hours=4)
SHOWN = 20

Changes = tuple[tuple[datetime, timedelta], ...]


def main(*names: str) -> int:
    """Compare in the named zones, by default in all; 1 if anything differs."""
    began = time.monotonic()
    groups = alike(names or zone_names())
    tally = Tally()
    processes = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with ProcessPoolExecutor(processes) as pool:
        for number, (zones, found) in enumerate(zip(groups, pool.map(agreement, groups), strict=True), 1):
            tally.add(found)
            print(f"{number}/{len(groups)} {', '.join(zones)}: {len(found.differences)} differences", flush=True)
    print(*tally.differences[:SHOWN], sep="\n", end="\n" if tally.differences else "")
    print(f"{sum(map(len, groups))} zones with a change, {len(groups)} of them unlike any other")
    print(f"{tally.expressions:,} expressions, {tally.changes:,} clock changes crossed")
    print(f"{tally.occurrences:,} occurrences compared, {len(tally.differences)} differences")
    print(f"{time.monotonic() - began:.0f} s")
    return int(bool(tally.differences))


def zone_names() -> list[str]:
    """Every name of the tz database that Nuvom takes."""
    return [name for name in (files("tzdata") / "zones").read_text("ascii").split() if name not in MISLEADING]


def alike(names: Iterable[str]) -> list[list[str]]:
    """Group the zones that have a change by what their clocks show, so that one walk serves all of a group."""
    groups: dict[Changes, list[str]] = {}
    for name in names:
        offsets = offsets_of(ZoneInfo(name))
        if len(offsets) > 1:
            groups.setdefault(offsets, []).append(name)
    return sorted(groups.values(), key=len, reverse=True)


def offsets_of(zone: ZoneInfo) -> Changes:
    """Return the first offset and each minute at which it changes; no offset lasts for less than a day."""
    moment = START - LEAD
    found = [(moment, offset(zone, moment))]
    while moment < END:
        if offset(zone, moment + DAY) != found[-1][1]:
            while offset(zone, moment) == found[-1][1]:
                moment += MINUTE
            found.append((moment, offset(zone, moment)))
        else:
            moment += DAY
    return tuple(found)


def offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)


def agreement(zones: list[str]) -> Tally:
    """Compare random expressions, the same ones for the same zones each time."""
    chance = random.Random(zlib.crc32(zones[0].encode()))
    walk = Walk(zones[0], START, END)
    tally = Tally()
    for _ in range(EXPRESSIONS):
        tally.add(compared(random_expression(chance), walk, zones))
    forth = [change for change in walk.changes if change.jump > 0]
    back = [change for change in walk.changes if change.jump < 0]
    for change in (*forth[:1], *back[:1]):
        moment = walk.moment(change.tick)
        seconds = Walk(zones[0], moment - AROUND, moment + AROUND, timedelta(seconds=1))
        for _ in range(EXPRESSIONS_WITH_SECONDS):
            tally.add(compared(random_expression(chance, seconds=True), seconds, zones))
    return tally


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

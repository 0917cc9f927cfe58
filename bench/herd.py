"""A thousand schedules that are due at one instant: how late their jobs start."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from statistics import median

from bench.figures import Figure, at_most
from bench.stage import Stage, stage
from bench.tasks import woke
from bench.timing import ROUNDS, percentile, until

SCHEDULES = 1_000
_AHEAD = timedelta(seconds=1)  # beyond the time that storing them takes
_STORING = timedelta(milliseconds=2)  # for each
_STARTS = "SELECT CAST(value AS REAL) FROM jobs WHERE state = 'succeeded' AND scheduled_for = ?"


def herd(scale: float) -> Iterator[Figure]:
    schedules = max(10, int(SCHEDULES * scale))
    with stage() as place, place.worker(), place.scheduler():
        rounds = [_lateness(place, schedules) for _ in range(ROUNDS)]
    for name, part, target in (("p50", 0.5, None), ("p99", 0.99, at_most(50))):
        yield Figure(
            name=f"herd-{name}",
            nuvom=1_000 * median(percentile(each, part) for each in rounds),
            unit="ms",
            target=target,
            what=f"lateness of the start, {schedules:,} one-offs at one instant, a scheduler and a worker",
        )


def _lateness(place: Stage, schedules: int) -> list[float]:
    at = datetime.now(UTC) + _AHEAD + schedules * _STORING
    for number in range(schedules):
        woke.options(name=f"{at.isoformat()}-{number}").schedule(at=at)
    if datetime.now(UTC) >= at:
        raise TimeoutError("the machine is too slow: the instant passed before all schedules were stored")
    with closing(sqlite3.connect(place.database, isolation_level=None)) as look:
        nominal = (round(at.timestamp() * 1_000_000),)
        until(lambda: len(look.execute(_STARTS, nominal).fetchall()) == schedules, "every job", every=0.25)
        return [started - at.timestamp() for (started,) in look.execute(_STARTS, nominal)]

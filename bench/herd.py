"""A thousand schedules that are due at one instant: how late their jobs start."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from statistics import median

from bench.figures import Figure, at_most
from bench.stage import stage
from bench.tasks import woke
from bench.timing import ROUNDS, percentile, until

SCHEDULES = 1_000
_AHEAD = timedelta(seconds=1)  # beyond the time that storing them takes
_STORING = timedelta(milliseconds=2)  # for each
_STARTS = "SELECT CAST(value AS REAL) FROM jobs WHERE state = 'succeeded' AND scheduled_for = ?"


def herd(scale: float) -> Iterator[Figure]:
    schedules = max(10, int(SCHEDULES * scale))
    with (
        stage() as place,
        place.worker(),
        place.scheduler(),
        closing(sqlite3.connect(place.database, isolation_level=None)) as look,
    ):
        yield from herds("herd", schedules, 50, lambda nominal: [row[0] for row in look.execute(_STARTS, (nominal,))])


def herds(name: str, schedules: int, bound: float, starts: Callable[[int], list[float]]) -> Iterator[Figure]:
    """How late the jobs of schedules start that are due at one instant.

    Args:
        name: what the figures' names begin with.
        schedules: how many.
        bound: of the 99th percentile, in milliseconds.
        starts: the moments at which jobs started that were due at a time in microseconds.
    """
    repeats = ROUNDS if schedules >= 100 else 1  # each waits for its instant, and of a few it says little
    rounds = [_lateness(schedules, starts) for _ in range(repeats)]
    for part_name, part, target in (("p50", 0.5, None), ("p99", 0.99, at_most(bound))):
        yield Figure(
            name=f"{name}-{part_name}",
            nuvom=1_000 * median(percentile(each, part) for each in rounds),
            unit="ms",
            target=target,
            what=f"lateness of the start, {schedules:,} one-offs at one instant, a scheduler and a worker",
        )


def _lateness(schedules: int, starts: Callable[[int], list[float]]) -> list[float]:
    at = datetime.now(UTC) + _AHEAD + schedules * _STORING
    for number in range(schedules):
        woke.options(name=f"{at.isoformat()}-{number}").schedule(at=at)
    if datetime.now(UTC) >= at:
        raise TimeoutError("the machine is too slow: the instant passed before all schedules were stored")
    nominal = round(at.timestamp() * 1_000_000)
    until(lambda: len(starts(nominal)) == schedules, "every job", every=0.25)
    return [started - at.timestamp() for started in starts(nominal)]

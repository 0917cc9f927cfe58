"""A million schedules of which none is due: what a scheduler costs that only keeps an eye on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from bench.copies import RANDOM_ID, copy
from bench.figures import Figure, at_most
from bench.stage import Stage, stage
from bench.tasks import noop
from bench.timing import cpu_percent, in_turns, rate
from nuvom.stores.base import Store

SCHEDULES = 1_000_000
FEW = 1_000
WATCHED = 8.0  # seconds
LOOKS = 500

_LATER = "next_run + abs(random() % 86400000000)"  # within a day after the one that is copied


def million(scale: float) -> Iterator[Figure]:
    with stage() as place:
        yield from stored("million", place, scale, lambda count: _copy(place.database, count))


def stored(name: str, place: Stage, scale: float, copy_later: Callable[[int], None]) -> Iterator[Figure]:
    """What schedules cost that are not due; `copy_later` makes so many more of the one that is there."""
    schedules = max(FEW, int(SCHEDULES * scale))
    beside = f"{schedules:,} schedules stored, none due"
    noop.schedule(1, 2, interval=86_400)
    copy_later(FEW)
    few = _look(place.app.store)
    copy_later(schedules)
    yield Figure(
        name=f"{name}-next-due",
        nuvom=_look(place.app.store),
        raw=few,
        unit="µs",
        what=f"finding when the next of {schedules:,} schedules is due; raw: Nuvom with {FEW:,}",
    )
    with place.scheduler() as service:
        [load] = cpu_percent([service], max(1.0, WATCHED * min(scale, 1.0)))
        [pid] = place.live("scheduler")
        memory = psutil.Process(pid).memory_info().rss / 2**20
        yield Figure(name=f"{name}-cpu", nuvom=load, unit="%", target=at_most(1), what=f"of a core; {beside}")
        yield Figure(
            name=f"{name}-rss",
            nuvom=memory,
            unit="MiB",
            target=at_most(60),
            what=f"the scheduler's process; {beside}",
        )


def _look(store: Store) -> float:
    """Microseconds to find when the next schedule is due."""
    next_due = store.schedules.next_due
    speed, _ = in_turns(lambda: rate(LOOKS, lambda: [next_due() for _ in range(LOOKS)]), lambda: 0.0)
    return 1_000_000 / speed


def _copy(path: Path, count: int) -> None:
    copy(path, "schedules", 1, count, {"id": RANDOM_ID, "name": "NULL", "next_run": _LATER, "next_nominal": _LATER})

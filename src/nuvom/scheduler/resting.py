"""Schedules that could not be dispatched and are left alone for a while, so that they hide nobody else."""

from __future__ import annotations

import math
from datetime import datetime
from typing import NamedTuple

from nuvom._schedule import ScheduleEnvelope

FIRST, LONGEST = 0.2, 3.0  # seconds; also how soon work goes on when what was in the way is mended
MEMORY = 10.0  # seconds after a rest in which another failure still counts as the next
MOST = 5_000

_Key = tuple[str, int, datetime | None]


class _Trouble(NamedTuple):
    times: int
    until: float  # monotonic seconds
    applied: int  # how many others had been dispatched when it began


class Failure(NamedTuple):
    """What a failure shows: whether it is the first, and whether others went well meanwhile, so that it is its own."""

    first: bool
    own: bool


class Resting:
    """What was refused or failed: once is free, then it backs off; a moved or changed schedule starts anew."""

    def __init__(self) -> None:
        self._troubles: dict[_Key, _Trouble] = {}

    def count(self, at: float) -> int:
        """Forget what is long over; return how many rest at `at`."""
        over = [key for key, trouble in self._troubles.items() if at >= trouble.until + MEMORY]
        for key in over:
            del self._troubles[key]
        return sum(at < trouble.until for trouble in self._troubles.values())

    def rests(self, envelope: ScheduleEnvelope, at: float) -> bool:
        """Tell whether a schedule is to be left alone at `at`, in monotonic seconds."""
        trouble = self._troubles.get(_key(envelope))
        return trouble is not None and at < trouble.until

    def add(self, envelope: ScheduleEnvelope, at: float, applied: int) -> Failure:
        """Note a failure at `at`, when `applied` schedules had been dispatched in all."""
        key = _key(envelope)
        last = self._troubles.pop(key, None)
        if last is None:
            self._troubles[key] = _Trouble(1, at, applied)
        else:
            wait = min(FIRST * 2.0 ** min(last.times - 1, 16), LONGEST)
            self._troubles[key] = _Trouble(last.times + 1, at + wait, last.applied)
        if len(self._troubles) > MOST:
            del self._troubles[next(iter(self._troubles))]
        return Failure(first=last is None, own=last is not None and applied > last.applied)

    def ends(self, at: float) -> float:
        """Return seconds until the next rest ends, infinity when nothing rests."""
        return min((trouble.until - at for trouble in self._troubles.values() if trouble.until > at), default=math.inf)


def _key(envelope: ScheduleEnvelope) -> _Key:
    return envelope.id, envelope.generation, envelope.next_run

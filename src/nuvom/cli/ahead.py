"""The runs that are still to come, of many schedules in one order."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nuvom._schedule import ScheduleEnvelope


def runs_ahead(
    schedules: Sequence[ScheduleEnvelope], end: datetime | None, limit: int
) -> Iterator[tuple[datetime, ScheduleEnvelope]]:
    """Yield the next runs with their schedules, earliest first.

    Args:
        schedules: Only the active ones have runs.
        end: Runs from then on are left out; None looks as far as there are runs.
        limit: How many at most.
    """
    each = (_of_one(schedule, end) for schedule in schedules)
    return islice(heapq.merge(*each, key=lambda run: run[0]), limit)


def _of_one(schedule: ScheduleEnvelope, end: datetime | None) -> Iterator[tuple[datetime, ScheduleEnvelope]]:
    for _, run in schedule.coming():
        if end is not None and run >= end:
            return
        yield run, schedule

"""The runs that are still to come, of many schedules in one order."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nuvom._schedule import ScheduleEnvelope


def runs_ahead(
    schedules: Sequence[ScheduleEnvelope], now: datetime, end: datetime | None, limit: int
) -> Iterator[tuple[datetime, ScheduleEnvelope]]:
    """Yield the next runs with their schedules, earliest first; of a schedule that is overdue its next run comes first.

    Args:
        schedules: Only the active ones have runs; where there are more, the first `limit` by next run are enough.
        now: What is due before it is overdue.
        end: Runs from then on are left out; None looks as far as there are runs.
        limit: How many at most.
    """
    each = (_of_one(schedule, now, end) for schedule in schedules)
    return islice(heapq.merge(*each, key=lambda run: run[0]), limit)


def _of_one(
    schedule: ScheduleEnvelope, now: datetime, end: datetime | None
) -> Iterator[tuple[datetime, ScheduleEnvelope]]:
    for run in _runs(schedule, now):
        if end is not None and run >= end:
            return
        yield run, schedule


def _runs(schedule: ScheduleEnvelope, now: datetime) -> Iterator[datetime]:
    from nuvom._schedule import CatchUp, ScheduleState

    nominal, first = schedule.next_nominal, schedule.next_run
    overdue = schedule.state is ScheduleState.ACTIVE and nominal is not None and first is not None and first < now
    if nominal is None or first is None or not overdue or schedule.catch_up is CatchUp.ALL:
        yield from (run for _, run in schedule.coming())
        return
    # Of several that are overdue catch_up runs one at most, whatever their number; what is still to come is told on.
    yield first
    following = schedule.trigger.after(max(nominal, now - schedule.jitter))
    rest = replace(schedule, next_nominal=following, next_run=None, run_count=schedule.run_count + 1)
    yield from (run for _, run in rest.coming() if run > now)

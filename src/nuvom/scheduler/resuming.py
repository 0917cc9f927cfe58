"""What is recorded of occurrences that a call keeps from being run: a pause, a change of times, a cancel. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from nuvom._schedule import Occurrence, OccurrenceOutcome, ScheduleEnvelope, ScheduleState
from nuvom.scheduler.due import due_at
from nuvom.scheduler.plan import Dropped, dropped_rows


class Resumed(NamedTuple):
    """A schedule that is active again (or done, where its bounds ended meanwhile), and rows of what fell away."""

    envelope: ScheduleEnvelope
    rows: tuple[Occurrence, ...]


def resumed(envelope: ScheduleEnvelope, now: datetime) -> Resumed:
    """Resume a paused schedule; a one-off whose time came meanwhile is due at once, because it is a promise."""
    active = replace(envelope, state=ScheduleState.ACTIVE, note=None, paused_at=None)
    if envelope.at is not None or envelope.next_run is None or envelope.next_run > now:
        return Resumed(active, ())
    due = due_at(envelope, now)
    rows = dropped_rows(due, _dropped(envelope, due.first))
    following = due.following
    if following is None:
        return Resumed(replace(active, state=ScheduleState.DONE, next_nominal=None, next_run=None), tuple(rows))
    return Resumed(replace(active, next_nominal=following, next_run=due.following_run), tuple(rows))


def passed_over(envelope: ScheduleEnvelope, now: datetime, why: str) -> tuple[Occurrence, ...]:
    """Return rows for what is due of a schedule that is about to end or to get other times, and was not dispatched.

    Args:
        envelope: as it is stored.
        now: the store's clock.
        why: what happens to it, such as "it was cancelled".
    """
    living = envelope.state in (ScheduleState.ACTIVE, ScheduleState.PAUSED)
    if not living or envelope.next_run is None or envelope.next_run > now:
        return ()
    due = due_at(envelope, now)
    if envelope.state is ScheduleState.PAUSED:
        return tuple(dropped_rows(due, _dropped(envelope, due.first)))
    missed = Dropped(due.first, None, OccurrenceOutcome.MISSED, f"{why} before a scheduler dispatched what was due")
    return tuple(dropped_rows(due, [missed]))


def _dropped(envelope: ScheduleEnvelope, first: datetime) -> list[Dropped]:
    since = envelope.paused_at
    note = f": {envelope.note}" if envelope.note else ""
    if since is None or since <= first:
        return [Dropped(first, None, OccurrenceOutcome.PAUSED, f"the schedule was paused{note}")]
    return [
        Dropped(since, None, OccurrenceOutcome.PAUSED, f"the schedule was paused{note}"),
        Dropped(first, since, OccurrenceOutcome.PAUSED, f"it was due, and not dispatched yet, at the pause{note}"),
    ]

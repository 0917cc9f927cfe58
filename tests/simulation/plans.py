"""What a due schedule must come to, worked out anew from its definition: no code of the scheduler or the triggers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from nuvom._schedule import ScheduleEnvelope, ScheduleType

# Every cron that the simulation uses, as a grid since midnight in UTC.
CRONS = {
    "*/10 * * * * *": 10,
    "*/30 * * * * *": 30,
    "* * * * *": 60,
    "*/5 * * * *": 300,
    "0 * * * *": 3600,
}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ON_TIME = timedelta(seconds=60)


class Expected(NamedTuple):
    """The occurrences that become jobs, those that are dropped and how, and the next one."""

    dispatched: list[datetime]
    dropped: dict[datetime, str]
    following: datetime | None


def grid(envelope: ScheduleEnvelope, first: datetime) -> Iterator[datetime]:
    """Yield the occurrences of a schedule from `first`, which is one of them."""
    if envelope.schedule_type is ScheduleType.ONE_OFF:
        yield first
        return
    length = envelope.interval if envelope.cron is None else CRONS[envelope.cron]
    step = timedelta(seconds=length or 0)
    origin = EPOCH if envelope.cron else envelope.anchor
    assert origin is not None
    assert (first - origin) % step == timedelta(), f"{first} is no time of {envelope.name or envelope.id}"
    while True:
        yield first
        first += step


def expected(envelope: ScheduleEnvelope, now: datetime) -> Expected:
    """Return what a schedule that is due at `now` must come to."""
    due: list[datetime] = []
    following = None
    assert envelope.next_nominal is not None
    for nominal in grid(envelope, envelope.next_nominal):
        if nominal > now:
            following = nominal
            break
        due.append(nominal)
    assert due, f"{envelope.name or envelope.id} was planned before its time"
    if envelope.schedule_type is ScheduleType.ONE_OFF:
        return Expected(due, {}, None)
    chosen, outcome = _chosen(envelope, due, now)
    return Expected(chosen, {nominal: outcome for nominal in due if nominal not in chosen}, following)


def _chosen(envelope: ScheduleEnvelope, due: list[datetime], now: datetime) -> tuple[list[datetime], str]:
    match envelope.catch_up:
        case "latest":
            return due[-1:], "coalesced"
        case "first":
            return due[:1], "coalesced"
        case "all":
            return due[-100:], "missed"
        case _:
            return due[-1:] if now - due[-1] <= ON_TIME else [], "missed"

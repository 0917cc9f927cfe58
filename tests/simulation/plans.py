"""What a due schedule must come to, worked out anew from its definition: no code of the scheduler or the triggers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from nuvom._schedule import ScheduleEnvelope, ScheduleType
from tests.simulation.models import run_of

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
    assert (first - origin) % step == timedelta(), f"{first} is no time of {envelope}"
    while True:
        yield first
        first += step


def expected(envelope: ScheduleEnvelope, now: datetime, *, blocked: bool) -> Expected:
    """Return what a schedule that is due at `now` must come to; `blocked`: an open run is in the way."""
    due, following = due_at(envelope, now)
    called = envelope.name or envelope.id
    assert due, f"{called} was planned before its time"
    live, dropped = due, dict[datetime, str]()
    if envelope.grace is not None:
        live = [nominal for nominal in due if run_at(envelope, nominal) >= now - envelope.grace]
        dropped = {nominal: "missed" for nominal in due if nominal not in live}
    chosen, outcome = _chosen(envelope, live, now) if live else ([], "")
    dropped |= {nominal: outcome for nominal in live if nominal not in chosen}
    if envelope.max_runs is not None:
        left = max(envelope.max_runs - envelope.run_count, 0)
        dropped |= dict.fromkeys(chosen[left:], "missed")
        chosen = chosen[:left]
    if blocked and chosen:
        dropped |= dict.fromkeys(chosen, "skipped_overlap")
        chosen = []
    if envelope.max_runs is not None and envelope.run_count + len(chosen) >= envelope.max_runs:
        following = None
    return Expected(chosen, dropped, following)


def due_at(envelope: ScheduleEnvelope, now: datetime) -> tuple[list[datetime], datetime | None]:
    """Return the occurrences of a schedule that are due at `now`, and the one after them."""
    due: list[datetime] = []
    assert envelope.next_nominal is not None
    for nominal in grid(envelope, envelope.next_nominal):
        if envelope.ends_at is not None and nominal >= envelope.ends_at:
            return due, None
        if run_at(envelope, nominal) > now:
            return due, nominal
        due.append(nominal)
    return due, None


def run_at(envelope: ScheduleEnvelope, nominal: datetime) -> datetime:
    """Return when an occurrence is to run."""
    if nominal == envelope.next_nominal and envelope.next_run is not None:
        return envelope.next_run
    return run_of(envelope, nominal)


def _chosen(envelope: ScheduleEnvelope, due: list[datetime], now: datetime) -> tuple[list[datetime], str]:
    match envelope.catch_up:
        case _ if envelope.schedule_type is ScheduleType.ONE_OFF:
            return due, ""
        case "latest":
            return due[-1:], "coalesced"
        case "first":
            return due[:1], "coalesced"
        case "all":
            return due[-100:], "missed"
        case _:
            on_time = envelope.grace is not None or now - run_at(envelope, due[-1]) <= ON_TIME
            return due[-1:] if on_time else [], "missed"

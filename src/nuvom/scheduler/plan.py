"""What due schedules come to: which occurrences to dispatch, which to record, where the next run moves. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from nuvom._clock import to_us
from nuvom._ids import occurrence_job_id
from nuvom._job import NewJob
from nuvom._schedule import CatchUp, Occurrence, OccurrenceOutcome, ScheduleEnvelope, ScheduleType, trigger_of
from nuvom.stores.values import PlanItem
from nuvom.triggers import CronTrigger, Trigger

CATCH_UP_LIMIT = 100  # how many `catch_up=all` runs at most
ROW_LIMIT = 1_000  # rows for what one planning drops
ON_TIME = timedelta(seconds=60)  # how late `catch_up=skip` still runs

_TICK = timedelta(microseconds=1)
_NOTHING_SAID = (None, None, None)
_PUSHED = frozenset(
    ("queue", "priority", "max_crashes")
)  # options that are columns of a job; the others go along as JSON
_HASHED = re.compile(r"(?:^|[\s,])h", re.IGNORECASE)  # an `H` that is no letter of THU or MARCH
_REASONS = {
    CatchUp.LATEST: "catch_up=latest runs the newest of those due together",
    CatchUp.FIRST: "catch_up=first runs the oldest of those due together",
    CatchUp.ALL: f"catch_up=all runs the newest {CATCH_UP_LIMIT} of those due together",
    CatchUp.SKIP: f"catch_up=skip runs only the newest, at most {ON_TIME.seconds} s late",
}
_DROPPED = {
    CatchUp.LATEST: OccurrenceOutcome.COALESCED,
    CatchUp.FIRST: OccurrenceOutcome.COALESCED,
    CatchUp.ALL: OccurrenceOutcome.MISSED,
    CatchUp.SKIP: OccurrenceOutcome.MISSED,
}


def plan(envelopes: Iterable[ScheduleEnvelope], now: datetime) -> list[PlanItem]:
    """Plan each of `envelopes` that is due at `now`; one whose next run lies ahead comes to nothing."""
    return [plan_one(each, now) for each in envelopes if each.next_run is not None and each.next_run <= now]


def plan_one(envelope: ScheduleEnvelope, now: datetime) -> PlanItem:
    """Plan a due schedule: the next run follows from the nominal times, never from `now`.

    Ten years of downtime cost what a day does: of a long row of due occurrences only the newest are looked at, the
    others are counted. A schedule that cannot be planned comes to a quarantine that says why.
    """
    try:
        return _item(envelope, _due(envelope, now), now)
    except MemoryError:  # this process's trouble, not the schedule's
        raise
    except Exception as error:  # noqa: BLE001  # whatever is wrong with one schedule must not stop the others
        return quarantined(envelope, f"{type(error).__name__}: {error}")


def quarantined(envelope: ScheduleEnvelope, reason: str) -> PlanItem:
    """Return the item that takes a schedule out of the running, with nothing dispatched."""
    return PlanItem(envelope=envelope, occurrences=(), jobs=(), next_nominal=None, next_run=None, quarantine=reason)


def choose(due: Sequence[datetime], policy: CatchUp, *, on_time: bool) -> tuple[Sequence[datetime], Sequence[datetime]]:
    """Split `due`, oldest first, into those to dispatch and those to record; none is in both or in neither."""
    match policy:
        case CatchUp.LATEST:
            return due[-1:], due[:-1]
        case CatchUp.FIRST:
            return due[:1], due[1:]
        case CatchUp.ALL:
            return due[-CATCH_UP_LIMIT:], due[:-CATCH_UP_LIMIT]
        case CatchUp.SKIP:
            return (due[-1:], due[:-1]) if on_time else ((), due)


class _Due(NamedTuple):
    """The occurrences that are due together: the first, `hidden` ones that are only counted, and the newest."""

    sample: tuple[datetime, ...]  # the first and the newest, oldest first
    following: datetime | None  # the first that is not due
    hidden: int = 0
    second: datetime | None = None  # the oldest of the hidden


def _due(envelope: ScheduleEnvelope, now: datetime) -> _Due:
    first = envelope.next_nominal or envelope.next_run
    if first is None:
        raise ValueError("an active schedule has no next run")
    if envelope.schedule_type is ScheduleType.ONE_OFF:
        return _Due((first,), None)
    if envelope.schedule_type is ScheduleType.CRON and envelope.cron is not None:
        seed = envelope.name or envelope.id
        return _cron_due(
            envelope.cron, envelope.timezone_name, seed if _HASHED.search(envelope.cron) else None, first, now
        )
    trigger = trigger_of(envelope)
    following = trigger.after(first)
    return (
        _Due((first,), following) if following is None or following > now else _behind(trigger, first, following, now)
    )


def _cron_due(expression: str, zone: str, seed: str | None, first: datetime, now: datetime) -> _Due:
    following = _cron_following(expression, zone, seed, first)
    if following is None or following > now:
        return _Due((first,), following)
    return _cron_behind(expression, zone, seed, first, now)


# Herds share expression, zone and nominal time, and finding the next one is most of what a plan costs. A schedule's own
# name matters only where the expression has an `H`.
@lru_cache(maxsize=8192)
def _cron_following(expression: str, zone: str, seed: str | None, nominal: datetime) -> datetime | None:
    return _cron(expression, zone, seed).after(nominal)


@lru_cache(maxsize=32)  # each may hold a thousand times
def _cron_behind(expression: str, zone: str, seed: str | None, first: datetime, now: datetime) -> _Due:
    trigger = _cron(expression, zone, seed)
    following = trigger.after(first)
    assert following is not None  # noqa: S101  # only asked where it is due
    return _behind(trigger, first, following, now)


@lru_cache(maxsize=1024)
def _cron(expression: str, zone: str, seed: str | None) -> CronTrigger:
    return CronTrigger(expression, zone, seed=seed)


def _behind(trigger: Trigger, first: datetime, second: datetime, now: datetime) -> _Due:
    """Look from the newest side, and no further than rows are kept for."""
    newest: list[datetime] = []
    moment: datetime | None = trigger.before(now + _TICK)
    while moment is not None and moment >= second and len(newest) < ROW_LIMIT + CATCH_UP_LIMIT:
        newest.append(moment)
        moment = trigger.before(moment)
    newest.reverse()
    hidden = trigger.count(second, newest[0])
    return _Due((first, *newest), trigger.after(newest[-1]), hidden, second if hidden else None)


def _item(envelope: ScheduleEnvelope, due: _Due, now: datetime) -> PlanItem:
    chosen, dropped = _chosen(envelope, due, now)
    jobs = _jobs(envelope, chosen)
    rows = tuple([_dispatched(job, now) for job in jobs])
    occurrences = (*_dropped(envelope, due, dropped), *rows) if dropped else rows
    return PlanItem(envelope, occurrences, tuple(jobs), due.following, due.following)


def _chosen(envelope: ScheduleEnvelope, due: _Due, now: datetime) -> tuple[Sequence[datetime], Sequence[datetime]]:
    if envelope.schedule_type is ScheduleType.ONE_OFF:  # a promise: it runs however late
        return due.sample, ()
    if len(due.sample) == 1 and envelope.catch_up is not CatchUp.SKIP:
        return due.sample, ()
    on_time = now - _run_time(envelope, due.sample[-1]) <= ON_TIME
    return choose(due.sample, envelope.catch_up, on_time=on_time)


def _run_time(envelope: ScheduleEnvelope, nominal: datetime) -> datetime:
    """Return when an occurrence was to run: only the first of those due may have a run time of its own."""
    return envelope.next_run if envelope.next_run and nominal == envelope.next_nominal else nominal


def _jobs(envelope: ScheduleEnvelope, nominals: Sequence[datetime]) -> list[NewJob]:
    said = envelope.options
    options = _json({key: value for key, value in said.items() if key not in _PUSHED}) if said else None
    metadata = _json(envelope.metadata) if envelope.metadata else None
    columns = (said.get("queue"), said.get("priority"), said.get("max_crashes")) if said else _NOTHING_SAID
    return [
        NewJob(  # by place: this many keywords cost as much as the rest of a plan
            occurrence_job_id(envelope.id, to_us(nominal)),
            envelope.task,
            envelope.arguments,
            envelope.defaults,
            *columns,
            _run_time(envelope, nominal),
            None,
            envelope.id,
            envelope.name,
            nominal,
            options,
            metadata,
        )
        for nominal in nominals
    ]


def _json(value: Mapping[str, Any]) -> bytes | None:
    return orjson.dumps(dict(value)) if value else None


def _dispatched(job: NewJob, now: datetime) -> Occurrence:
    assert job.schedule_id and job.scheduled_for and job.run_at  # noqa: PT018, S101  # `_jobs` sets them
    lateness = now - job.run_at
    return Occurrence(job.schedule_id, job.scheduled_for, OccurrenceOutcome.DISPATCHED, "", None, job.id, lateness)


def _dropped(envelope: ScheduleEnvelope, due: _Due, dropped: Sequence[datetime]) -> list[Occurrence]:
    """Return a row for each of the newest, and one that stands for all older ones where they are too many."""
    outcome, reason = _DROPPED[envelope.catch_up], _REASONS[envelope.catch_up]
    total = len(dropped) + due.hidden
    alone = dropped if total <= ROW_LIMIT else dropped[1 - ROW_LIMIT :]
    rows = [Occurrence(schedule_id=envelope.id, nominal=each, outcome=outcome, reason=reason) for each in alone]
    if total == len(alone):
        return rows
    oldest = due.sample[0] if dropped[0] == due.sample[0] else due.second or dropped[0]
    rest = Occurrence(
        schedule_id=envelope.id,
        nominal=oldest,
        outcome=outcome,
        reason=reason,
        last=dropped[-ROW_LIMIT],
        count=total - len(alone),
    )
    return [rest, *rows]

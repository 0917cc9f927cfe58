"""What due schedules come to: which occurrences to dispatch, which to record, where the next run moves. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from nuvom._clock import to_us
from nuvom._ids import occurrence_job_id
from nuvom._job import NewJob
from nuvom._schedule import CatchUp, Occurrence, OccurrenceOutcome, Overlap, ScheduleEnvelope, run_key
from nuvom.scheduler.due import TICK, Due, due_at
from nuvom.stores.values import PlanItem
from nuvom.triggers.zones import release, utc_offset

CATCH_UP_LIMIT = 100  # how many `catch_up=all` runs at most
ROW_LIMIT = 1_000  # rows for what one planning drops
ON_TIME = timedelta(seconds=60)  # how late `catch_up=skip` still runs without a grace

_NOTHING_SAID = (None, None, None)
_PUSHED = frozenset(
    ("queue", "priority", "max_crashes", "unique", "expires_in")
)  # options that are columns of a job; the others go along as JSON
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
_BLOCKED = {
    Overlap.SKIP: "overlap=skip: an earlier run was still open",
    Overlap.QUEUE_ONE: "overlap=queue_one: another run was waiting already",
    Overlap.CANCEL_OTHER: "overlap=cancel_other: a run was open that was dispatched before the overlap was set",
}


class Dropped(NamedTuple):
    """Due occurrences with start <= nominal < end that are not run; `end` None: all from `start` on."""

    start: datetime
    end: datetime | None
    outcome: OccurrenceOutcome
    reason: str


class Choice(NamedTuple):
    """What is run of those due together, oldest first, and the ranges that are not, the newest range first."""

    runs: tuple[datetime, ...]
    dropped: tuple[Dropped, ...] = ()


def plan(
    envelopes: Iterable[ScheduleEnvelope], now: datetime, blocked: Collection[str] = frozenset()
) -> list[PlanItem]:
    """Plan each of `envelopes` that is due at `now`; one whose next run lies ahead comes to nothing.

    Args:
        envelopes: as they were read.
        now: the store's clock.
        blocked: ids of those that may not start another run now, as `Ledger.blocked` found.
    """
    tzdata = release()
    return [
        _planned(each, now, tzdata, blocked=each.id in blocked)
        for each in envelopes
        if each.next_run is not None and each.next_run <= now
    ]


def _planned(envelope: ScheduleEnvelope, now: datetime, tzdata: str, *, blocked: bool = False) -> PlanItem:
    """Plan a due schedule: the next run follows from the nominal times, never from `now`.

    Ten years of downtime cost what a day does: of a long row of due occurrences only the newest are looked at, the
    others are counted. A schedule that cannot be planned comes to a quarantine that says why.
    """
    try:
        return _item(due_at(envelope, now), now, tzdata, blocked=blocked)
    except MemoryError:  # this process's trouble, not the schedule's
        raise
    except Exception as error:  # noqa: BLE001  # whatever is wrong with one schedule must not stop the others
        return quarantined(envelope, f"{type(error).__name__}: {error}")


def quarantined(envelope: ScheduleEnvelope, reason: str) -> PlanItem:
    """Return the item that takes a schedule out of the running, with nothing dispatched."""
    return PlanItem(envelope=envelope, occurrences=(), jobs=(), next_nominal=None, next_run=None, quarantine=reason)


def _item(due: Due, now: datetime, tzdata: str, *, blocked: bool) -> PlanItem:
    envelope = due.envelope
    choice = _within_max_runs(envelope, _choice(due, now))
    asked = blocked if envelope.overlap is not Overlap.ALLOW and choice.runs else None
    runs = () if asked else choice.runs
    jobs = new_jobs(envelope, [(nominal, due.run_time(nominal)) for nominal in runs])
    if envelope.overlap is Overlap.CANCEL_OTHER:
        jobs = [job._replace(ousts=True) for job in jobs]
    rows = [dispatched(envelope, job, now) for job in jobs]
    if asked:
        reason = _BLOCKED[envelope.overlap]
        rows = [_row(envelope, nominal, OccurrenceOutcome.SKIPPED_OVERLAP, reason) for nominal in choice.runs]
    occurrences = tuple([*dropped_rows(due, choice.dropped), *rows] if choice.dropped else rows)
    following, next_run = (None, None) if _spent(envelope, len(runs)) else (due.following, due.following_run)
    moved = tzdata if envelope.cron is not None and envelope.tzdata != tzdata else None
    return PlanItem(envelope, occurrences, tuple(jobs), following, next_run, None, asked, moved)


def _choice(due: Due, now: datetime) -> Choice:
    """Say which of those due together run: what its grace gives up is gone, of the rest `catch_up` takes some."""
    envelope = due.envelope
    grace = envelope.grace
    if grace is None:
        if not due.several and (envelope.catch_up is not CatchUp.SKIP or envelope.at is not None):
            return Choice((due.first,))
        return choose(due, due.first, envelope.catch_up, on_time=_on_time(due, now))
    live = due.since(now - grace)
    reason = f"more than its grace of {_said(grace)} late"
    if live is None:
        return Choice((), (Dropped(due.first, None, OccurrenceOutcome.MISSED, reason),))
    chosen = choose(due, live, envelope.catch_up, on_time=True)
    late = (Dropped(due.first, live, OccurrenceOutcome.MISSED, reason),) if live > due.first else ()
    return Choice(chosen.runs, chosen.dropped + late)


def _on_time(due: Due, now: datetime) -> bool:
    return now - due.run_time(due.newest(1)[-1]) <= ON_TIME


def choose(due: Due, start: datetime, policy: CatchUp, *, on_time: bool) -> Choice:
    """Split what is due from `start` on into what runs and what does not; none is in both or in neither."""
    if not due.several and (policy is not CatchUp.SKIP or on_time):
        return Choice((start,))
    outcome, reason = _DROPPED[policy], _REASONS[policy]
    runs: tuple[datetime, ...]
    match policy:
        case CatchUp.FIRST:
            runs = (start,)
            rest = Dropped(start + TICK, None, outcome, reason)
        case CatchUp.SKIP if not on_time:
            return Choice((), (Dropped(start, None, outcome, reason),))
        case _:
            newest = due.newest(CATCH_UP_LIMIT if policy is CatchUp.ALL else 1)
            runs = tuple([nominal for nominal in newest if nominal >= start])
            rest = Dropped(start, runs[0], outcome, reason)
    return Choice(runs, (rest,) if rest.end is None or rest.start < rest.end else ())


def _within_max_runs(envelope: ScheduleEnvelope, choice: Choice) -> Choice:
    if envelope.max_runs is None:
        return choice
    left = max(envelope.max_runs - envelope.run_count, 0)
    if len(choice.runs) <= left:
        return choice
    reason = f"max_runs={envelope.max_runs} was reached"
    beyond = Dropped(choice.runs[left], choice.runs[-1] + TICK, OccurrenceOutcome.MISSED, reason)
    return Choice(choice.runs[:left], (beyond, *choice.dropped))


def _spent(envelope: ScheduleEnvelope, runs: int) -> bool:
    return envelope.max_runs is not None and envelope.run_count + runs >= envelope.max_runs


def dropped_rows(due: Due, dropped: Sequence[Dropped]) -> list[Occurrence]:
    """Return rows for the newest that are not run, oldest first, and one of each range that stands for what is left."""
    rows: list[Occurrence] = []
    for i, each in enumerate(dropped):
        room = ROW_LIMIT - len(rows) - (len(dropped) - 1 - i)
        rows = _rows_of(due, each, max(room, 1)) + rows
    return rows


def _rows_of(due: Due, dropped: Dropped, limit: int) -> list[Occurrence]:
    envelope = due.envelope
    rest, alone = due.listed(dropped.start, dropped.end, limit)
    rows = [_row(envelope, nominal, dropped.outcome, dropped.reason) for nominal in alone]
    if rest is None:
        return rows
    head = _row(envelope, rest.first, dropped.outcome, dropped.reason)
    return [head._replace(last=rest.last, count=rest.number), *rows]


def _row(envelope: ScheduleEnvelope, nominal: datetime, outcome: OccurrenceOutcome, reason: str) -> Occurrence:
    return Occurrence(
        schedule_id=envelope.id,
        nominal=nominal,
        outcome=outcome,
        reason=reason,
        utc_offset=_offset(envelope.timezone_name, nominal) if envelope.cron else None,
    )


@lru_cache(maxsize=8192)
def _offset(zone: str, nominal: datetime) -> int:
    return utc_offset(zone, nominal)


def _said(span: timedelta) -> str:
    return str(span).removesuffix(", 0:00:00")


def dispatched(envelope: ScheduleEnvelope, job: NewJob, now: datetime, source: str = "") -> Occurrence:
    """Return the ledger row of a job that is pushed at `now` for an occurrence."""
    assert job.scheduled_for and job.run_at  # noqa: PT018, S101  # `new_jobs` sets them
    nominal = job.scheduled_for
    return Occurrence(
        envelope.id,
        nominal,
        OccurrenceOutcome.DISPATCHED,
        source,
        None,
        job.id,
        now - job.run_at,
        utc_offset=_offset(envelope.timezone_name, nominal) if envelope.cron else None,
    )


def new_jobs(envelope: ScheduleEnvelope, runs: Sequence[tuple[datetime, datetime]], source: str = "") -> list[NewJob]:
    """Return the jobs of occurrences.

    Args:
        envelope: the schedule.
        runs: for each the nominal time and when it is to run.
        source: who asked, when it was not the plan.
    """
    said = envelope.options
    options = _json({key: value for key, value in said.items() if key not in _PUSHED}) if said else None
    metadata = _json(envelope.metadata) if envelope.metadata else None
    columns = (said.get("queue"), said.get("priority"), said.get("max_crashes")) if said else _NOTHING_SAID
    key = None if envelope.overlap is Overlap.ALLOW else run_key(envelope.id)
    grace = envelope.grace
    unique, expires_in = (said.get("unique"), said.get("expires_in")) if said else (None, None)
    return [
        NewJob(  # by place: this many keywords cost as much as the rest of a plan
            occurrence_job_id(envelope.id, to_us(nominal), source),
            envelope.task,
            envelope.arguments,
            envelope.defaults,
            *columns,
            run_at,
            key,
            envelope.id,
            envelope.name,
            nominal,
            options,
            metadata,
            None if grace is None else run_at + grace,
            True,
            False,
            False,
            envelope.defaults.kin,
            unique,
            None,
            expires_in,
        )
        for nominal, run_at in runs
    ]


def _json(value: Mapping[str, Any]) -> bytes | None:
    return orjson.dumps(dict(value)) if value else None

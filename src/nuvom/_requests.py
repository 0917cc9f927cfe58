"""Runs that somebody asks for: one by hand, or those of a range of the past."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from nuvom._duration import Duration, to_timedelta
from nuvom._schedule import Occurrence, Overlap, ScheduleEnvelope, ScheduleState, standing_job
from nuvom._times import Zone, aware
from nuvom.errors import InvalidTrigger, ScheduleChanged, ScheduleEnded
from nuvom.scheduler import split
from nuvom.scheduler.plan import dispatched, new_jobs
from nuvom.stores.backends import stored_in
from nuvom.stores.values import Once, PlanItem, Requested

if TYPE_CHECKING:
    from nuvom._app import Nuvom
    from nuvom._handle import JobHandle

_CHUNK = 500  # rows in one transaction: other writers wait for it


@dataclass(frozen=True, slots=True)
class Range:
    """What a backfill is asked for: nominal times with start <= t < end, and how they are to be run."""

    start: datetime
    end: datetime
    again: bool
    pace: Duration | None
    request: str | None


@dataclass(frozen=True, slots=True)
class Backfilled:
    """What a backfill came to: `found` occurrences in start <= t < end, of which `pushed` became jobs now."""

    start: datetime
    end: datetime  # not later than what is still to come by itself
    found: int
    pushed: int


def trigger(app: Nuvom, envelope: ScheduleEnvelope, request: str | None) -> JobHandle[Any]:
    """Push a job of a schedule for now, once for each request; returns its handle."""
    ledger = app.store.ledger
    source = f"manual:{request or uuid.uuid4().hex}"
    for _ in range(split.ATTEMPTS):
        now = app.now()
        # It does not wait for the runs of the plan, which wait for it; and it does not give up.
        [job] = [job._replace(waits=False, expires_at=None) for job in new_jobs(envelope, [(now, now)], source)]
        row = dispatched(envelope, job, now, source)
        answer = ledger.request(PlanItem(envelope, (row,), (job,), None, None), Once.REQUEST)
        if answer.refusal is None:
            return _triggered(app, row, answer)
        envelope = _anew(app, envelope, answer)
    raise ScheduleChanged(envelope.name or envelope.id)


def _triggered(app: Nuvom, row: Occurrence, answer: Requested) -> JobHandle[Any]:
    known = row if answer.jobs else app.store.ledger.requested(row.schedule_id, row.source) or row
    handle = app.job(str(known.job_id or standing_job(known)))
    handle.existing = not answer.jobs
    return handle


def backfill(app: Nuvom, envelope: ScheduleEnvelope, asked: Range, *, dry_run: bool) -> Backfilled:
    """Push the jobs of a range of the past, in transactions of bounded size; what was interrupted can be repeated."""
    start, end = _bounds(app, envelope, asked)
    found = envelope.trigger.count(start, end)
    if dry_run:
        return Backfilled(start, end, found, 0)
    source = f"backfill:{asked.request or uuid.uuid4().hex}"
    once = Once.ROW if asked.again else Once.DISPATCH
    pace = timedelta(0) if asked.pace is None else to_timedelta(asked.pace, "pace")
    now = app.now()
    pushed = 0
    for nominals in _chunks(envelope.trigger.between(start, end)):
        runs = [(nominal, now + (pushed + i) * pace) for i, nominal in enumerate(nominals)]
        answer = app.store.ledger.request(_item(envelope, runs, now, source), once)
        if answer.refusal is not None:
            envelope = _anew(app, envelope, answer)
            answer = app.store.ledger.request(_item(envelope, runs, now, source), once)
        if answer.refusal is not None:
            raise ScheduleChanged(envelope.name or envelope.id)
        pushed += len(answer.jobs)
    return Backfilled(start, end, found, pushed)


def _item(
    envelope: ScheduleEnvelope, runs: Sequence[tuple[datetime, datetime]], now: datetime, source: str
) -> PlanItem:
    # Without overlap they run one after the other, by a key of their own: they hold up nobody else.
    key = None if envelope.overlap is Overlap.ALLOW else f"backfill:{envelope.id}"
    jobs = [job._replace(key=key, backfill=True, expires_at=None) for job in new_jobs(envelope, runs, source)]
    rows = [dispatched(envelope, job, now, source) for job in jobs]
    return PlanItem(envelope, tuple(rows), tuple(jobs), None, None)


def _bounds(app: Nuvom, envelope: ScheduleEnvelope, asked: Range) -> tuple[datetime, datetime]:
    zone = Zone(default=app.settings.timezone, naive=app.settings.naive)
    start, end = aware(asked.start, zone, "start"), aware(asked.end, zone, "end")
    if envelope.at is not None:
        raise InvalidTrigger("start", start, "a one-off has no past to run; trigger it, or schedule it anew")
    if end <= start:
        raise InvalidTrigger("end", end, f"must be later than start={start.isoformat()}")
    left = app.now()
    if envelope.state is ScheduleState.ACTIVE and envelope.next_nominal is not None:
        left = min(left, envelope.next_nominal)
    return start, max(min(end, left), start)


def _anew(app: Nuvom, envelope: ScheduleEnvelope, answer: Requested) -> ScheduleEnvelope:
    """Return a schedule as it is now, because it was changed since it was read; raises ScheduleEnded."""
    stored = stored_in(app.backend, envelope.id)
    if stored is None or (answer.refusal and answer.refusal.reason == "gone"):
        raise ScheduleEnded(envelope.name or envelope.id, ScheduleState.CANCELLED)
    return stored


def _chunks(nominals: Iterator[datetime]) -> Iterator[list[datetime]]:
    while chunk := list(islice(nominals, _CHUNK)):
        yield chunk

"""Jobs, workers, outcomes, schedules and plans as tests need them: valid, and different only in what a test says."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from nuvom._clock import to_us
from nuvom._ids import new_id, occurrence_job_id
from nuvom._job import ClaimedJob, Job, JobError, NewJob, Outcome, Verdict
from nuvom._schedule import Occurrence, OccurrenceOutcome, ScheduleEnvelope, ScheduleType
from nuvom.stores.base import Store
from nuvom.stores.values import Claim, JobFilter, Order, PlanItem, ScheduleFilter, WorkerInfo
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.harness import START

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

BOOM = JobError("error", "ValueError", "boom", "Traceback …")
NO_ID = "00000000-0000-7000-8000-000000000000"


def fresh_id() -> str:
    """Return an id that nothing has."""
    return new_id(START)


def a_job(**said: Any) -> NewJob:
    """Return a job to push; `said` are fields of NewJob."""
    return NewJob(id=fresh_id(), task="tasks.send", arguments=b"[[],{}]")._replace(**said)


def pushed(store: Store, **said: Any) -> str:
    """Push one job and return its id."""
    job = a_job(**said)
    store.jobs.push([job])
    return job.id


def a_worker(store: Store, worker_id: str | None = None, **said: Any) -> str:
    """Register a worker and return its id."""
    info = WorkerInfo(id=worker_id or os.urandom(8).hex(), kind="worker", host="host", pid=1, version="0")
    store.workers.register(replace(info, **said))
    return info.id


def claimed(store: Store, worker: str, limit: int = 100, **said: Any) -> list[ClaimedJob]:
    """Claim for a worker; `said` are fields of Claim."""
    return store.jobs.claim(Claim(worker, limit, **said))


def running(store: Store, worker: str | None = None, **said: Any) -> ClaimedJob:
    """Push one job, have it claimed by a worker, and return it as claimed."""
    job_id = pushed(store, **said)
    taken = claimed(store, worker or a_worker(store))
    return next(job for job in taken if job.id == job_id)


def the(store: Store, job_id: str) -> Job:
    """Return a job that must be there."""
    job = store.jobs.get(job_id)
    assert job is not None
    return job


def ids(jobs: Sequence[Job | ClaimedJob | NewJob | ScheduleEnvelope]) -> list[str]:
    """Return the ids, in order."""
    return [job.id for job in jobs]


def all_jobs(store: Store) -> list[Job]:
    """Return every job, newest first."""
    return store.jobs.list(JobFilter(), 10_000)


def all_schedules(store: Store) -> list[ScheduleEnvelope]:
    """Return every schedule, newest first."""
    return store.schedules.list(ScheduleFilter(), 10_000)


def succeeded(job: ClaimedJob, value: bytes | None = b"1") -> Outcome:
    """Return the outcome of a job that returned."""
    return Outcome(job, Verdict.SUCCEEDED, value=value)


def failed(job: ClaimedJob, error: JobError = BOOM, retries: int = 0) -> Outcome:
    """Return the outcome of a job that failed for good."""
    return Outcome(job, Verdict.FAILED, error=error, retries=retries)


def retried(job: ClaimedJob, run_at: datetime, retries: int = 3) -> Outcome:
    """Return the outcome of a job that raised and is to be tried again."""
    return Outcome(job, Verdict.RETRY, error=BOOM, run_at=run_at, retries=retries)


def deferred(job: ClaimedJob, run_at: datetime) -> Outcome:
    """Return the outcome of a job that asked for a later time."""
    return Outcome(job, Verdict.DEFER, run_at=run_at)


def put_back(job: ClaimedJob) -> Outcome:
    """Return the outcome of a job that was not started."""
    return Outcome(job, Verdict.PUT_BACK)


def lose(store: Store, clock: VirtualClock, lease: float) -> int:
    """Let every lease run out and rescue; returns how many jobs were freed."""
    clock.advance(lease + 1)
    return store.workers.rescue()


def lose_alone(store: Store, clock: VirtualClock, lease: float) -> ClaimedJob:
    """Have the ready suspect claimed alone and lost; returns it as it was claimed."""
    [suspect] = claimed(store, a_worker(store), order=Order.SUSPECT)
    assert lose(store, clock, lease) == 1
    return suspect


def one_off(at: datetime, **said: Any) -> ScheduleEnvelope:
    """Return a schedule that runs once."""
    envelope = ScheduleEnvelope(
        id=fresh_id(), task="tasks.send", schedule_type=ScheduleType.ONE_OFF, at=at, next_nominal=at, next_run=at
    )
    return replace(envelope, **said)


def every(seconds: float, first: datetime, **said: Any) -> ScheduleEnvelope:
    """Return an interval whose first run is at `first`."""
    envelope = ScheduleEnvelope(
        id=fresh_id(),
        task="tasks.send",
        schedule_type=ScheduleType.INTERVAL,
        interval=seconds,
        anchor=first - timedelta(seconds=seconds),
        next_nominal=first,
        next_run=first,
    )
    return replace(envelope, **said)


def daily(first: datetime, **said: Any) -> ScheduleEnvelope:
    """Return a cron schedule whose first run is at `first`."""
    envelope = ScheduleEnvelope(
        id=fresh_id(),
        task="tasks.send",
        schedule_type=ScheduleType.CRON,
        cron=f"{first.minute} {first.hour} * * *",
        next_nominal=first,
        next_run=first,
    )
    return replace(envelope, **said)


def stored(store: Store, envelope: ScheduleEnvelope) -> ScheduleEnvelope:
    """Upsert a schedule and return it as it is kept."""
    return store.schedules.upsert(envelope).envelope


def dispatched(envelope: ScheduleEnvelope, nominal: datetime, **said: Any) -> Occurrence:
    """Return the ledger row of an occurrence that became a job."""
    row = Occurrence(
        schedule_id=envelope.id,
        nominal=nominal,
        outcome=OccurrenceOutcome.DISPATCHED,
        job_id=occurrence_job_id(envelope.id, to_us(nominal)),
        lateness=timedelta(0),
    )
    return row._replace(**said)


def missed(envelope: ScheduleEnvelope, nominal: datetime, **said: Any) -> Occurrence:
    """Return the ledger row of an occurrence that was dropped."""
    row = Occurrence(
        schedule_id=envelope.id, nominal=nominal, outcome=OccurrenceOutcome.MISSED, reason="10 minutes late, grace is 1"
    )
    return row._replace(**said)


def job_of(envelope: ScheduleEnvelope, row: Occurrence) -> NewJob:
    """Return the job of a dispatched occurrence."""
    assert row.job_id is not None
    return NewJob(
        id=row.job_id,
        task=envelope.task,
        arguments=envelope.arguments,
        defaults=envelope.defaults,
        schedule_id=envelope.id,
        schedule_name=envelope.name,
        scheduled_for=row.nominal,
    )


def planned(envelope: ScheduleEnvelope, next_run: datetime | None, *rows: Occurrence) -> PlanItem:
    """Return the plan that records `rows`, by default the due occurrence as dispatched, and moves on to `next_run`."""
    assert envelope.next_nominal is not None
    recorded = rows or (dispatched(envelope, envelope.next_nominal),)
    jobs = tuple(job_of(envelope, row) for row in recorded if row.outcome is OccurrenceOutcome.DISPATCHED)
    return PlanItem(envelope=envelope, occurrences=recorded, jobs=jobs, next_nominal=next_run, next_run=next_run)


def ledger(store: Store, schedule_id: str) -> list[Occurrence]:
    """Return a schedule's rows, newest nominal first."""
    return store.ledger.occurrences(schedule_id, 10_000)

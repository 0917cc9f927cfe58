"""What must hold in a store on Redis whatever happened: its keys tell one story, an occurrence has one job and row.

The keys are read without the store's scripts; what is told of schedules and their runs is read as a caller does.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing

from nuvom._clock import to_us
from nuvom._schedule import OccurrenceOutcome, ScheduleEnvelope
from nuvom.stores.base import Store
from nuvom.stores.registry import open_store
from nuvom.stores.values import ScheduleFilter
from tests.stores.redis import consistency
from tests.stores.redis.consistency import OPEN, Fields

MANY = 100_000


def check(url: str) -> None:
    """Fail with each rule that the store breaks."""
    found = violations(url)
    assert found == [], "\n".join(found[:20])


def violations(url: str) -> list[str]:
    """Return a line for each thing that breaks a rule."""
    jobs = consistency.read(url).named("job")
    found = [line for job_id, job in jobs.items() for line in _of_job(job_id, job)]
    try:
        consistency.check(url)
    except AssertionError as error:
        found.append(str(error))
    with closing(open_store(url)) as store:
        for envelope in store.schedules.list(ScheduleFilter(), MANY):
            found += _of_schedule(store, envelope, jobs)
    return found


def settled(url: str) -> bool:
    """Tell whether every job is final and no schedule is due."""
    with closing(open_store(url)) as store:
        is_open = any(count for status, count in store.jobs.counts().items() if status in ("queued", "running"))
        due_in = store.schedules.next_due()
    return not is_open and (due_in is None or due_in > 0)


def _of_job(job_id: str, job: Fields) -> Iterator[str]:
    state = job["state"]
    if state not in OPEN and "finished_at" not in job:
        yield f"{job_id} is {state} and did not end"
    if int(job.get("crashes", 0)) > int(job["max_crashes"]):
        yield f"{job_id} crashed {job['crashes']} times"
    if state == "failed" and "error" not in job:
        yield f"{job_id} failed without an error"
    value = job.get("value") if "has_large" not in job else None
    told = json.loads(value) if value else None
    if (
        state == "succeeded"
        and isinstance(told, dict)
        and told.get("attempt", int(job["attempt"])) != int(job["attempt"])
    ):
        yield f"{job_id} has the outcome of attempt {told['attempt']}, and is at {job['attempt']}"
    if "started_at" in job and state in ("running", "succeeded") and int(job["started_at"]) < int(job["run_at"]):
        yield f"{job_id} started before its time"


def _of_schedule(store: Store, envelope: ScheduleEnvelope, jobs: dict[str, Fields]) -> Iterator[str]:
    rows = store.ledger.occurrences(envelope.id, MANY)
    ran = [row for row in rows if row.outcome is OccurrenceOutcome.DISPATCHED]
    for row in ran:
        if row.job_status is None and row.job_id not in jobs:
            yield f"{envelope.id} at {row.nominal} was dispatched and has no job"
        if row.recorded_at is not None and row.recorded_at < row.nominal and not row.source:
            yield f"{envelope.id} at {row.nominal} was dispatched before its time"
    doubled = [job_id for job_id, number in Counter(row.job_id for row in ran).items() if number > 1]
    if doubled:
        yield f"{envelope.id} has one job for two occurrences: {doubled}"
    known = {row.job_id for row in ran}
    for job_id, job in jobs.items():
        if job.get("schedule") == envelope.id and job_id not in known:
            yield f"{job_id} of {envelope.id} has no row"
    if envelope.interval and envelope.next_run and all(row.count == 1 for row in rows):
        yield from _gaps(envelope, sorted(to_us(row.nominal) for row in rows if not row.source))


def _gaps(envelope: ScheduleEnvelope, found: list[int]) -> Iterator[str]:
    """Compare the rows of an interval with its grid, from the first to the last before its next run."""
    if not found or envelope.next_nominal is None or envelope.interval is None:
        return
    step = round(envelope.interval * 1_000_000)
    if found != list(range(found[0], to_us(envelope.next_nominal), step)):
        due = (to_us(envelope.next_nominal) - found[0]) // step
        yield f"{envelope.id}: {len(found)} rows on {due} due times"

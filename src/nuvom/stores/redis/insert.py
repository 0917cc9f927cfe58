"""Jobs on their way in: what a script is told of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from nuvom._clock import to_us
from nuvom._job import NewJob, Pushed
from nuvom.stores.redis.bodies import write_body
from nuvom.stores.redis.database import Database


def as_json(jobs: Iterable[NewJob]) -> bytes:
    """Return jobs as `Insert.all` of insert.lua takes them: fields that say nothing are left out."""
    return orjson.dumps([told(job) for job in jobs])


def told(job: NewJob) -> dict[str, Any]:
    """Return what a script is told of a job."""
    run_at = None if job.run_at is None else to_us(job.run_at)
    fields: dict[str, Any] = {
        "id": job.id,
        "task": job.task,
        "body": write_body(job),
        "defaults": job.defaults.said(),
        "queue": job.queue,
        "priority": job.priority,
        "max_crashes": job.max_crashes,
        "run_at": run_at,
        "key": job.key,
        "schedule": job.schedule_id,
        "scheduled_for": None if job.scheduled_for is None else to_us(job.scheduled_for),
        "expires_at": None if job.expires_at is None else to_us(job.expires_at),
        "expires_in": job.expires_in,
        "kin": job.kin,
        "unique_while": job.unique,
        "waits": job.waits or None,
        "backfill": 1 if job.backfill else None,
        "ousts": job.ousts or None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def push(database: Database, jobs: Sequence[NewJob]) -> list[Pushed]:
    """Store jobs, all or none; see `JobStore.push`."""
    if not jobs:
        return []
    answer = database.write("push", as_json(jobs))
    return [Pushed(stands.decode() or job.id, stands == b"") for job, stands in zip(jobs, answer, strict=True)]

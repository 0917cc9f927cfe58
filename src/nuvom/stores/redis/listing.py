"""Jobs to be looked at: one by its id, or pages of those that fit, the newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nuvom._ids import is_uuid
from nuvom._job import Attempt, Job
from nuvom.stores.redis.bodies import read_job
from nuvom.stores.redis.database import Database
from nuvom.stores.values import JobFilter


def get(database: Database, job_id: str) -> Job | None:
    """Return a job, None for an id that is not (or no longer) there."""
    if not is_uuid(job_id):
        return None
    answer = database.read("get_job", job_id.lower())
    return _read(job_id.lower(), answer) if answer else None


def attempts(database: Database, job_id: str) -> list[Attempt]:
    """Return the attempts that ended without success, oldest first."""
    raise NotImplementedError


def jobs(database: Database, wanted: JobFilter, limit: int, before: str | None) -> list[Job]:
    """Return jobs, newest first; see `JobStore.list`."""
    raise NotImplementedError


def _read(job_id: str, answer: Sequence[Any]) -> Job:
    flat, body, large = answer
    fields = dict(zip(flat[::2], flat[1::2], strict=True)) | dict(zip(large[::2], large[1::2], strict=True))
    return read_job(job_id, fields, body)

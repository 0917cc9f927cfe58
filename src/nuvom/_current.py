"""What a task sees of the job it runs in."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar, Token
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final, Literal, TypeVar, overload

import orjson

from nuvom._job import ClaimedJob
from nuvom._retry import option
from nuvom.errors import NotInJob

D = TypeVar("D")


class _Missing(Enum):
    MISSING = "MISSING"


_MISSING: Final = _Missing.MISSING


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentJob:
    """The job that the calling code runs in."""

    id: str
    task: str
    queue: str
    attempt: int  # counts starts, from 1
    is_last_attempt: bool  # an error now ends the job
    schedule_id: str | None
    schedule_name: str | None
    scheduled_for: datetime | None  # the nominal time of its occurrence
    lateness: timedelta | None  # from there to its start
    metadata: Mapping[str, Any]


# The claimed job and its task's retries; the view is made only for a task that asks.
_running: ContextVar[tuple[ClaimedJob, int]] = ContextVar("nuvom_running_job")

enter = _running.set


def leave(token: Token[tuple[ClaimedJob, int]]) -> None:
    """Undo `enter`."""
    _running.reset(token)


@overload
def current_job() -> CurrentJob: ...
@overload
def current_job(default: D) -> CurrentJob | D: ...
def current_job(default: D | Literal[_Missing.MISSING] = _MISSING) -> CurrentJob | D:
    """Return the job that the calling code runs in.

    It is found in the task's own thread or coroutine, and in what that awaits; not in threads that the task starts.

    Args:
        default: what to return outside a job.

    Raises:
        NotInJob: outside a job, where no default was given.
    """
    try:
        job, retries = _running.get()
    except LookupError:
        if default is _MISSING:
            raise NotInJob from None
        return default
    return _view(job, retries)


def _view(job: ClaimedJob, retries: int) -> CurrentJob:
    return CurrentJob(
        id=job.id,
        task=job.task,
        queue=job.queue,
        attempt=job.attempt,
        is_last_attempt=job.errors >= option(job.options, "retries", retries),
        schedule_id=job.schedule_id,
        schedule_name=job.schedule_name,
        scheduled_for=job.scheduled_for,
        lateness=None if job.scheduled_for is None else job.started_at - job.scheduled_for,
        metadata={} if job.metadata is None else orjson.loads(job.metadata),
    )

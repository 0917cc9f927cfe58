"""What a task sees of the job it runs in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextvars import Context, ContextVar, Token
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Final, Literal, Protocol, TypeVar, overload

import orjson

from nuvom._job import ClaimedJob, Progress
from nuvom._retry import option
from nuvom.errors import JobCancelled, JobTimedOut, NotInJob

D = TypeVar("D")

_NOTE = 1_000  # characters


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
    context: Mapping[str, Any]  # what hooks put into it where the job was pushed
    state: Any  # what the app's lifespan yielded in this process, None without one
    _running: Running = field(repr=False, compare=False)

    @property
    def cancel_requested(self) -> bool:
        """Whether somebody asked this job to stop."""
        return self._running.stop is JobCancelled

    def check(self) -> None:
        """Raise JobCancelled or JobTimedOut if this job was asked to stop; cheap enough for loops."""
        if self._running.stop is not None:
            raise self._running.stop

    def report(self, done: float, total: float | None = None, note: str | None = None) -> None:
        """Say how far this job is; it is stored within a second, and the last report is what counts.

        Args:
            done: how much is done, in any unit.
            total: how much there is, None where nobody knows.
            note: what it is at, for people; at most 1,000 characters of it are kept.

        Raises:
            TypeError, ValueError: a number is none, or not finite.
        """
        self._running.reports[self._running] = progress(done, total, note)


class Surroundings(Protocol):
    """What the jobs of a process share."""

    @property
    def state(self) -> Any:
        """What the app's lifespan yielded."""
        ...


class Running:
    """A job that runs in this process: what its task says of it, and what others ask of it."""

    __slots__ = ("home", "job", "life", "marked", "reached", "reports", "retries", "stop")

    def __init__(
        self,
        job: ClaimedJob,
        retries: int,
        home: object,
        reports: dict[Running, Progress],
        life: Surroundings | None = None,
    ) -> None:
        self.job: ClaimedJob = job
        self.retries: int = retries  # of its task
        self.home: object = home  # what can be stopped: the number of its thread, or its asyncio.Task
        self.reports: dict[Running, Progress] = reports
        self.life: Surroundings | None = life
        self.stop: type[JobCancelled | JobTimedOut] | None = None  # the first reason stands
        self.marked: bool = False  # somebody may stop it, or has
        self.reached: bool = False  # the stop has arrived in its thread or coroutine


# The view is made only for a task that asks.
_running: ContextVar[Running] = ContextVar("nuvom_running_job")

enter = _running.set


def running(context: Context | None = None) -> Running | None:
    """Return what runs in a context, by default that of the calling code."""
    return _running.get(None) if context is None else context.get(_running)


def leave(token: Token[Running]) -> None:
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
    found = running()
    if found is not None:
        return _view(found)
    if default is _MISSING:
        raise NotInJob
    return default


def progress(done: float, total: float | None, note: str | None) -> Progress:
    """Return a report with the time of now; raises TypeError or ValueError naming what cannot be one."""
    numbers: tuple[tuple[str, object], ...] = (("done", done), ("total", total))
    for name, value in numbers:
        if isinstance(value, bool) or not isinstance(value, int | float | None) or (value is None and name == "done"):
            raise TypeError(f"{name}={value!r} must be a number")
        if value is not None and not math.isfinite(value):
            raise ValueError(f"{name}={value!r} must be finite")
    if note is not None and not isinstance(note, str):
        raise TypeError(f"note={note!r} must be text")
    return Progress(done, total, note and note[:_NOTE], datetime.now(UTC))


def _view(running: Running) -> CurrentJob:
    job = running.job
    return CurrentJob(
        id=job.id,
        task=job.task,
        queue=job.queue,
        attempt=job.attempt,
        is_last_attempt=job.errors >= option(job.options, "retries", running.retries),
        schedule_id=job.schedule_id,
        schedule_name=job.schedule_name,
        scheduled_for=job.scheduled_for,
        lateness=None if job.scheduled_for is None else job.started_at - job.scheduled_for,
        metadata={} if job.metadata is None else orjson.loads(job.metadata),
        context={} if job.context is None else orjson.loads(job.context),
        state=None if running.life is None else running.life.state,
        _running=running,
    )

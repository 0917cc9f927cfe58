"""One job: decode its arguments, call its task, say how it ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from threading import get_ident
from typing import Any, NamedTuple, Protocol, Self

from nuvom import _current
from nuvom._crashpoint import reached
from nuvom._current import Running
from nuvom._hooks import NO_HOOKS, Hooks
from nuvom._job import ClaimedJob, JobError, OnFailure, Outcome, Verdict
from nuvom._retry import Retry, RetryLater, option
from nuvom.errors import JobTimedOut
from nuvom.worker.error_text import describe
from nuvom.worker.hooked import around, watched
from nuvom.worker.lifespan import Life
from nuvom.worker.stopping import Fate, Stops, is_cancelled, reason as reason_of

log: logging.Logger = logging.getLogger("nuvom.worker")

# What most jobs need is made at half the cost: before Python 3.12 a member of an enum is looked up by Python code.
_SUCCEEDED = Verdict.SUCCEEDED
_new = tuple.__new__
_NO_VALUE: Any = object()


class Runnable(Protocol):
    """What a worker needs of a task."""

    @property
    def is_async(self) -> bool:
        """Whether calling it gives an awaitable."""
        ...

    @property
    def retry(self) -> Retry:
        """What becomes of a job after an error, as far as its call said nothing."""
        ...

    @property
    def store_result(self) -> bool:
        """Whether what it returns is kept."""
        ...

    @property
    def on_failure(self) -> OnFailure | None:
        """The user's function that is called when a job ended `failed`."""
        ...

    @property
    def timeout(self) -> float | None:
        """How many seconds an attempt may take where its call said nothing."""
        ...

    @property
    def function(self) -> Callable[..., Any]:
        """The user's function."""
        ...

    def decode(self, arguments: bytes) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """Return args and kwargs; raises TypeError where they no longer fit the function."""
        ...

    def encode_result(self, value: Any) -> bytes:
        """Return a value as JSON; raises where JSON cannot carry it."""
        ...


@dataclass(frozen=True, slots=True)
class Prepared:
    """A task read once: what runs its jobs then costs no look-up a job."""

    function: Callable[..., Any]
    decode: Callable[[bytes], tuple[Sequence[Any], Mapping[str, Any]]]
    encode_result: Callable[[Any], bytes]
    is_async: bool
    retry: Retry
    store_result: bool
    timeout: float | None
    on_failure: OnFailure | None

    @classmethod
    def of(cls, task: Runnable) -> Self:
        """Read a task."""
        return cls(
            task.function,
            task.decode,
            task.encode_result,
            task.is_async,
            task.retry,
            task.store_result,
            task.timeout,
            task.on_failure,
        )


class World(NamedTuple):
    """What an attempt takes from outside: time, chance from 0 to 1, what its process set up, who stops it, hooks."""

    now: Callable[[], datetime]
    random: Callable[[], float]
    life: Life | None = None
    stops: Stops = Stops()  # its thread starts with the first job that has a timeout
    hooks: Hooks = NO_HOOKS


def execute(job: ClaimedJob, task: Prepared, world: World) -> Outcome:
    """Run a job of a plain function in this thread; whatever the task does, an outcome is returned."""
    if not world.hooks.watching:
        return _attempt(job, task, world)
    with watched(world.hooks, Running(job, task.retry.max, None, {}, world.life)) as tell:
        return tell(_attempt(job, _hooked(task, world.hooks), world))


async def execute_async(job: ClaimedJob, task: Prepared, world: World) -> Outcome:
    """Run a job of a coroutine function in this event loop; whatever the task does, an outcome is returned."""
    if not world.hooks.watching:
        return await _attempt_async(job, task, world)
    with watched(world.hooks, Running(job, task.retry.max, None, {}, world.life)) as tell:
        return tell(await _attempt_async(job, _hooked(task, world.hooks), world))


def _hooked(task: Prepared, hooks: Hooks) -> Prepared:
    return replace(task, function=around(hooks, task.function, is_async=task.is_async))


def _attempt(job: ClaimedJob, task: Prepared, world: World) -> Outcome:
    try:
        args, kwargs = task.decode(job.arguments)
    except BaseException as error:  # noqa: BLE001 - validators are the user's code: they may raise anything
        return _misfit(job, error)
    stops, value = world.stops, _NO_VALUE
    failure: BaseException | None = None
    running = Running(job, task.retry.max, get_ident(), stops.reports, world.life)
    token = _current.enter(running)
    try:
        _limited(running, task, world)
        try:
            stops.alive.add(running)
            reached("worker.before_call")
            value = task.function(*args, **kwargs)
            reached("worker.after_call")
        except BaseException as raised:  # noqa: BLE001 - SystemExit too costs this job an error and nobody else anything
            failure = raised
        stops.end(running)
    except BaseException as late:  # noqa: BLE001 - a stop that arrived while the attempt ended: the only one
        stops.end(running)
        failure = late if failure is None else failure
    _current.leave(token)
    try:
        if failure is not None and value is _NO_VALUE:
            return _failed(running, task, failure, world)
    finally:
        del failure  # which holds this frame
    return _succeeded(job, task, value)  # whatever was to stop it: it has returned


async def _attempt_async(job: ClaimedJob, task: Prepared, world: World) -> Outcome:
    try:
        args, kwargs = task.decode(job.arguments)
    except BaseException as error:  # noqa: BLE001 - as in execute
        return _misfit(job, error)
    stops = world.stops
    running = Running(job, task.retry.max, asyncio.current_task(), stops.reports, world.life)
    token = _current.enter(running)
    try:
        _limited(running, task, world)
        stops.alive.add(running)
        reached("worker.before_call")
        value = await task.function(*args, **kwargs)
        reached("worker.after_call")
    except BaseException as error:  # noqa: BLE001 - as in execute
        return _failed(running, task, error, world)
    finally:
        stops.end(running)
        _current.leave(token)
    return _succeeded(job, task, value)


def _limited(running: Running, task: Prepared, world: World) -> None:
    """Let an attempt be stopped if it has a limit, and say before it begins what becomes of it then."""
    limit = _limit(running.job, task)
    if limit is not None:
        run_at, retries = _next_try(running.job, task, JobTimedOut(), world)
        again = None if run_at is None or not running.job.max_crashes else (run_at - world.now()).total_seconds()
        verdict = Verdict.FAILED if again is None else Verdict.RETRY
        world.stops.limit(running, limit, Fate(verdict, again, retries, limit))


def _limit(job: ClaimedJob, task: Prepared) -> float | None:
    return task.timeout if job.options is None else option(job.options, "timeout", task.timeout)


def _next_try(job: ClaimedJob, task: Prepared, error: BaseException, world: World) -> tuple[datetime | None, int]:
    """Return when an error is followed by another try, None where it ends the job; and how many are allowed."""
    retries = option(job.options, "retries", task.retry.max)
    if job.errors >= retries or not _tries_again(job, task.retry, error):
        return None, retries
    return world.now() + task.retry.delay(job.errors, world.random()), retries


def _succeeded(job: ClaimedJob, task: Prepared, value: Any) -> Outcome:
    try:
        encoded = task.encode_result(value) if _keeps_result(job, task) else None
    except BaseException as error:  # noqa: BLE001 - a value's own methods may raise anything; the job has succeeded
        reason = describe(error, "result")
        log.warning("job %s of task %r succeeded, its value was dropped: %s", job.id, job.task, reason.message)
        return Outcome(job, Verdict.SUCCEEDED, None, reason)
    return _new(Outcome, (job, _SUCCEEDED, encoded, None, None, 0))


def _keeps_result(job: ClaimedJob, task: Prepared) -> bool:
    return task.store_result if job.options is None else option(job.options, "store_result", task.store_result)


def _misfit(job: ClaimedJob, error: BaseException) -> Outcome:
    reason = describe(error, "arguments")
    log.error("job %s of task %r failed: its arguments no longer fit: %s", job.id, job.task, reason.message)
    return Outcome(job, Verdict.FAILED, None, reason)


def _failed(running: Running, task: Prepared, error: BaseException, world: World) -> Outcome:
    """Say what an exception means: a later run that was asked for, another try, or the end."""
    job = running.job
    if isinstance(error, RetryLater):
        retries = option(job.options, "retries", task.retry.max)
        return _deferred(job, error, task.retry.max_defers, retries, world.now())
    reason = reason_of(running, error, _limit(job, task))
    if is_cancelled(running, error):
        log.info("job %s of task %r was asked to stop, and did", job.id, job.task)
        return Outcome(job, Verdict.CANCELLED, None, reason)
    met = JobTimedOut() if reason.kind == "timeout" else error  # a coroutine is cancelled when its time is up
    run_at, retries = _next_try(job, task, met, world)
    if run_at is None:
        log.error(
            "job %s of task %r failed: %s: %s\n%s", job.id, job.task, reason.type, reason.message, reason.traceback
        )
        return Outcome(job, Verdict.FAILED, None, reason, None, retries)
    log.warning(
        "job %s of task %r raised %s: %s; try %d of %d follows at %s",
        job.id,
        job.task,
        reason.type,
        reason.message,
        job.errors + 1,
        retries,
        run_at.isoformat(timespec="seconds"),
    )
    return Outcome(job, Verdict.RETRY, None, reason, run_at, retries)


def _tries_again(job: ClaimedJob, retry: Retry, error: BaseException) -> bool:
    try:
        return retry.tries_again(error)
    except BaseException:
        log.exception("job %s of task %r is not tried again: a function of its Retry raised", job.id, job.task)
        return False


def _deferred(job: ClaimedJob, error: RetryLater, most: int, retries: int, now: datetime) -> Outcome:
    if job.defers < most:
        return Outcome(job, Verdict.DEFER, None, None, now + error.in_, retries)
    message = f"asked for a later run {job.defers + 1} times; a job of its task may do that {most} times"
    log.error("job %s of task %r failed: %s", job.id, job.task, message)
    return Outcome(job, Verdict.FAILED, None, JobError("error", "nuvom.RetryLater", message), None, retries)

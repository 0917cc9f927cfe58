"""A task with its arguments, to be delayed or scheduled: what is checked and stored of one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, overload

from nuvom import _options
from nuvom._async import in_thread
from nuvom._duration import Duration
from nuvom._ids import new_ids
from nuvom._job import NewJob
from nuvom._schedule import CatchUp, Overlap, ScheduleEnvelope
from nuvom._times import Times

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    from nuvom._handle import JobHandle
    from nuvom._task import Task

    R_co = TypeVar("R_co", covariant=True, default=Any)
else:
    from typing import TypeVar

    R_co = TypeVar("R_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Call(Generic[R_co]):
    """A task with its arguments, to be delayed or scheduled."""

    task: Task[Any, R_co, Any]
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def options(
        self,
        *,
        id: str | None = None,  # noqa: A002  the name that users know
        name: str | None = None,
        queue: str | None = None,
        priority: int | None = None,
        retries: int | None = None,
        max_crashes: int | None = None,
        store_result: bool | None = None,
        timeout: Duration | None = None,
        catch_up: CatchUp | str | None = None,
        grace: Duration | None = None,
        overlap: Overlap | str | None = None,
        jitter: Duration | None = None,
        starts_at: datetime | None = None,
        ends_at: datetime | None = None,
        max_runs: int | None = None,
        unique: Duration | None = None,
        expires_in: Duration | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Call[R_co]:
        """Return this call with options, as `Task.options` gives them."""
        task = self.task.options(
            id=id,
            name=name,
            queue=queue,
            priority=priority,
            retries=retries,
            max_crashes=max_crashes,
            store_result=store_result,
            timeout=timeout,
            catch_up=catch_up,
            grace=grace,
            overlap=overlap,
            jitter=jitter,
            starts_at=starts_at,
            ends_at=ends_at,
            max_runs=max_runs,
            unique=unique,
            expires_in=expires_in,
            metadata=metadata,
        )
        return replace(self, task=task)

    def delay(self) -> JobHandle[R_co]:
        """Push a job of this call; raises as `Task.delay` does."""
        app = self.task._app  # noqa: SLF001  a call is its task's own half
        [pushed] = app.push([self.new_job()])
        return app.handle(pushed.id, self.task.codec.decode_result, existing=not pushed.new)

    async def adelay(self) -> JobHandle[R_co]:
        """Do what `delay` does without blocking the event loop."""
        return await in_thread(self.delay)

    @overload
    def schedule(self, *, at: datetime) -> ScheduleEnvelope: ...

    @overload
    def schedule(self, *, in_: Duration) -> ScheduleEnvelope: ...

    @overload
    def schedule(self, *, interval: Duration) -> ScheduleEnvelope: ...

    @overload
    def schedule(self, *, cron: str, timezone_name: str | None = "UTC") -> ScheduleEnvelope: ...

    def schedule(
        self,
        *,
        at: datetime | None = None,
        in_: Duration | None = None,
        interval: Duration | None = None,
        cron: str | None = None,
        timezone_name: str | None = "UTC",
    ) -> ScheduleEnvelope:
        """Store a schedule of this call; arguments and errors are those of `Task.schedule`."""
        times = Times(at=at, in_=in_, interval=interval, cron=cron, timezone_name=timezone_name)
        return self.task._app.put(self, times)  # noqa: SLF001

    @overload
    async def aschedule(self, *, at: datetime) -> ScheduleEnvelope: ...

    @overload
    async def aschedule(self, *, in_: Duration) -> ScheduleEnvelope: ...

    @overload
    async def aschedule(self, *, interval: Duration) -> ScheduleEnvelope: ...

    @overload
    async def aschedule(self, *, cron: str, timezone_name: str | None = "UTC") -> ScheduleEnvelope: ...

    async def aschedule(
        self,
        *,
        at: datetime | None = None,
        in_: Duration | None = None,
        interval: Duration | None = None,
        cron: str | None = None,
        timezone_name: str | None = "UTC",
    ) -> ScheduleEnvelope:
        """Do what `schedule` does without blocking the event loop."""
        times = Times(at=at, in_=in_, interval=interval, cron=cron, timezone_name=timezone_name)
        return await in_thread(self.task._app.put, self, times)  # noqa: SLF001

    def arguments(self) -> bytes:
        """Return the call's arguments as JSON; raises ArgumentsError or PayloadTooLarge."""
        return self.task.encode(self.args, self.kwargs)

    def kin(self) -> str | None:
        """Return the value of the task's key for this call, None where it has none; raises ArgumentsError."""
        return self.task.kin(self.args, self.kwargs)

    def new_job(self) -> NewJob:
        """Return the job that `delay` pushes."""
        [job_id] = new_ids(self.task._app.now(), 1)  # noqa: SLF001
        return self.task.draft.job(job_id, self.args, self.kwargs)


class Draft:
    """What the jobs of a task with the same options have in common, because a map makes thousands of them.

    Raises:
        TypeError: an option was said that no job has.
    """

    __slots__ = ("_defaults", "_encode", "_id", "_kin", "_metadata", "_name", "_options", "_said")

    def __init__(self, task: Task[Any, Any, Any]) -> None:
        said = task.said
        said.refuse(_options.OF_SCHEDULES, ".delay()", "it belongs to .schedule(...)")
        self._id, metadata = said.job_id()
        self._metadata = _options.metadata_json(metadata)
        self._options = said.execution()
        self._said = said
        self._name = task.name
        self._defaults = task.definition.defaults
        self._encode = task.encode
        self._kin = None if task.definition.key is None else task.kin

    def job(self, job_id: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> NewJob:
        """Return the job of one call; `job_id` is used where the options say none."""
        return NewJob(
            id=self._id or job_id,
            task=self._name,
            arguments=self._encode(args, kwargs),
            defaults=self._defaults,
            queue=self._said.queue,
            priority=self._said.priority,
            max_crashes=self._said.max_crashes,
            options=self._options,
            metadata=self._metadata,
            kin=self._kin and self._kin(args, kwargs),
            unique=self._said.unique,
            expires_in=self._said.expires_in,
        )

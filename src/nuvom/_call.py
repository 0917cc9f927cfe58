"""A task with its arguments, to be delayed or scheduled: what is checked and stored of one call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, overload

from nuvom import _options
from nuvom._async import in_thread
from nuvom._duration import Duration
from nuvom._ids import new_id
from nuvom._job import NewJob
from nuvom._schedule import CatchUp, ScheduleEnvelope
from nuvom._times import Times
from nuvom.errors import PayloadTooLarge

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
        catch_up: CatchUp | str | None = None,
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
            catch_up=catch_up,
            metadata=metadata,
        )
        return replace(self, task=task)

    def delay(self) -> JobHandle[R_co]:
        """Push a job of this call; raises as `Task.delay` does."""
        [job_id] = self.task._app.push([self.new_job()])  # noqa: SLF001  a call is its task's own half
        return self.task._app.handle(job_id, self.task.codec.decode_result)  # noqa: SLF001

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
        encoded = self.task.codec.encode(self.args, self.kwargs)
        limit = self.task._app.max_payload  # noqa: SLF001
        if len(encoded) > limit:
            raise PayloadTooLarge(self.task.name, len(encoded), limit)
        return encoded

    def new_job(self) -> NewJob:
        """Return the job that `delay` pushes."""
        said = self.task.said
        said.refuse(("name", "catch_up"), ".delay()", "it belongs to .schedule(...)")
        job_id, metadata = said.job_id()
        arguments = self.arguments()
        return NewJob(
            id=job_id or new_id(self.task._app.now()),  # noqa: SLF001
            task=self.task.name,
            arguments=arguments,
            defaults=self.task.definition.defaults,
            queue=said.queue,
            priority=said.priority,
            max_crashes=said.max_crashes,
            options=said.execution(),
            metadata=_options.metadata_json(metadata),
        )

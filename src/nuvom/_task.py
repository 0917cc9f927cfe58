"""Tasks and their calls: delay, map, bind, options and schedule, each with a twin for async callers."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, update_wrapper
from typing import TYPE_CHECKING, Any, Generic, Protocol

from nuvom import _keys, _options
from nuvom._arguments import Codec
from nuvom._async import in_thread
from nuvom._call import Call, Draft
from nuvom._duration import Duration
from nuvom._ids import new_ids
from nuvom._job import NewJob, OnFailure, Pushed, TaskDefaults
from nuvom._keys import Key
from nuvom._numbers import whole
from nuvom._options import Options
from nuvom._retry import NO_RETRY, Retry
from nuvom._schedule import CatchUp, Overlap, ScheduleEnvelope
from nuvom._times import NAMES, Times
from nuvom.errors import PayloadTooLarge, shortened
from nuvom.stores.values import TaskRow

if TYPE_CHECKING:
    from typing_extensions import ParamSpec, TypeVar

    from nuvom._declared import Declared
    from nuvom._handle import JobHandle

    P = ParamSpec("P", default=...)
    R = TypeVar("R", default=Any)
    C = TypeVar("C", default=Any)
else:
    from typing import ParamSpec, TypeVar

    P = ParamSpec("P")
    R = TypeVar("R")
    C = TypeVar("C")


_NONE: Mapping[str, Any] = {}  # keyword arguments


class Producer(Protocol):
    """What a task needs of its app."""

    @property
    def declared(self) -> Declared:
        """The schedules that code declares, by name."""
        ...

    def push(self, jobs: Sequence[NewJob]) -> list[Pushed]:
        """Store jobs; returns which job stands for each, and whether it is new."""
        ...

    def now(self) -> datetime:
        """Return the store's clock."""
        ...

    def put(self, call: Call[Any], times: Times) -> ScheduleEnvelope:
        """Store a schedule."""
        ...

    def handle(self, job_id: str, decode: Callable[[bytes], Any], *, existing: bool) -> JobHandle[Any]:
        """Return the handle of a job; `existing`: it was there before."""
        ...

    @property
    def max_payload(self) -> int:
        """The largest arguments, in bytes."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """What the decorator said of a task, read by the code that runs it."""

    retry: Retry = NO_RETRY
    store_result: bool = True
    timeout: float | None = None  # seconds
    defaults: TaskDefaults = TaskDefaults()
    aliases: tuple[str, ...] = ()
    on_failure: OnFailure | None = None
    key: Key | None = None


class Task(Generic[P, R, C]):
    """A function that workers can run; calling it runs it here and now."""

    __name__: str

    def __init__(self, app: Producer, function: Callable[P, C], name: str, definition: Definition) -> None:
        self._app = app
        self.function = function
        self.name = name
        self.definition = definition
        self.codec: Codec = Codec(name, function)
        self.said: Options = Options()
        update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> C:
        """Run the function here and now; nothing is stored."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<Task {self.name}>"

    @property
    def is_async(self) -> bool:
        """Whether the function is a coroutine function."""
        return inspect.iscoroutinefunction(self.function)

    @property
    def aliases(self) -> tuple[str, ...]:
        """Older names under which jobs may still come."""
        return self.definition.aliases

    @property
    def retry(self) -> Retry:
        """What becomes of a job after an error."""
        return self.definition.retry

    @property
    def store_result(self) -> bool:
        """Whether returned values are kept."""
        return self.definition.store_result

    @property
    def timeout(self) -> float | None:
        """How many seconds an attempt may take, None for as long as it takes."""
        return self.definition.timeout

    @property
    def on_failure(self) -> OnFailure | None:
        """What is called when a job of this task ended `failed`."""
        return self.definition.on_failure

    @property
    def max_crashes(self) -> int:
        """How many runs without an outcome are followed by another one."""
        return self.definition.defaults.max_crashes

    @cached_property
    def draft(self) -> Draft:
        """What the jobs of this task with these options have in common; raises TypeError for an option of none."""
        return Draft(self)

    def kin(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str | None:
        """Return the value of the task's key for a call, None where it has none; raises ArgumentsError."""
        key = self.definition.key
        return None if key is None else _keys.kin(self.codec, key, args, kwargs)

    def encode(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bytes:
        """Return a call's arguments as JSON; raises ArgumentsError or PayloadTooLarge."""
        encoded = self.codec.encode(args, kwargs)
        if len(encoded) > self._app.max_payload:
            raise PayloadTooLarge(self.name, len(encoded), self._app.max_payload)
        return encoded

    def decode(self, arguments: bytes) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """Return stored arguments by the function's hints; raises ArgumentsError when they no longer fit."""
        return self.codec.decode(arguments)

    def encode_result(self, value: Any) -> bytes:
        """Return a result's JSON; raises ValueError with the reason where there is none."""
        return self.codec.encode_result(value)

    def bind(self, *args: P.args, **kwargs: P.kwargs) -> Call[R]:
        """Return this call, to be delayed or scheduled; nothing is checked until then."""
        return Call(self, args, kwargs)

    def delay(self, *args: P.args, **kwargs: P.kwargs) -> JobHandle[R]:
        """Push a job that runs this call soon; it is on disk when this returns.

        Raises:
            ArgumentsError: the call does not fit the task (a TypeError).
            PayloadTooLarge: the arguments take more than NUVOM_MAX_PAYLOAD bytes.
            StoreUnavailable: the store is away; with `unknown` set the job may be there: repeat with the same id.
        """
        return self.bind(*args, **kwargs).delay()

    async def adelay(self, *args: P.args, **kwargs: P.kwargs) -> JobHandle[R]:
        """Do what `delay` does without blocking the event loop."""
        return await self.bind(*args, **kwargs).adelay()

    def schedule(
        self,
        *args: Any,
        at: datetime | None = None,
        in_: timedelta | Duration | None = None,
        interval: Duration | None = None,
        cron: str | None = None,
        timezone_name: str | None = "UTC",
        **kwargs: Any,
    ) -> ScheduleEnvelope:
        """Store a schedule of this call; exactly one of `at`, `in_`, `interval`, `cron` must be given.

        Args:
            *args: Arguments of the task.
            at: When to run once; aware, or read as UTC with a warning.
            in_: How long from now to run once.
            interval: Seconds between runs, at least 0.1; the first run comes one interval from now.
            cron: Five fields, or six with seconds first; see crontab(5).
            timezone_name: IANA zone in which `cron` is read; None means the setting NUVOM_TIMEZONE.
            **kwargs: Keyword arguments of the task.

        Returns:
            The envelope as it is stored, its next run set.

        Raises:
            ValueError: the times cannot be used; the message names field, value and remedy.
            TypeError: the arguments do not fit the task, or an option does not fit the schedule.
        """
        self._refuse_shadowed()
        times = Times(at=at, in_=in_, interval=interval, cron=cron, timezone_name=timezone_name)
        return self._app.put(Call(self, args, kwargs), times)

    async def aschedule(
        self,
        *args: Any,
        at: datetime | None = None,
        in_: timedelta | Duration | None = None,
        interval: Duration | None = None,
        cron: str | None = None,
        timezone_name: str | None = "UTC",
        **kwargs: Any,
    ) -> ScheduleEnvelope:
        """Do what `schedule` does without blocking the event loop."""
        self._refuse_shadowed()
        times = Times(at=at, in_=in_, interval=interval, cron=cron, timezone_name=timezone_name)
        return await in_thread(self._app.put, Call(self, args, kwargs), times)

    def _refuse_shadowed(self) -> None:
        for name in shadowed(self.function):
            raise TypeError(
                f"{self.name}.schedule(): the task's own parameter {name!r} has the name of an option of .schedule; "
                f"write {self.__name__}.bind({name}=…).schedule(…)"
            )

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
    ) -> Task[P, R, C]:
        """Return this task with options for its next calls; options said twice are the later ones.

        Args:
            id: Id of the job, or of a one-off's schedule; pushing an id again returns what is there.
            name: Name of the schedule, which is then its identity.
            queue: Queue of the job.
            priority: -1000 to 1000, higher first.
            retries: How many errors are followed by another try.
            max_crashes: How many runs that ended without an outcome are followed by another; 0 means at most once.
            store_result: Whether the returned value is kept.
            timeout: How long an attempt may take, a duration; one that takes longer is stopped, which is an error.
            catch_up: Which of the occurrences that fell due together are run: `latest`, `first`, `all` or `skip`.
            grace: How late an occurrence may still start, a duration; by default however late.
            overlap: Whether a run may start while another is open: `allow`, `skip`, `queue_one` or `cancel_other`.
            jitter: Up to how much later a run starts, a duration; the same each time for the same occurrence.
            starts_at: Occurrences from this time on; an interval's grid begins there.
            ends_at: Occurrences before this time.
            max_runs: After how many runs the schedule is done.
            unique: While what another job of its kind stands for a new one: "queued", "done", or a duration.
            expires_in: How long after it was due a job that was never started gives up, a duration.
            metadata: JSON values that travel with the job or schedule.

        Raises:
            TypeError, ValueError: an option's value cannot be used; both are named.
        """
        said = _options.checked(
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
        return self._with(said)

    def _with(self, said: Options) -> Task[P, R, C]:
        other: Task[P, R, C] = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other.__dict__.pop("draft", None)
        other.said = self.said.merged(said)
        return other

    def map(
        self, calls: Iterable[Call[Any] | tuple[Any, ...] | Mapping[str, Any]], *, chunk: int = 1_000
    ) -> list[JobHandle[R]]:
        """Push one job for each call: a tuple is positional arguments, a mapping keyword ones, or a bound `Call`.

        All are checked before the first is pushed; a chunk is stored as a whole or not at all.

        Raises:
            TypeError: an item is none of these, or does not fit the task; its index is named.
        """
        whole(chunk, "chunk", 1, 1_000)
        self.said.refuse(("id",), ".map()", "give each call its own: task.bind(…).options(id=…)")
        items = list(calls)
        fresh = new_ids(self._app.now(), len(items))
        jobs = [self._mapped(i, item, job_id) for i, (item, job_id) in enumerate(zip(items, fresh, strict=True))]
        pushed = [each for start in range(0, len(jobs), chunk) for each in self._app.push(jobs[start : start + chunk])]
        handle, decode = self._app.handle, self.codec.decode_result
        return [handle(each.id, decode, existing=not each.new) for each in pushed]

    async def amap(
        self, calls: Iterable[Call[Any] | tuple[Any, ...] | Mapping[str, Any]], *, chunk: int = 1_000
    ) -> list[JobHandle[R]]:
        """Do what `map` does without blocking the event loop."""
        return await in_thread(self.map, calls, chunk=chunk)

    def _mapped(self, index: int, item: object, job_id: str) -> NewJob:
        try:
            match item:
                case tuple():
                    return self.draft.job(job_id, item, _NONE)
                case Mapping():
                    return self.draft.job(job_id, (), item)
                case Call() if item.task.name == self.name:
                    return item.task.draft.job(job_id, item.args, item.kwargs)
        except (TypeError, ValueError) as error:
            error.add_note(f"in item {index} of {self.name}.map()")
            raise
        if isinstance(item, Call):
            raise TypeError(f"{self.name}.map(): item {index} is a call of {item.task.name}, another task")
        raise TypeError(
            f"{self.name}.map(): item {index} is {shortened(item)}, which is no call; "
            f"a tuple such as ({shortened(item):.40},) is positional arguments, a mapping keyword arguments"
        )


def shadowed(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the parameters of a function that have names of `.schedule`'s own."""
    return tuple(name for name in inspect.signature(function).parameters if name in NAMES)


def task_rows(registry: Mapping[str, Task[..., Any, Any]]) -> list[TaskRow]:
    """Return what workers and syncs report of their tasks, one row for each name and alias."""
    return [
        TaskRow(name=name, canonical=task.name, defaults=task.definition.defaults, signature=str(task.codec.signature))
        for name, task in sorted(registry.items())
    ]

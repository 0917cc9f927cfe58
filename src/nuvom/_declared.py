"""Schedules declared beside their task: `@cron` and `@every` above `@task`, kept by the app for a sync to store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple, TypedDict, TypeVar, Unpack

from nuvom import _options
from nuvom._arguments import Codec
from nuvom._call import Call
from nuvom._caller import silent
from nuvom._clock import SYSTEM_CLOCK
from nuvom._duration import Duration
from nuvom._schedule import CatchUp, Overlap, ScheduleEnvelope
from nuvom._task import Task
from nuvom._times import Times, Zone, build_envelope
from nuvom.errors import TaskDefinitionError

T = TypeVar("T", bound=Task[..., Any, Any])
_NONE: Mapping[str, Any] = {}  # keyword arguments


class ScheduleOptions(TypedDict, total=False):
    """What a declared schedule may say of itself and its jobs, as `Task.options` takes it."""

    queue: str
    priority: int
    retries: int
    max_crashes: int
    store_result: bool
    timeout: Duration
    catch_up: CatchUp | str
    grace: Duration
    overlap: Overlap | str
    jitter: Duration
    starts_at: datetime
    ends_at: datetime
    max_runs: int
    unique: Duration
    expires_in: Duration
    metadata: Mapping[str, Any]


class EveryOptions(ScheduleOptions, total=False):
    """All that `@every` takes by name."""

    name: str | None
    args: Sequence[Any]
    kwargs: Mapping[str, Any]


class CronOptions(EveryOptions, total=False):
    """All that `@cron` takes by name."""

    timezone_name: str | None


class Declaration(NamedTuple):
    """A named schedule as code declares it."""

    name: str
    call: Call[Any]
    times: Times


Declared = MutableMapping[str, Declaration]


def cron(
    expr: str,
    *,
    timezone_name: str | None = None,
    name: str | None = None,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] = _NONE,
    **options: Unpack[ScheduleOptions],
) -> Callable[[T], T]:
    """Declare a schedule of the task below: `@cron("0 3 * * *")` above `@task`; a sync stores it.

    Args:
        expr: Five fields, or six with seconds first; see crontab(5).
        timezone_name: IANA zone in which they are read; None means the setting NUVOM_TIMEZONE.
        name: Name of the schedule, by default the task's; a second schedule of a task needs one.
        args: Arguments of the task.
        kwargs: Keyword arguments of the task.
        **options: Options of the schedule and its jobs, as `Task.options` takes them.

    Raises:
        TypeError: it is not above `@task`, or the arguments do not fit it, or there is no such option.
        ValueError: expression, zone or option cannot be used; the message names it, its value and the remedy.
        TaskDefinitionError: another declaration has the name.
    """
    return _declaring("cron", Times(cron=expr, timezone_name=timezone_name), name, args, kwargs, options)


def every(
    duration: Duration,
    *,
    name: str | None = None,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] = _NONE,
    **options: Unpack[ScheduleOptions],
) -> Callable[[T], T]:
    """Declare a schedule of the task below: `@every("15m")` above `@task`; a sync stores it.

    Args:
        duration: Time between two runs, at least 0.1 s; the first run comes that long after the schedule is stored.
        name: Name of the schedule, by default the task's; a second schedule of a task needs one.
        args: Arguments of the task.
        kwargs: Keyword arguments of the task.
        **options: Options of the schedule and its jobs, as `Task.options` takes them.

    Raises:
        TypeError: it is not above `@task`, or the arguments do not fit it, or there is no such option.
        ValueError: duration or option cannot be used; the message names it, its value and the remedy.
        TaskDefinitionError: another declaration has the name.
    """
    return _declaring("every", Times(interval=duration), name, args, kwargs, options)


def envelope_of(declaration: Declaration, *, now: datetime, zone: Zone) -> ScheduleEnvelope:
    """Return what a sync stores of a declaration.

    Raises:
        InvalidTrigger: it cannot be used with these settings.
        PayloadTooLarge: the arguments take more than NUVOM_MAX_PAYLOAD bytes.
    """
    with silent():  # what there is to warn of was said where it is declared
        return _built(declaration, declaration.call.arguments(), now, zone)


def forget(declared: Declared, task: str) -> None:
    """Take back the declarations of a task that is defined anew: those that are still above it follow."""
    for name in [name for name, declaration in declared.items() if declaration.call.task.name == task]:
        del declared[name]


def _declaring(
    decorator: str,
    times: Times,
    name: str | None,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    options: ScheduleOptions,
) -> Callable[[T], T]:
    _check_options(decorator, options)

    def declare(task: T) -> T:
        if not isinstance(task, Task):
            raise TypeError(f"put @{decorator} above @task: what is below it is {task!r:.80}, which is no task yet")
        called = task.name if name is None else name
        declaration = Declaration(called, Call(task.options(name=called, **options), tuple(args), dict(kwargs)), times)
        declared = task._app.declared  # noqa: SLF001  a declaration belongs to its task's app
        _refuse_second(declared.get(called), declaration, decorator, unnamed=name is None)
        arguments = Codec(task.name, task.function).encode(declaration.call.args, declaration.call.kwargs)
        _built(declaration, arguments, SYSTEM_CLOCK.now(), Zone())
        declared[called] = declaration
        return task

    return declare


def _check_options(decorator: str, options: ScheduleOptions) -> None:
    offered = ScheduleOptions.__annotations__
    for option in options:
        if option == "id":
            raise TypeError(f"@{decorator} takes no id: give the schedule a name, which is its identity")
        if option not in offered:
            raise TypeError(f"@{decorator} has no option {option!r}; it takes {', '.join(offered)}")
    _options.checked(**options)


def _refuse_second(known: Declaration | None, wanted: Declaration, decorator: str, *, unnamed: bool) -> None:
    if known is None:
        return
    own, other = wanted.call.task.name, known.call.task.name
    if own == other and unnamed:
        raise TypeError(
            f"{own} has a schedule named {known.name!r} already; a second one needs a name: @{decorator}(…, name=…)"
        )
    raise TaskDefinitionError(
        f"two schedules are named {known.name!r}: one of task {other} and one of task {own}; "
        f"give one of them another name: @{decorator}(…, name=…)"
    )


def _built(declaration: Declaration, arguments: bytes, now: datetime, zone: Zone) -> ScheduleEnvelope:
    task = declaration.call.task
    defaults = replace(task.definition.defaults, kin=declaration.call.kin())
    envelope = build_envelope(task.name, arguments, declaration.times, task.said, defaults, now=now, zone=zone)
    return replace(envelope, origin="code")

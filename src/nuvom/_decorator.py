"""The decorator that makes a function a task, typed so that `.delay` carries the function's signature."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar, overload

from nuvom import _options
from nuvom._duration import Duration
from nuvom._job import DEFAULT_MAX_CRASHES, DEFAULT_QUEUE, OnFailure, TaskDefaults
from nuvom._keys import Key, reported
from nuvom._retry import Retry, policy
from nuvom._task import Definition, Task
from nuvom.errors import shortened

if TYPE_CHECKING:
    from collections.abc import Coroutine

P = ParamSpec("P")
R = TypeVar("R")


class _Decorate(Protocol):
    """The decorator with options: what it gives depends on whether the function is async."""

    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]], /) -> Task[P, R, Coroutine[Any, Any, R]]: ...

    @overload
    def __call__(self, function: Callable[P, R], /) -> Task[P, R, R]: ...


class TaskDecorator:
    """`@task` of one app, with or without options."""

    def __init__(self, register: Callable[..., Task[Any, Any, Any]]) -> None:
        self._register = register

    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]], /) -> Task[P, R, Coroutine[Any, Any, R]]: ...

    @overload
    def __call__(self, function: Callable[P, R], /) -> Task[P, R, R]: ...

    @overload
    def __call__(
        self,
        /,
        *,
        name: str | None = None,
        queue: str = DEFAULT_QUEUE,
        priority: int = 0,
        retries: int | None = None,
        retry: Retry | None = None,
        max_crashes: int = DEFAULT_MAX_CRASHES,
        store_result: bool = True,
        timeout: Duration | None = None,
        on_failure: OnFailure | None = None,
        concurrency: int | None = None,
        rate: str | None = None,
        unique: Duration | None = None,
        key: Key | None = None,
        expires_in: Duration | None = None,
        aliases: Sequence[str] = (),
    ) -> _Decorate: ...

    def __call__(
        self,
        function: Callable[..., Any] | None = None,
        /,
        *,
        name: str | None = None,
        queue: str = DEFAULT_QUEUE,
        priority: int = 0,
        retries: int | None = None,
        retry: Retry | None = None,
        max_crashes: int = DEFAULT_MAX_CRASHES,
        store_result: bool = True,
        timeout: Duration | None = None,
        on_failure: OnFailure | None = None,
        concurrency: int | None = None,
        rate: str | None = None,
        unique: Duration | None = None,
        key: Key | None = None,
        expires_in: Duration | None = None,
        aliases: Sequence[str] = (),
    ) -> Any:
        """Make a function a task.

        Args:
            function: The function, when used as `@task` without options.
            name: Name of the task; by default that of its module and function.
            queue: Queue of its jobs.
            priority: -1000 to 1000, higher first.
            retries: How many errors are followed by another try, with exponential backoff; 0 if it is not said.
            retry: The whole policy, in place of `retries`: how often, when, and after which errors.
            max_crashes: How many runs without an outcome are followed by another; 0 means at most once.
            store_result: Whether returned values are kept.
            timeout: How long an attempt may take, a duration; one that takes longer is stopped, which is an error.
            on_failure: Called as `on_failure(job, error)` when a job ended `failed`, in a worker; may be async.
            concurrency: How many of its jobs run at once, over all workers.
            rate: How many of its jobs start within any time of a length, such as "100/1m", over all workers.
            unique: While what another of its jobs stands for a new one, which is then not pushed: "queued" (it waits),
                "done" (it is not final), or a duration since its push.
            key: What these three are per, in place of per task: the name of a parameter, or a function that is called
                with the arguments and returns a JSON value.
            expires_in: How long after it was due a job that was never started gives up, a duration.
            aliases: Older names under which jobs may still come.

        Raises:
            TaskDefinitionError: the function cannot be a task; the message says what would.
            TypeError, ValueError: an option cannot be used; the message names it and its value.
        """
        said = _options.checked(
            queue=queue,
            priority=priority,
            max_crashes=max_crashes,
            store_result=store_result,
            timeout=timeout,
            unique=unique,
            expires_in=expires_in,
        )
        defaults = TaskDefaults(queue, priority, max_crashes, said.expires_in, unique=said.unique, key=reported(key))
        definition = Definition(
            retry=policy(retries, retry),
            store_result=store_result,
            timeout=said.timeout,
            defaults=_options.limited(defaults, concurrency, rate),
            key=key,
            aliases=_options.names(aliases, "aliases"),
            on_failure=_checked_on_failure(on_failure),
        )
        if function is not None:
            return self._register(function, name, definition)
        return lambda function: self._register(function, name, definition)


def _checked_on_failure(function: OnFailure | None) -> OnFailure | None:
    if function is None:
        return None
    try:
        inspect.signature(function).bind(None, None)
    except (TypeError, ValueError):
        raise TypeError(
            f"on_failure={shortened(function)} must be a function of two arguments: on_failure(job, error)"
        ) from None
    return function

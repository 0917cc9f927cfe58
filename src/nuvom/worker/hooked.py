"""Hooks around one attempt: entered in order, left in reverse, and never in the way of the task."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from time import perf_counter
from types import TracebackType
from typing import Any

from nuvom import _current
from nuvom._current import Running, current_job
from nuvom._hooks import AttemptOutcome, Hook, Hooks
from nuvom._job import Outcome
from nuvom.errors import JobCancelled, JobTimedOut

_STOPS = (JobCancelled, JobTimedOut)  # they may arrive while a hook works, and are meant for the attempt


def around(hooks: Hooks, function: Callable[..., Any], *, is_async: bool) -> Callable[..., Any]:
    """Return a task's function with the hooks' contexts around each call."""
    if not hooks.around:
        return function

    def call(*args: Any, **kwargs: Any) -> Any:
        with _Around(hooks):
            return function(*args, **kwargs)

    async def call_async(*args: Any, **kwargs: Any) -> Any:
        with _Around(hooks):
            return await function(*args, **kwargs)

    return call_async if is_async else call


@contextmanager
def watched(hooks: Hooks, running: Running) -> Iterator[Callable[[Outcome], Outcome]]:
    """Let what is said of an attempt belong to its job, until its hooks know how it ended."""
    token = _current.enter(running)
    began = perf_counter()

    def tell(outcome: Outcome) -> Outcome:
        told = AttemptOutcome(outcome.verdict, outcome.error, outcome.run_at, perf_counter() - began)
        for hook in hooks.outcome:
            try:
                hook.on_outcome(current_job(), told)
            except BaseException as error:  # noqa: BLE001 - it is told
                hooks.tell(hook, "on_outcome", error)
        return outcome

    try:
        yield tell
    finally:
        _current.leave(token)


class _Around(AbstractContextManager[None]):
    """The contexts of one attempt."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._entered: list[tuple[Hook, AbstractContextManager[object]]] = []

    def __enter__(self) -> None:
        job = current_job()
        for hook in self._hooks.around:
            try:
                context = hook.around_run(job)
                context.__enter__()
                self._entered.append((hook, context))
            except _STOPS as stop:
                self.__exit__(type(stop), stop, stop.__traceback__)
                raise
            except BaseException as error:  # noqa: BLE001 - it is told
                self._hooks.tell(hook, "around_run", error)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave them in reverse; what they return changes nothing, for they may not swallow the task's error."""
        late: BaseException | None = None
        while self._entered:
            hook, context = self._entered.pop()
            try:
                context.__exit__(kind, error, trace)
            except _STOPS as stop:
                late = stop if stop is not error else late
            except BaseException as raised:  # noqa: BLE001 - it is told
                if raised is not error:
                    self._hooks.tell(hook, "around_run", raised)
        if late is not None:
            raise late

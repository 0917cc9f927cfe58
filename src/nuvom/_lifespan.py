"""`@lifespan`: which functions may set up what jobs share in a process, and take it down."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from nuvom._naming import source_file
from nuvom.errors import LifespanError, shortened

Function = Callable[[], Iterator[Any]] | Callable[[], AsyncIterator[Any]]


def check(function: object, known: Function | None) -> None:
    """Raise LifespanError where a function cannot be the lifespan of an app that has `known` already."""
    called = name(function)
    if not (inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)):
        raise LifespanError(called, "must be a generator function (async or not, and no @contextmanager): one `yield`")
    if needed := [p.name for p in inspect.signature(function).parameters.values() if _is_needed(p)]:
        raise LifespanError(called, f"is called without arguments, and needs {', '.join(needed)}")
    # The same file and name again is a reload: it replaces.
    if known is not None and _place(known) != _place(function):
        raise LifespanError(called, f"cannot be added: this app has {name(known)} already; make one of the two")


def name(function: object) -> str:
    """Return what messages call a lifespan."""
    return f"{getattr(function, '__module__', '?')}.{getattr(function, '__qualname__', shortened(function))}"


def _place(function: Any) -> tuple[str, str]:
    return source_file(function) or function.__module__, function.__qualname__


def _is_needed(parameter: inspect.Parameter) -> bool:
    return parameter.default is parameter.empty and parameter.kind not in (
        parameter.VAR_POSITIONAL,
        parameter.VAR_KEYWORD,
    )

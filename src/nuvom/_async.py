"""The way of the `a…` twins: the one synchronous implementation, in a thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking function in a thread, so that the event loop goes on."""
    import asyncio  # costs more than all of `import nuvom`, and only async callers need it

    return await asyncio.to_thread(function, *args, **kwargs)

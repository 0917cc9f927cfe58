"""The way of the `a…` twins: the one synchronous implementation, in a thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking function in a thread, so that the event loop goes on."""
    import asyncio  # costs more than all of `import nuvom`, and only async callers need it

    return await asyncio.to_thread(function, *args, **kwargs)


async def in_own_thread(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run what may wait for long in a thread of its own.

    asyncio's shared pool has a few threads, which others need, and it keeps a process from ending until they return.
    """
    import asyncio

    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():  # its waiter was cancelled
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # without an error it is the function's own

    def run() -> None:
        result, failure = None, None
        try:
            result = function(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001  it belongs to the waiter, whatever it is
            failure = error
        with suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=run, name="nuvom-wait", daemon=True).start()
    return await future

"""The way of the `a…` twins: the one synchronous implementation, in a thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar

from nuvom import _joined

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking function in a thread, so that the event loop goes on; a blocking connection's block stays here."""
    import asyncio  # costs more than all of `import nuvom`, and only async callers need it

    if not _joined.is_open():
        return await asyncio.to_thread(function, *args, **kwargs)
    if _joined.holds_thread():
        return function(*args, **kwargs)
    context = copy_context()
    sent = context.run(_joined.send)
    call = partial(context.run, function, *args, **kwargs)
    try:
        return await asyncio.get_running_loop().run_in_executor(None, call)
    except asyncio.CancelledError:
        sent.left = True  # its caller rolls back now, and what comes after that would be in another transaction
        raise


async def in_own_thread(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run what may wait for long in a thread of its own.

    asyncio's shared pool has a few threads, which others need, and it keeps a process from ending until they return.
    Nothing that may wait for long goes into a transaction of the caller's: inside a block it is as in `in_thread`.
    """
    import asyncio

    if _joined.is_open():
        return await in_thread(function, *args, **kwargs)
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

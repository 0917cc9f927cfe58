"""The lifespan of a process that runs jobs: entered before the first, left after the last."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import Future, wait
from enum import Enum
from functools import partial
from typing import Any, Final

from nuvom._lifespan import Function, name
from nuvom.errors import LifespanError

Submit = Callable[[Coroutine[Any, Any, None]], Future[None]]  # runs a coroutine in the event loop of coroutine jobs

log: logging.Logger = logging.getLogger("nuvom.worker")


class _Missing(Enum):
    MISSING = "MISSING"


_MISSING: Final = _Missing.MISSING


class Life:
    """The lifespan of one process: `enter` before its first job, `leave` after its last; none without a function.

    Args:
        function: the user's.
        cut_short: ends the process, where the end of the function takes too long; None: it is waited for.
    """

    def __init__(self, function: Function | None, cut_short: Callable[[], None] | None = None) -> None:
        self.state: Any = None  # what the function yielded
        self._function = function
        self._cut_short = cut_short
        self._end: Callable[[float], bool] | None = None

    def enter(self, submit: Submit) -> None:
        """Run the function up to its `yield`; raises LifespanError naming what it raised."""
        if self._function is None:
            return
        try:
            self.state = self._begin(self._function, submit)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            told = f"{type(error).__name__}: {error}"
            raise LifespanError(name(self._function), f"raised at its start: {told}") from error

    def leave(self, patience: float) -> None:
        """Run the rest of the function; what it raises is logged, and so is one that takes longer.

        Args:
            patience: seconds to wait for one that runs in the event loop, which a job may block, and any other
                if there is who ends the process.
        """
        end, self._end = self._end, None
        if end is None or self._function is None:
            return
        try:
            if not end(patience):
                self._overdue(patience)
        except BaseException:
            log.exception("lifespan %s raised at its end", name(self._function))

    def _begin(self, function: Function, submit: Submit) -> Any:
        made = function()
        if not isinstance(made, AsyncIterator):
            state = next(made, _MISSING)
            if state is _MISSING:
                raise RuntimeError("it did not yield")
            self._end = partial(self._finish, made)
            return state
        entered: Future[Any] = Future()
        leave: Future[None] = Future()
        ended = submit(_live(made, entered, leave))

        def end(patience: float) -> bool:
            leave.set_result(None)
            if wait([ended], patience).not_done:
                return False
            ended.result()
            return True

        state = entered.result()
        self._end = end
        return state

    def _finish(self, made: Iterator[Any], patience: float) -> bool:
        """Run the rest in this thread, where it began; only another one can see that it takes too long."""
        watch = threading.Timer(patience, self._cut, [patience])
        watch.daemon = True
        if self._cut_short is not None:
            watch.start()
        try:
            if next(made, _MISSING) is not _MISSING:
                raise RuntimeError("it yielded more than once")
        finally:
            watch.cancel()
        return True

    def _cut(self, patience: float) -> None:
        self._overdue(patience)
        if self._cut_short is not None:
            self._cut_short()

    def _overdue(self, patience: float) -> None:
        if self._function is not None:
            log.error("lifespan %s did not end in %.1f s", name(self._function), patience)


async def _live(made: AsyncIterator[Any], entered: Future[Any], leave: Future[None]) -> None:
    """Run all of an async function in one task, as its task groups and timeouts need it."""
    try:
        state = await anext(made, _MISSING)
        if state is _MISSING:
            raise RuntimeError("it did not yield")
    except BaseException as error:  # noqa: BLE001 - it belongs to who enters, whatever it is
        entered.set_exception(error)
        return
    entered.set_result(state)
    await asyncio.wrap_future(leave)
    try:
        more = await anext(made, _MISSING)
    except (SystemExit, KeyboardInterrupt) as error:  # they would end the event loop
        raise RuntimeError(f"it raised {error!r}") from error
    if more is not _MISSING:
        raise RuntimeError("it yielded more than once")

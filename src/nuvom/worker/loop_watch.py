"""A watch on the event loop: a task that blocks it keeps all others from running, and is named."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from time import monotonic
from types import FrameType
from typing import Any

from nuvom import _current
from nuvom._current import Running

BLOCKED = 1.0  # seconds without a turn of the loop after which it is said
AGAIN = 60.0  # seconds after which it is said again
_RUN: Any = asyncio.Handle._run  # noqa: SLF001 - what calls each callback of a loop, in the callback's own context

log: logging.Logger = logging.getLogger("nuvom.worker")


class LoopWatch:
    """Asks a loop for a sign of life each second while there are jobs for it; between jobs it sleeps.

    Args:
        loop: the loop.
        thread: where it turns.
        busy: whether there are jobs for it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, thread: threading.Thread, busy: Callable[[], bool]) -> None:
        self._loop = loop
        self._turning = thread
        self._busy = busy
        self._bell = threading.Event()
        self._closed = threading.Event()
        threading.Thread(target=self._serve, name="nuvom-loop-watch", daemon=True).start()

    def look(self) -> None:
        """Begin to look: there are jobs."""
        self._bell.set()

    def close(self) -> None:
        """End."""
        self._closed.set()
        self._bell.set()

    def _serve(self) -> None:
        while not self._closed.is_set():
            self._bell.wait()
            self._bell.clear()
            with suppress(RuntimeError):  # the loop was closed
                while self._busy() and not self._closed.wait(BLOCKED):
                    self._ask()

    def _ask(self) -> None:
        began, sign = monotonic(), threading.Event()
        self._loop.call_soon_threadsafe(sign.set)
        if sign.wait(BLOCKED):
            return
        while True:
            frame = sys._current_frames().get(self._turning.ident or 0)  # noqa: SLF001 - there is no other way to see it
            log.warning("%s blocks the event loop for %.1f s now, %s", _named(frame), monotonic() - began, place(frame))
            if sign.wait(AGAIN):
                break
            if self._closed.is_set():
                return
        log.warning("the event loop goes on after %.1f s", monotonic() - began)


def place(frame: FrameType | None) -> str:
    """Return the line of code that a thread is at."""
    if frame is None:
        return "nobody knows where"
    return f"in {frame.f_code.co_filename}, line {frame.f_lineno}, in {frame.f_code.co_name}"


def _named(frame: FrameType | None) -> str:
    running = blocker(frame)
    return "something that is no job" if running is None else f"job {running.job.id} of task {running.job.task!r}"


def blocker(frame: FrameType | None) -> Running | None:
    """Return the job whose code a loop's thread runs: its own coroutine, or a task or callback that it started."""
    while frame is not None and frame.f_code is not _RUN.__code__:
        frame = frame.f_back
    context = None if frame is None else getattr(frame.f_locals.get("self"), "_context", None)
    return _current.running(context) if isinstance(context, Context) else None

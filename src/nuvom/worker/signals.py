"""Signals as a loop takes them: through a pipe, between two of its turns, and twins as one."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from types import FrameType

TWINS = 0.3  # seconds: timeout(1) sends a signal to its child, and then to its group, of which the child is one


def pipe() -> tuple[int, int]:
    """Return a pipe to be given to signal.set_wakeup_fd: whoever writes must never wait."""
    reader, writer = os.pipe()
    for end in (reader, writer):
        os.set_blocking(end, False)
    return reader, writer


def passed_over(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the number of the signal comes through the pipe."""


class Distinct:
    """Tells which signals of one kind are twins of the one before; times are monotonic seconds."""

    def __init__(self) -> None:
        self._last: dict[int, float] = {}

    def of(self, numbers: Iterable[int], now: float) -> list[int]:
        """Return the signals among `numbers` that are no twins."""
        return [number for number in numbers if self._is_new(number, now)]

    def _is_new(self, number: int, now: float) -> bool:
        last = self._last.get(number)
        if last is not None and now - last < TWINS:
            return False
        self._last[number] = now
        return True


def ends_at_once() -> None:
    """Let SIGTERM end this process with exit code 0, until a service takes its signals: nothing is held before that.

    Also in a container, whose first process has no default action for a signal (kill(2)).
    """
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))

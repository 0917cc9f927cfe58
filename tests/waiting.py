"""Waiting for what other processes do: a look again and again until a deadline, never a fixed sleep."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(condition: Callable[[], object], *, timeout: float = 20.0, every: float = 0.02) -> None:
    """Return as soon as `condition()` is true; fails after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"did not happen within {timeout} s"
        time.sleep(every)

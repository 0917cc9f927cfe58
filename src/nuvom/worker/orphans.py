"""Reaping processes that others left behind, where they come to this one: in a container, or as a subreaper."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from contextlib import suppress

_PR_GET_CHILD_SUBREAPER = 37


def are_ours() -> bool:
    """Whether orphans become children of this process: the first of its container, or a subreaper (prctl(2))."""
    if os.getpid() == 1:
        return True
    if sys.platform != "linux":
        return False
    import ctypes

    asked = ctypes.c_int(0)
    return ctypes.CDLL(None).prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(asked), 0, 0, 0) == 0 and bool(asked.value)


def reap(own: Collection[int]) -> int:
    """Reap what has ended and is no process of `own`, which somebody else waits for; returns how many."""
    reaped = 0
    with suppress(ChildProcessError):
        while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) and ended.si_pid not in own:
            os.waitpid(ended.si_pid, 0)
            reaped += 1
    return reaped

"""Where a process dies in crash tests: NUVOM_CRASH_AT=worker.flush, or worker.flush:3 for the third time."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from itertools import count

VARIABLE = "NUVOM_CRASH_AT"


def _pass(step: str) -> None:
    """Go on: no crash was asked for."""


def crasher(place: str) -> Callable[[str], None]:
    """Return a function that kills this process when it is called with the step that `place` names, at the nth time."""
    wanted, _, nth = place.partition(":")
    left = count(int(nth or 1), -1)

    def reach(step: str) -> None:
        if step == wanted and next(left) == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    return reach


# Decided once, at import: where no crash is wanted, a step costs one empty call.
reached: Callable[[str], None] = crasher(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else _pass

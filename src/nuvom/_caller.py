"""Warnings that point at the user's own line, however deep inside Nuvom they arise."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_INSIDE = "nuvom"
_silent: ContextVar[bool] = ContextVar("silent", default=False)


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line of the nearest caller outside of Nuvom."""
    if _silent.get():
        return
    level = 2
    frame = sys._getframe(1)  # noqa: SLF001  what warnings and logging use, too
    while frame.f_back is not None and _is_own(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
        level += 1
    warnings.warn(message, category, stacklevel=level)


@contextmanager
def silent() -> Iterator[None]:
    """Say nothing for a while: what there is to warn of was said before, at its own line."""
    token = _silent.set(True)
    try:
        yield
    finally:
        _silent.reset(token)


def _is_own(module: str) -> bool:
    # functools: a cached property of ours may stand between us and the caller.
    return module in (_INSIDE, "functools") or module.startswith(f"{_INSIDE}.")


def location() -> str:
    """Return file and line of the nearest caller outside of Nuvom."""
    frame = sys._getframe(1)  # noqa: SLF001  what warnings and logging use, too
    while frame.f_back is not None and _is_own(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"

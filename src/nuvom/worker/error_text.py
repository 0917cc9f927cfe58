"""Exceptions as text that can be stored: bounded, encodable, and without the frames of Nuvom itself."""

from __future__ import annotations

from collections.abc import Callable
from traceback import TracebackException
from types import TracebackType

from nuvom._job import JobError

MAX_MESSAGE = 4_000  # characters
MAX_TRACEBACK = 32_000
MAX_FRAMES = 100
_OWN = ("nuvom.worker.execution", "nuvom.worker.hooked")


def describe(error: BaseException, kind: str) -> JobError:
    """Return an exception as a JobError; an exception whose own methods raise is described as far as it goes."""
    return JobError(
        kind,
        _safe(lambda: _bounded(_type_name(type(error)), MAX_MESSAGE), "an exception without a name"),
        _safe(lambda: _bounded(str(error), MAX_MESSAGE), "its message cannot be read: str() of it raised"),
        _safe(lambda: _bounded(_traceback(error), MAX_TRACEBACK), ""),
    )


def _safe(read: Callable[[], str], otherwise: str) -> str:
    try:
        return read()
    except BaseException:  # noqa: BLE001 - these are the user's own methods
        return otherwise


def _type_name(kind: type[BaseException]) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _traceback(error: BaseException) -> str:
    tail = TracebackException(type(error), error, _user_part(error.__traceback__), limit=-MAX_FRAMES, compact=True)
    return "".join(tail.format())


def _user_part(frames: TracebackType | None) -> TracebackType | None:
    while frames is not None and frames.tb_frame.f_globals.get("__name__") in _OWN:
        frames = frames.tb_next
    return frames


def _bounded(text: str, limit: int) -> str:
    """Cut the middle out of a long text, and spell what UTF-8 cannot carry."""
    if len(text) > limit:
        half = limit // 2
        text = f"{text[:half]}\n… {len(text) - 2 * half:,} characters left out …\n{text[-half:]}"
    return text.encode("utf-8", "backslashreplace").decode()

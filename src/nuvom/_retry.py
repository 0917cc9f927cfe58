"""When a job runs again: backoff after an error, and `RetryLater` for a task that asks for a later time itself."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TypeVar

import orjson

from nuvom._duration import Duration, to_timedelta
from nuvom.errors import NuvomError

T = TypeVar("T")

BASE = 1.0  # seconds
FACTOR = 2.0
CAP = 300.0  # seconds
MAX_DEFERS = 100


class RetryLater(NuvomError):
    """Raised by a task to be run again later: this costs no retry, but one of the 100 times that a job may ask.

    Args:
        in_: how long from now: seconds, a timedelta, or text such as "15m".

    Raises:
        ValueError: `in_` is no duration.
    """

    def __init__(self, *, in_: Duration) -> None:
        self.in_: timedelta = max(to_timedelta(in_, "in_"), timedelta())
        super().__init__(self.in_)

    def __str__(self) -> str:
        return f"to be run again in {self.in_.total_seconds():g} s"


def retry_at(errors: int, now: datetime, chance: float) -> datetime:
    """Return when a job is tried again after an error.

    The bound of the delay doubles with each error, and the delay is anywhere below it: jobs that failed together do
    not come back together ("full jitter", Brooker, Exponential Backoff And Jitter, AWS Architecture Blog, 2015).

    Args:
        errors: errors of the job before this one.
        now: when it failed.
        chance: a random number, 0 ≤ chance < 1.
    """
    bound = min(CAP, BASE * FACTOR ** min(errors, 64))  # 2 ** 64 s is past any cap, and no float overflows
    return now + timedelta(seconds=bound * chance)


def option(options: bytes | None, name: str, default: T) -> T:
    """Return what a job's call said in its `options` (JSON), else `default`, which the running code says."""
    if options is None:
        return default
    said: T | None = orjson.loads(options).get(name)
    return default if said is None else said

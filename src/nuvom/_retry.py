"""When a job runs again: the policy after errors, and `RetryLater` for a task that asks for a later time itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import orjson

from nuvom._duration import Duration, seconds, to_timedelta
from nuvom._numbers import MAX_COUNT, flag, whole
from nuvom.errors import JobTimedOut, NuvomError, shortened

T = TypeVar("T")

Errors = type[BaseException] | tuple[type[BaseException], ...] | Callable[[Any], bool]

_LONGEST = timedelta(days=3_650)  # of a delay


def _length(value: Duration, name: str) -> timedelta:
    length = to_timedelta(value, name)
    if not timedelta() <= length <= _LONGEST:
        raise ValueError(f"{name}={shortened(value)} must be between 0 and {_LONGEST.days} days")
    return length


def _check_errors(errors: object, name: str) -> None:
    kinds = errors if isinstance(errors, tuple) else (errors,)
    if isinstance(errors, tuple | type):
        for kind in kinds:
            if not (isinstance(kind, type) and issubclass(kind, BaseException)):
                raise TypeError(f"{name}={shortened(errors)}: {shortened(kind)} is no type of exception")
    elif not callable(errors):
        raise TypeError(
            f"{name}={shortened(errors)} must be a type of exception, a tuple of types, or a function of the exception"
        )


def _fits(error: BaseException, errors: Errors) -> bool:
    return isinstance(error, errors) if isinstance(errors, type | tuple) else bool(errors(error))


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """What becomes of a job after an error: whether it is tried again, how often, and when.

    The bound of the delay is `base` after the first error, `factor` times as long after each further one, and never
    longer than `cap`. With `jitter` the delay is anywhere below its bound, so that jobs which failed together do not
    come back together ("full jitter", Brooker, Exponential Backoff And Jitter, AWS Architecture Blog, 2015).

    A timeout of the job (`JobTimedOut`) is an error as any other, whatever types `on` names: it is tried again unless
    `give_up_on` has it, or `on` is a function that says no. `SystemExit` and the like are errors of the job, too, for
    as long as `on` is `Exception`.

    Args:
        max: how many errors are followed by another try; `options(retries=…)` of a call wins over it.
        base: a duration.
        factor: at least 1.
        cap: a duration, at least `base`.
        jitter: False makes each delay as long as its bound.
        on: which errors are tried again: a type, a tuple of types, or a function of the exception. Others fail at once.
        give_up_on: which are not, though `on` has them.
        max_defers: how often the task may raise `RetryLater`, which costs no retry.

    Raises:
        TypeError, ValueError: an argument cannot be used; the message names it and its value.
    """

    max: int = 5
    base: Duration = 1
    factor: float = 2
    cap: Duration = 300
    jitter: bool = True
    on: Errors = Exception
    give_up_on: Errors = ()
    max_defers: int = 100

    def __post_init__(self) -> None:
        whole(self.max, "max", 0, MAX_COUNT)
        whole(self.max_defers, "max_defers", 0, MAX_COUNT)
        flag(self.jitter, "jitter")
        if _length(self.cap, "cap") < _length(self.base, "base"):
            raise ValueError(f"cap={self.cap!r} must be at least base={self.base!r}")
        if isinstance(self.factor, bool) or not isinstance(self.factor, int | float):
            raise TypeError(f"factor={self.factor!r} must be a number")
        if not (math.isfinite(self.factor) and self.factor >= 1):
            raise ValueError(f"factor={self.factor!r} must be at least 1, and finite")
        _check_errors(self.on, "on")
        _check_errors(self.give_up_on, "give_up_on")

    def delay(self, errors: int, chance: float) -> timedelta:
        """Return how long a job waits after an error.

        Args:
            errors: errors of the job before this one.
            chance: a random number, 0 ≤ chance < 1; without `jitter` it changes nothing.
        """
        base, cap = seconds(self.base, "base"), seconds(self.cap, "cap")
        try:
            bound = min(cap, base * float(self.factor) ** errors)
        except OverflowError:
            bound = cap if base else 0.0
        return timedelta(seconds=bound * chance if self.jitter else bound)

    def tries_again(self, error: BaseException) -> bool:
        """Whether such an error is followed by another try; raises what a function in `on` or `give_up_on` raises."""
        if _fits(error, self.give_up_on):
            return False
        of_types = isinstance(self.on, type | tuple)
        return self.on is Exception or (of_types and isinstance(error, JobTimedOut)) or _fits(error, self.on)


NO_RETRY = Retry(max=0)


class RetryLater(NuvomError):
    """Raised by a task to be run again later: this costs no retry, but one of the 100 times that a job may ask.

    `Retry(max_defers=…)` of its task says another number.

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


def option(options: bytes | None, name: str, default: T) -> T:
    """Return what a job's call said in its `options` (JSON), else `default`, which the running code says."""
    if options is None:
        return default
    said: T | None = orjson.loads(options).get(name)
    return default if said is None else said


def policy(retries: object, retry: object) -> Retry:
    """Return the policy of a task; raises TypeError or ValueError where both are said or one cannot be used."""
    if retry is None:
        return NO_RETRY if retries is None else Retry(max=whole(retries, "retries", 0, MAX_COUNT))
    if not isinstance(retry, Retry):
        raise TypeError(f"retry={shortened(retry)} must be a Retry, such as Retry(max=3); for a number write retries=3")
    if retries is not None:
        raise TypeError(
            f"retries={shortened(retries)} and retry={shortened(retry)} say the same thing twice; write "
            f"Retry(max={shortened(retries)})"
        )
    return retry

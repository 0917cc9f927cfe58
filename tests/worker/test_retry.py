"""When a job runs again."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from nuvom import JobTimedOut, Nuvom, Retry, RetryLater
from nuvom._retry import option


def delays(retry: Retry, count: int, chance: float = 1.0) -> list[float]:
    return [retry.delay(errors, chance).total_seconds() for errors in range(count)]


def test_without_jitter_delays_are_exact() -> None:
    assert delays(Retry(jitter=False), 11, chance=0.0) == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert delays(Retry(base="10s", factor=1.5, cap=timedelta(seconds=30), jitter=False), 4) == [10, 15, 22.5, 30]
    assert delays(Retry(base=0.5, factor=1, jitter=False), 3) == [0.5, 0.5, 0.5]
    assert delays(Retry(base=0, jitter=False), 2) == [0, 0]


@given(st.integers(0, 10**9), st.floats(0, 1, exclude_max=True), st.floats(1, 1e300), st.floats(0, 300))
def test_with_jitter_a_delay_is_anywhere_below_its_bound(
    errors: int, chance: float, factor: float, base: float
) -> None:
    exact, spread = (Retry(base=base, factor=factor, jitter=jitter) for jitter in (False, True))
    bound = exact.delay(errors, chance)
    assert timedelta() <= bound <= timedelta(seconds=300)
    assert spread.delay(errors, 0.0) == timedelta()
    assert spread.delay(errors, chance) <= bound
    assert abs(spread.delay(errors, 0.5) - bound / 2) <= timedelta(microseconds=1)


class Mine(ValueError):
    pass


@pytest.mark.parametrize(
    ("retry", "again", "fails"),
    [
        (Retry(), (ValueError(), SystemExit(), KeyboardInterrupt(), JobTimedOut()), ()),
        (Retry(on=OSError), (OSError(), ConnectionError(), JobTimedOut()), (ValueError(), SystemExit())),
        (Retry(on=(OSError, Mine)), (OSError(), Mine()), (ValueError(), RuntimeError())),
        (Retry(on=()), (JobTimedOut(),), (ValueError(),)),
        (Retry(on=lambda error: "busy" in str(error)), (ValueError("busy"),), (ValueError("no"), JobTimedOut())),
        (Retry(give_up_on=Mine), (ValueError(), JobTimedOut()), (Mine(),)),
        (Retry(give_up_on=(Mine, OSError)), (ValueError(),), (Mine(), OSError())),
        (Retry(on=ValueError, give_up_on=lambda error: error.args == (4,)), (ValueError(5),), (ValueError(4),)),
        (Retry(give_up_on=JobTimedOut), (ValueError(),), (JobTimedOut(),)),
    ],
)
def test_a_policy_says_which_errors_are_tried_again_and_giving_up_wins(
    retry: Retry, again: tuple[BaseException, ...], fails: tuple[BaseException, ...]
) -> None:
    assert [error for error in again if not retry.tries_again(error)] == []
    assert [error for error in fails if retry.tries_again(error)] == []


@pytest.mark.parametrize(
    ("said", "kind", "message"),
    [
        ({"max": -1}, ValueError, "max=-1 must be between 0 and 1000000"),
        ({"max": 1.5}, TypeError, "max=1.5 must be a whole number"),
        ({"max_defers": True}, TypeError, "max_defers=True must be a whole number"),
        ({"base": "soon"}, ValueError, "base='soon' is not a duration"),
        ({"base": -1}, ValueError, "base=-1 must be between 0 and 3650 days"),
        ({"cap": "20000d"}, ValueError, "cap='20000d' must be between 0 and 3650 days"),
        ({"base": 10, "cap": "5s"}, ValueError, "cap='5s' must be at least base=10"),
        ({"factor": 0.5}, ValueError, "factor=0.5 must be at least 1"),
        ({"factor": float("inf")}, ValueError, "factor=inf must be at least 1, and finite"),
        ({"factor": "2"}, TypeError, "factor='2' must be a number"),
        ({"jitter": 1}, TypeError, "jitter=1 must be True or False"),
        ({"on": "OSError"}, TypeError, "on='OSError' must be a type of exception, a tuple of types, or a function"),
        ({"on": int}, TypeError, "on=<class 'int'>: <class 'int'> is no type of exception"),
        ({"give_up_on": (OSError, 3)}, TypeError, "3 is no type of exception"),
        ({"give_up_on": [OSError]}, TypeError, r"give_up_on=[<class 'OSError'>] must be a type of exception"),
    ],
)
def test_a_policy_that_cannot_be_is_refused_by_name(said: dict[str, Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=re.escape(message)):
        Retry(**said)


def test_a_policy_is_a_value() -> None:
    assert Retry(max=3, on=OSError) == Retry(max=3, on=OSError) != Retry(max=3)
    with pytest.raises(AttributeError):
        Retry().max = 3  # type: ignore[misc]  # that is what is tested


@pytest.mark.parametrize(
    ("said", "kind", "message"),
    [
        ({"retries": 3, "retry": Retry()}, TypeError, "retries=3 and retry=Retry(max=5"),
        ({"retries": 0, "retry": Retry()}, TypeError, "write Retry(max=0)"),
        ({"retry": 3}, TypeError, "retry=3 must be a Retry, such as Retry(max=3); for a number write retries=3"),
        ({"retries": -1}, ValueError, "retries=-1 must be between 0 and 1000000"),
    ],
)
def test_a_task_says_either_retries_or_a_policy(said: dict[str, Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=re.escape(message)):
        Nuvom("memory://").task(**said)


@pytest.mark.parametrize(
    ("in_", "seconds"), [(5, 5.0), (0.25, 0.25), ("1h30m", 5400.0), (timedelta(days=1), 86400.0), (-3, 0.0)]
)
def test_retry_later_takes_every_kind_of_duration(in_: float | str | timedelta, seconds: float) -> None:
    assert RetryLater(in_=in_).in_.total_seconds() == seconds


@pytest.mark.parametrize("in_", ["soon", None, True, float("nan"), float("inf"), 1e300])
def test_retry_later_refuses_what_is_no_duration(in_: object) -> None:
    with pytest.raises(ValueError, match="in_"):
        RetryLater(in_=in_)  # type: ignore[arg-type]  # that is what is tested


def test_what_a_call_said_wins_over_the_code() -> None:
    assert option(None, "retries", 3) == 3
    assert option(b'{"store_result":false}', "retries", 3) == 3
    assert option(b'{"retries":0}', "retries", 3) == 0

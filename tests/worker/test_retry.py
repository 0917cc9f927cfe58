"""When a job runs again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from nuvom import RetryLater
from nuvom._retry import option, retry_at

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def delay(errors: int, chance: float) -> float:
    return (retry_at(errors, NOW, chance) - NOW).total_seconds()


def test_the_bound_of_the_delay_doubles_up_to_five_minutes() -> None:
    bounds = [round(delay(errors, 1 - 1e-12), 3) for errors in range(11)]
    assert bounds == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


@given(st.integers(0, 10**9), st.floats(0, 1, exclude_max=True))
def test_a_delay_is_anywhere_below_its_bound_and_never_negative(errors: int, chance: float) -> None:
    assert 0 <= delay(errors, chance) <= 300
    assert delay(errors, 0.0) == 0


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

"""Arguments: what fits the task and survives JSON passes, all else fails at the caller, naming task and parameter."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, strategies as st
from pydantic import BaseModel

from nuvom._arguments import Codec
from nuvom.errors import ArgumentsError


class Colour(enum.Enum):
    """A user's enum."""

    RED = "red"


@dataclass
class Point:
    """A user's dataclass."""

    x: int
    y: int


@dataclass
class Loose:
    """A user's dataclass with a float."""

    x: float


class Order(BaseModel):
    """A user's model."""

    number: int
    at: datetime


def add(x: int, y: int) -> int:
    return x + y


def plain(value: Any) -> Any:
    return value


def untyped(*args: Any, **kwargs: Any) -> Any:
    return args, kwargs


def defaults(a: int, b: int = 2, *rest: int, c: str = "c", **more: float) -> None: ...


def typed_by(hint: Any) -> Codec:
    def function(value: Any) -> None: ...

    function.__annotations__["value"] = hint
    return Codec("tasks.function", function)


def through(codec: Codec, *args: Any, **kwargs: Any) -> tuple[list[Any], dict[str, Any]]:
    got_args, got_kwargs = codec.decode(codec.encode(args, kwargs))
    return list(got_args), dict(got_kwargs)


def test_a_call_is_encoded_the_same_however_it_is_spelled() -> None:
    codec = Codec("tasks.add", add)
    assert (
        codec.encode((1, 2), {}) == codec.encode((1,), {"y": 2}) == codec.encode((), {"y": 2, "x": 1}) == b"[[1,2],{}]"
    )


@pytest.mark.parametrize(
    ("args", "kwargs", "word"),
    [
        ((1,), {}, "'y'"),
        ((1, 2, 3), {}, "too many"),
        ((1, 2), {"z": 3}, "'z'"),
        ((1,), {"x": 1}, "'x'"),
        ((1, "2"), {}, "'y'"),
        ((1.5, 2), {}, "'x'"),
        ((None, 2), {}, "'x'"),
    ],
)
def test_a_call_that_does_not_fit_is_a_type_error_with_task_and_parameter(args: Any, kwargs: Any, word: str) -> None:
    with pytest.raises(TypeError, match=r"tasks\.add") as caught:
        Codec("tasks.add", add).encode(args, kwargs)
    assert word in str(caught.value)
    assert isinstance(caught.value, ArgumentsError)


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (datetime, datetime(2027, 1, 2, 3, 4, 5, 678, tzinfo=UTC)),
        (datetime, datetime(2027, 1, 2, 3, 4, tzinfo=timezone(timedelta(hours=5, minutes=30)))),
        (date, date(2027, 1, 2)),
        (timedelta, timedelta(days=1, microseconds=7)),
        (UUID, UUID(int=7)),
        (Decimal, Decimal("1.10")),
        (Colour, Colour.RED),
        (Point, Point(1, 2)),
        (Order, Order(number=1, at=datetime(2027, 1, 1, tzinfo=UTC))),
        (list[Point], [Point(1, 2)]),
        (dict[str, Colour], {"a": Colour.RED}),
        (tuple[int, str], (1, "a")),
        (set[int], {1, 2}),
        (bytes, b"abc"),
        (Path, Path("a/b")),
        (int | None, None),
        (int | Point, Point(3, 4)),
        (float, 2),
    ],
)
def test_values_of_hinted_parameters_come_back_as_they_were(hint: Any, value: Any) -> None:
    assert through(typed_by(hint), value) == ([value], {})


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (datetime, "tomorrow"),
        (Colour, "red"),
        (Point, (1, 2)),
        (list[int], (1, 2)),
        (list[int], ["a"]),
        (Order, {"number": 1}),
        (int, 10**30),
        (float, math.nan),
        (list[float], [math.inf]),
        (str, "\ud800"),
        (str, b"x"),
        (int | None, "x"),
        (Callable[[], None], print),
        (Any, {1: 2}),
        (Any, {"a": {1, 2}}),
        (Any, (1, 2)),
        (Any, object()),
        (Any, datetime(2027, 1, 1, tzinfo=UTC)),
        (Any, lambda: 1),
    ],
)
def test_a_value_that_does_not_survive_is_refused_at_the_caller(hint: Any, value: Any) -> None:
    with pytest.raises(ArgumentsError, match=r"^tasks\.function\(\)"):
        typed_by(hint).encode((value,), {})


def test_nesting_is_bounded() -> None:
    value: list[Any] = []
    for _ in range(1_000):
        value = [value]
    with pytest.raises(ArgumentsError, match="nested deeper than 100"):
        Codec("tasks.plain", plain).encode((value,), {})


def test_a_value_that_holds_itself_is_refused() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(ArgumentsError, match="nested deeper"):
        Codec("tasks.plain", plain).encode((value,), {})


def test_variable_arguments_are_checked_by_their_own_hints() -> None:
    codec = Codec("tasks.defaults", defaults)
    assert through(codec, 1, 2, 3, 4, c="x", extra=1.5) == ([1, 2, 3, 4], {"c": "x", "extra": 1.5})
    assert through(codec, 1, c="x") == ([1], {"c": "x"})
    with pytest.raises(ArgumentsError, match="'rest'"):
        codec.encode((1, 2, "three"), {})
    with pytest.raises(ArgumentsError, match="'more'"):
        codec.encode((1,), {"extra": "text"})


def test_a_default_left_out_before_a_named_one_keeps_its_default() -> None:
    def function(a: int, b: int = 2, c: int = 3) -> None: ...

    assert through(Codec("t", function), 1, c=5) == ([1], {"c": 5})


@pytest.mark.parametrize(
    "stored", [b"", b"null", b"[1]", b"\x00", b'{"a":1}', b"[[1,2,3],{}]", b'[["a",2],{}]', b"[[1],{}]"]
)
def test_stored_arguments_that_no_longer_fit_say_so(stored: bytes) -> None:
    with pytest.raises(ArgumentsError, match=r"tasks\.add"):
        Codec("tasks.add", add).decode(stored)


def test_a_hint_that_cannot_be_resolved_counts_as_none() -> None:
    def function(a: Nowhere, b: int) -> None: ...  # type: ignore[name-defined]  # noqa: F821  what is tested

    codec = Codec("tasks.function", function)
    assert through(codec, "anything", 2) == (["anything", 2], {})
    with pytest.raises(ArgumentsError, match="'b'"):
        codec.encode(("anything", "two"), {})


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(args=st.lists(_json, max_size=4), kwargs=st.dictionaries(st.text(min_size=1), _json, max_size=3))
def test_whatever_json_has_comes_back_exactly(args: list[Any], kwargs: dict[str, Any]) -> None:
    assert through(Codec("tasks.untyped", untyped), *args, **kwargs) == (args, kwargs)


@pytest.mark.parametrize("value", [math.nan, math.inf, [1.5, math.nan], {"a": (None, -math.inf)}, Loose(math.nan)])
def test_a_result_that_would_be_read_back_as_null_is_none(value: Any) -> None:
    with pytest.raises(ValueError, match="no NaN and no infinity"):
        Codec("tasks.plain", plain).encode_result(value)
    assert Codec("tasks.plain", plain).encode_result([None, 1.5, Loose(2.0)]) == b'[null,1.5,{"x":2.0}]'

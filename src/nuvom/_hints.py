"""Type hints of a task, and whether JSON can ever carry what it returns."""

from __future__ import annotations

import enum
import inspect
import types
import typing
from collections import abc
from collections.abc import Callable
from contextlib import suppress
from dataclasses import is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import PurePath
from typing import Any, get_args, get_origin
from uuid import UUID

_NEVER = (
    abc.Callable, abc.Iterator, abc.Generator, abc.AsyncIterator, abc.AsyncGenerator, abc.AsyncIterable, abc.Coroutine,
    abc.Awaitable, types.ModuleType, types.FunctionType, types.GeneratorType, type,
)  # fmt: skip
_FINE = (
    bool,
    int,
    float,
    str,
    bytes,
    list,
    tuple,
    dict,
    set,
    frozenset,
    datetime,
    date,
    time,
    timedelta,
    Decimal,
    UUID,
    PurePath,
)
_FINE_ORIGINS = (list, tuple, dict, set, frozenset, abc.Sequence, abc.Mapping, abc.Set, abc.Iterable, abc.Collection)


def resolved_hints(function: Callable[..., Any]) -> dict[str, Any]:
    """Return a function's hints; those that cannot be resolved (names of TYPE_CHECKING imports) count as none."""
    try:
        return typing.get_type_hints(function, include_extras=True)
    except Exception:  # noqa: BLE001  an annotation may be any expression
        return _one_by_one(inspect.unwrap(function))


def _one_by_one(function: Callable[..., Any]) -> dict[str, Any]:
    hints: dict[str, Any] = {}
    for name, annotation in getattr(function, "__annotations__", {}).items():
        probe = types.FunctionType(_probe.__code__, getattr(function, "__globals__", {}))
        probe.__annotations__ = {name: annotation}
        with suppress(Exception):
            hints.update(typing.get_type_hints(probe, include_extras=True))
    return hints


def _probe() -> None: ...


def unencodable_return(function: Callable[..., Any]) -> str | None:
    """Return why JSON can never carry what a function returns, None where it may."""
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        return "it is a generator, and a task returns one value"
    hint = resolved_hints(function).get("return", Any)
    return None if _may_be_carried(hint) else f"JSON can never carry its result, {_name(hint)}"


def _may_be_carried(hint: Any) -> bool:
    origin = get_origin(hint)
    if hint in _NEVER or origin in _NEVER:
        return False
    if origin is typing.Annotated:
        return _may_be_carried(get_args(hint)[0])
    if origin in (typing.Union, types.UnionType):
        return any(_may_be_carried(member) for member in get_args(hint))
    if origin is typing.Literal or origin in _FINE_ORIGINS:
        return True
    return not isinstance(hint, type) or _is_known(hint) or _has_schema(hint)


def _is_known(kind: type) -> bool:
    if kind in (object, types.NoneType) or issubclass(kind, _FINE) or issubclass(kind, enum.Enum):
        return True
    return is_dataclass(kind) or hasattr(kind, "__pydantic_validator__") or typing.is_typeddict(kind)


def _has_schema(kind: type) -> bool:
    from pydantic import PydanticSchemaGenerationError, TypeAdapter

    try:
        TypeAdapter(kind)
    except PydanticSchemaGenerationError:
        return False
    except Exception:  # noqa: BLE001  a hint that pydantic cannot finish yet may be fine later
        return True
    return True


def _name(hint: Any) -> str:
    return hint.__qualname__ if isinstance(hint, type) else str(hint)

"""What a task's key makes of a call: the value by which its limits and its uniqueness count."""

from __future__ import annotations

import ast
import hashlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from nuvom._arguments import Codec, native
from nuvom.errors import ArgumentsError, TaskDefinitionError, shortened

Key = str | Callable[..., Any]

BY_FUNCTION = "()"  # how a key that only the task's own code can compute is told to others
_LONGEST = 200  # characters of a value that are kept as they are


def check_key(task: str, function: Callable[..., Any], key: object) -> None:
    """Raise TaskDefinitionError unless `key` is a parameter's name or a function of the task's arguments."""
    if key is None:
        return
    if isinstance(key, str):
        parameters = inspect.signature(function).parameters
        found = parameters.get(key)
        if found is None or found.kind in (found.VAR_POSITIONAL, found.VAR_KEYWORD):
            named = ", ".join(parameters) or "none"
            raise TaskDefinitionError(
                f"{task}: key={shortened(key)} is none of its parameters ({named}); name one of them"
            )
    elif inspect.iscoroutinefunction(key) or not callable(key):
        raise TaskDefinitionError(
            f"{task}: key={shortened(key)} must be the name of a parameter, or a plain function of the task's arguments"
        )


def reported(key: Key | None) -> str | None:
    """Return what workers tell others of a key."""
    return key if key is None or isinstance(key, str) else BY_FUNCTION


def kin(codec: Codec, key: Key, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """Return the value of a key for one call as text; raises ArgumentsError naming task and key."""
    value = _parameter(codec, key, args, kwargs) if isinstance(key, str) else _computed(codec, key, args, kwargs)
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    if len(text) <= _LONGEST:
        return text
    return f"{text[:50]}…{hashlib.blake2b(text.encode(errors='surrogatepass'), digest_size=16).hexdigest()}"


def of_named(key: str | None, signature: str) -> Key | None:
    """Return the key of a task that is only known by its name, from what workers reported of it."""
    if key is None:
        return None
    if key == BY_FUNCTION:
        return _not_here
    names = _positional(signature)

    def given(*args: Any, **kwargs: Any) -> Any:
        place = names.index(key) if key in names else len(args)
        if key not in kwargs and place >= len(args):
            raise TypeError(f"{key} is not among the arguments, and what it is without them only its own code knows")
        return kwargs.get(key, args[place] if place < len(args) else None)

    return given


def _not_here(*_: Any, **__: Any) -> Any:
    raise TypeError("it is a function, which only the task's own code has: import the task and call it there")


def _positional(signature: str) -> list[str]:
    try:
        function = ast.parse(f"def task{signature}: ...").body[0]
    except SyntaxError:  # a default whose text is no Python
        return []
    assert isinstance(function, ast.FunctionDef)  # noqa: S101  it is what was parsed
    return [parameter.arg for parameter in (*function.args.posonlyargs, *function.args.args)]


def _parameter(codec: Codec, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    bound = codec.bind(args, kwargs)
    if name in bound.arguments:
        return codec.to_json(name, bound.arguments[name])
    bound.apply_defaults()  # which no hint need allow
    return _checked(codec, f"key {name!r}", bound.arguments[name])


def _computed(codec: Codec, key: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    bound = codec.bind(args, kwargs)
    bound.apply_defaults()
    try:
        value = key(*bound.args, **bound.kwargs)
    except Exception as error:
        raise ArgumentsError(codec.task, None, f"its {_called(key)} raised {type(error).__name__}: {error}") from error
    return _checked(codec, _called(key), value)


def _checked(codec: Codec, called: str, value: Any) -> Any:
    try:
        return native(value)
    except ValueError as error:
        raise ArgumentsError(codec.task, None, f"its {called} gave what JSON cannot carry: {error}") from None


def _called(key: Callable[..., Any]) -> str:
    return f"key function {getattr(key, '__qualname__', repr(key))}"

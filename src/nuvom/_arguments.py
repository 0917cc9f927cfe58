"""Arguments and results on their way through JSON: checked at the caller, decoded by the task's own type hints."""

from __future__ import annotations

import inspect
import math
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, Union, get_args, get_origin

import orjson

from nuvom._hints import resolved_hints
from nuvom.errors import ArgumentsError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

MAX_DEPTH = 100
_INT64 = range(-(2**63), 2**64)
_PLAIN: dict[Any, tuple[type, ...]] = {
    int: (int,),
    float: (float, int),
    str: (str,),
    bool: (bool,),
    None: (types.NoneType,),
    types.NoneType: (types.NoneType,),
}
_ATOMS = frozenset((str, bool, types.NoneType))
_ANYTHING = (Any, object, inspect.Parameter.empty)


class _Slot(Protocol):
    """One parameter's way to JSON and back; both raise ValueError with the reason."""

    def to_json(self, value: Any) -> Any: ...

    def from_json(self, value: Any) -> Any: ...


class _Plain:
    """Types that JSON has: a look at the type is all the check there is."""

    def __init__(self, allowed: tuple[type, ...]) -> None:
        self._allowed = frozenset(allowed)
        self._instances = allowed
        self._names = " or ".join(dict.fromkeys(kind.__name__.replace("NoneType", "None") for kind in allowed))

    def to_json(self, value: Any) -> Any:
        if not isinstance(value, self._instances) or (isinstance(value, bool) and not self._allowed & {bool, int}):
            raise ValueError(f"{_short(value)} is not {self._names}")
        return native(value)

    def from_json(self, value: Any) -> Any:
        if type(value) in self._allowed:
            return value
        return self.to_json(value)


class _Native:
    """A parameter without a hint: whatever JSON gives back exactly as it was."""

    def to_json(self, value: Any) -> Any:
        return native(value)

    def from_json(self, value: Any) -> Any:
        return value


class _Adapted:
    """Any other hint, through pydantic, whose import costs too much for those who do not need it."""

    def __init__(self, hint: Any) -> None:
        self._hint = hint

    @cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        from pydantic import TypeAdapter

        return TypeAdapter(self._hint)

    def to_json(self, value: Any) -> Any:
        try:
            plain = self._adapter.dump_python(value, mode="json", warnings="error")
        except Exception as error:  # noqa: BLE001  validators and serializers of the user's may raise anything
            raise ValueError(f"{_short(value)} is not {_hint_name(self._hint)}: {_first_line(error)}") from None
        native(plain)
        if not _same(self.from_json(plain), value):
            raise ValueError(f"{_short(value)} does not come back from JSON as it was")
        return plain

    def from_json(self, value: Any) -> Any:
        try:
            return self._adapter.validate_python(value)
        except Exception as error:  # noqa: BLE001  validators and serializers of the user's may raise anything
            raise ValueError(f"{_short(value)} is not {_hint_name(self._hint)}: {_first_line(error)}") from None

    def dump(self, value: Any) -> bytes:
        return self._adapter.dump_json(value, warnings="error")

    def load(self, raw: bytes) -> Any:
        return self._adapter.validate_json(raw)


def _slot(hint: Any) -> _Slot:
    """Return the cheapest slot that serves a hint."""
    if hint in _ANYTHING:
        return _Native()
    members = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    if all(_is_plain(member) for member in members):
        return _Plain(tuple(kind for member in members for kind in _PLAIN[member]))
    return _Adapted(hint)


def _is_plain(hint: Any) -> bool:
    try:
        return hint in _PLAIN
    except TypeError:  # unhashable: Annotated[..., []] and the like
        return False


class Codec:
    """The encoding of one task's arguments and result, compiled at its first use."""

    def __init__(self, task: str, function: Callable[..., Any]) -> None:
        self.task: str = task
        self._function = function

    @cached_property
    def signature(self) -> inspect.Signature:
        """The function's signature."""
        return inspect.signature(self._function)

    @cached_property
    def _hints(self) -> dict[str, Any]:
        return resolved_hints(self._function)

    @cached_property
    def _positional(self) -> list[tuple[str, _Slot]]:
        kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        return [(p.name, self._slot_of(p)) for p in self.signature.parameters.values() if p.kind in kinds]

    @cached_property
    def _least(self) -> float:
        """How many arguments by position are enough; infinite where some cannot be passed so."""
        needed = [p for p in self.signature.parameters.values() if p.default is p.empty]
        if any(p.kind is p.KEYWORD_ONLY for p in needed):
            return math.inf
        return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in needed)

    @cached_property
    def _named(self) -> dict[str, _Slot]:
        # Positional ones too: a call that leaves out a default before them passes them by name.
        kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        return {p.name: self._slot_of(p) for p in self.signature.parameters.values() if p.kind in kinds}

    @cached_property
    def _slots(self) -> dict[str, _Slot]:
        return dict(self._positional) | self._named

    @cached_property
    def _rest(self) -> dict[Any, tuple[str, _Slot]]:
        variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        return {p.kind: (p.name, self._slot_of(p)) for p in self.signature.parameters.values() if p.kind in variable}

    @cached_property
    def _result(self) -> _Slot:
        return _slot(self._hints.get("return", Any))

    def _slot_of(self, parameter: inspect.Parameter) -> _Slot:
        return _slot(self._hints.get(parameter.name, Any))

    def encode(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bytes:
        """Return the JSON of a call, the same however it was spelled.

        Raises:
            ArgumentsError: the call does not fit the signature, or a value does not survive JSON and the hints.
        """
        if not kwargs and self._least <= len(args) <= len(self._positional):  # the common case needs no bind
            said: list[Any] = [self._placed(slots, value) for slots, value in zip(self._positional, args, strict=False)]
            call: list[Any] = [said, {}]
        else:
            call = self._bound(args, kwargs)
        try:
            return orjson.dumps(call)
        except (TypeError, RecursionError) as error:  # lone surrogates: JSON has no way to say them
            raise ArgumentsError(self.task, None, f"JSON cannot carry them: {error}") from None

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> inspect.BoundArguments:
        """Return which parameter each argument is for; raises ArgumentsError where the call does not fit."""
        try:
            return self.signature.bind(*args, **kwargs)
        except TypeError as error:
            raise ArgumentsError(self.task, None, f"{error}; its signature is {self.signature}") from None

    def to_json(self, parameter: str, value: Any) -> Any:
        """Return the JSON value of a parameter's argument; raises ArgumentsError where it has none."""
        return self._placed((parameter, self._slots[parameter]), value)

    def _bound(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
        bound = self.bind(args, kwargs)
        positional = [self._placed(self._place(i), value) for i, value in enumerate(bound.args)]
        return [positional, {name: self._placed(self._place(name), value) for name, value in bound.kwargs.items()}]

    def _placed(self, place: tuple[str, _Slot], value: Any) -> Any:
        name, slot = place
        try:
            return slot.to_json(value)
        except ValueError as error:
            raise ArgumentsError(self.task, name, str(error)) from None

    def _place(self, place: int | str) -> tuple[str, _Slot]:
        if isinstance(place, int):
            if place < len(self._positional):
                return self._positional[place]
            return self._rest[inspect.Parameter.VAR_POSITIONAL]
        if place in self._named:
            return place, self._named[place]
        return self._rest[inspect.Parameter.VAR_KEYWORD]

    def decode(self, arguments: bytes) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """Return the arguments of a stored call as the hints say.

        Raises:
            ArgumentsError: they no longer fit the function, or are no JSON.
        """
        try:
            args, kwargs = orjson.loads(arguments)
        except (ValueError, TypeError):
            raise ArgumentsError(self.task, None, "the stored arguments are not JSON of a call") from None
        self._check_fit(args, kwargs)
        for i, value in enumerate(args):
            args[i] = self._in(i, value)
        for name, value in kwargs.items():
            kwargs[name] = self._in(name, value)
        return args, kwargs

    def _check_fit(self, args: list[Any], kwargs: dict[str, Any]) -> None:
        try:
            if not kwargs and len(args) == len(self._positional) == len(self.signature.parameters):
                return  # the common case needs no bind
            self.signature.bind(*args, **kwargs)
        except TypeError as error:
            raise ArgumentsError(self.task, None, f"{error}; its signature is now {self.signature}") from None

    def _in(self, place: int | str, value: Any) -> Any:
        name, slot = self._place(place)
        try:
            return slot.from_json(value)
        except ValueError as error:
            raise ArgumentsError(self.task, name, str(error)) from None

    def encode_result(self, value: Any) -> bytes:
        """Return a result's JSON; raises ValueError with the reason where there is none."""
        raw = self._dumped(value)
        if b"null" in raw and _has_non_finite(value):
            raise ValueError(f"JSON has no NaN and no infinity, which {_short(value)} has; return None or text")
        return raw

    def _dumped(self, value: Any) -> bytes:
        if isinstance(self._result, _Adapted):
            try:
                return self._result.dump(value)
            except Exception:  # noqa: BLE001  the task returned what its hint does not say: what JSON makes of it
                return _dumps(value)
        return _dumps(value)

    def decode_result(self, raw: bytes) -> Any:
        """Return a stored result by the return hint; as plain JSON where it does not fit the hint any more."""
        if isinstance(self._result, _Adapted):
            try:
                return self._result.load(raw)
            except Exception:  # noqa: BLE001  an older or newer release returned something else
                return orjson.loads(raw)
        return orjson.loads(raw)


def _dumps(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except (TypeError, RecursionError) as error:
        raise ValueError(f"JSON cannot carry {_short(value)}: {error}") from None


def _has_non_finite(value: Any, depth: int = 0) -> bool:
    """Tell whether a float that JSON writes as null is in a value that was written."""
    if isinstance(value, float):
        return not math.isfinite(value)
    if depth > MAX_DEPTH or isinstance(value, str | bytes):
        return False
    if isinstance(value, Mapping):
        parts: Iterable[Any] = value.values()
    elif isinstance(value, list | tuple | set | frozenset):
        parts = value
    elif is_dataclass(value):
        parts = (getattr(value, field.name) for field in fields(value))
    else:
        parts = getattr(value, "__dict__", {}).values()
    return any(_has_non_finite(part, depth + 1) for part in parts)


def native(value: Any, depth: int = 0) -> Any:
    """Return a value that JSON gives back as it was; raises ValueError with what it cannot."""
    if depth > MAX_DEPTH:
        raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")
    if type(value) in _ATOMS or (type(value) is int and value in _INT64):  # the common case needs no match
        return value
    match value:
        case None | bool() | str():
            return value
        case int() if value not in _INT64:
            raise ValueError(f"{_short(value)} has more than 64 bits; pass it as text")
        case float() if not math.isfinite(value):
            raise ValueError(f"JSON has no {value}; pass None or text")
        case int() | float():
            return value
        case list():
            for item in value:
                native(item, depth + 1)
            return value
        case dict():
            for key, item in value.items():
                if not isinstance(key, str):
                    raise ValueError(f"JSON has only text as keys, not {_short(key)}")
                native(item, depth + 1)
            return value
        case _:
            kind = type(value).__name__
            raise ValueError(
                f"{_short(value)} does not survive JSON; annotate the parameter as {kind}, or pass what it is made of"
            )


def _same(decoded: Any, value: Any) -> bool:
    try:
        return bool(decoded == value)
    except Exception:  # noqa: BLE001  an __eq__ of the user's may raise anything
        return False


def _short(value: Any) -> str:
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  a __repr__ of the user's may raise anything
        text = f"<{type(value).__name__}>"
    return text if len(text) <= 80 else f"{text[:77]}..."


def _hint_name(hint: Any) -> str:
    return getattr(hint, "__name__", None) or str(hint)


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[1] if len(lines) > 1 and "validation error" in lines[0] else (lines or [type(error).__name__])[0]

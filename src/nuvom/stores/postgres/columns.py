"""Rows turned into the arrays that statements take: one round trip for a batch, whatever its size.

An array goes out as the text that PostgreSQL has for one, and the statement casts it: the driver would take a list
value by value, which costs several times as much (https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_APART = "\0"  # in no text that PostgreSQL can hold


def columns(names: Sequence[str], rows: Iterable[Sequence[object]]) -> dict[str, str | None]:
    """Return the values of each name in the rows' order; None stands for a column of which every value is None.

    Raises:
        ValueError: a text holds a NUL character.
    """
    turned = zip(*rows, strict=True)
    return {name: _column(values) for name, values in zip(names, turned, strict=True)}


def _column(values: Sequence[object]) -> str | None:
    kinds = {*map(type, values)}
    if kinds == {type(None)}:
        return None
    if not any(issubclass(kind, str) for kind in kinds):
        return _array(map(str, values) if type(None) not in kinds else map(_plain, values))
    if type(None) in kinds:
        return _array("NULL" if value is None else _quoted([value]) for value in values)
    return _array([_quoted(values)])


def _array(elements: Iterable[str]) -> str:
    return "{" + ",".join(elements) + "}"


def _plain(value: object) -> str:
    return "NULL" if value is None else str(value)


def _quoted(texts: Sequence[object]) -> str:
    """Quote texts, all of them at once."""
    joined = _APART.join(texts)  # type: ignore[arg-type]  # the caller looked at their types
    if joined.count(_APART) != len(texts) - 1:
        raise ValueError("a text with the character NUL cannot be stored in PostgreSQL: leave it out")
    escaped = joined.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace(_APART, '","') + '"'

"""Rows turned into the arrays that statements take: one round trip for a batch, whatever its size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def columns(names: Sequence[str], rows: Iterable[Sequence[object]]) -> dict[str, object]:
    """Return the values of each name in the rows' order; None stands for a column of which every value is None."""
    turned = zip(*rows, strict=True)
    return {name: _column(values) for name, values in zip(names, turned, strict=True)}


def _column(values: Sequence[object]) -> list[object] | None:
    return None if all(value is None for value in values) else list(values)

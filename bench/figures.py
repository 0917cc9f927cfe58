"""What a bench found, what it was to reach, and how people and programs read it; pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

HEADER = ("figure", "Nuvom", "raw", "ratio", "target", "", "what it is")
WIDTHS = (22, 12, 10, 6, 12, 2, 0)


@dataclass(frozen=True, slots=True)
class Target:
    """A bound on a figure's value, or on its ratio to the raw engine's."""

    kind: Literal["≥", "≤"]
    bound: float
    of_ratio: bool = False

    def met_by(self, value: float, ratio: float | None) -> bool:
        measured = ratio if self.of_ratio else value
        if measured is None:
            return False
        return measured >= self.bound if self.kind == "≥" else measured <= self.bound

    def __str__(self) -> str:
        return f"{self.kind} {self.bound:,g}{' × raw' if self.of_ratio else ''}"


def share(of_raw: float) -> Target:
    """At least this share of the raw engine's rate."""
    return Target("≥", of_raw, of_ratio=True)


def at_least(bound: float) -> Target:
    return Target("≥", bound)


def at_most(bound: float) -> Target:
    return Target("≤", bound)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured value, beside the raw engine's where that means something."""

    name: str
    nuvom: float
    unit: str
    raw: float | None = None
    target: Target | None = None
    what: str = ""

    @property
    def ratio(self) -> float | None:
        return None if not self.raw else self.nuvom / self.raw

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        return None if self.target is None else self.target.met_by(self.nuvom, self.ratio)


def as_json(figures: Iterable[Figure]) -> str:
    """One object: the figures by name."""
    return json.dumps({figure.name: _fields(figure) for figure in figures}, indent=2, ensure_ascii=False)


def _fields(figure: Figure) -> dict[str, Any]:
    return {
        "nuvom": figure.nuvom,
        "raw": figure.raw,
        "ratio": figure.ratio,
        "target": None if figure.target is None else str(figure.target),
        "met": figure.met,
        "unit": figure.unit,
        "what": figure.what,
    }


def table(figures: Iterable[Figure]) -> Iterator[str]:
    """A line for each figure."""
    return (_line(_cells(figure)) for figure in figures)


def header() -> str:
    return _line(HEADER)


def _cells(figure: Figure) -> Sequence[str]:
    verdict = {None: "", True: "✓", False: "✗"}[figure.met]
    return (
        figure.name,
        f"{_number(figure.nuvom)} {figure.unit}",
        "" if figure.raw is None else _number(figure.raw),
        "" if figure.ratio is None else f"{figure.ratio:.2f}",
        "" if figure.target is None else str(figure.target),
        verdict,
        figure.what,
    )


def _line(cells: Sequence[str]) -> str:
    name, *numbers, verdict, what = cells
    columns = [name.ljust(WIDTHS[0]), *(f"{cell:>{width}}" for cell, width in zip(numbers, WIDTHS[1:], strict=False))]
    return "  ".join([*columns, verdict.ljust(WIDTHS[5]), what]).rstrip()


def _number(value: float) -> str:
    """Three digits are all that a measurement is good for."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"

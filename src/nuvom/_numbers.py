"""Numbers and flags as callers give them: checked, or refused by name."""

from __future__ import annotations

MAX_COUNT = 1_000_000


def whole(value: object, name: str, low: int, high: int) -> int:
    """Return a whole number within bounds; raises TypeError or ValueError naming the option."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name}={value!r} must be a whole number")
    if not low <= value <= high:
        raise ValueError(f"{name}={value!r} must be between {low} and {high}")
    return value


def flag(value: object, name: str) -> bool:
    """Return a flag; raises TypeError naming the option."""
    if not isinstance(value, bool):
        raise TypeError(f"{name}={value!r} must be True or False")
    return value

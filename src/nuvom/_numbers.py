"""Numbers and flags as callers give them: checked, or refused by name."""

from __future__ import annotations

from nuvom.errors import shortened

MAX_COUNT = 1_000_000
MOST_LISTED = 1_000_000_000


def listed(value: object, name: str = "limit") -> int:
    """Return how many of something are to be listed; raises TypeError or ValueError naming the option."""
    return whole(value, name, 0, MOST_LISTED)


def whole(value: object, name: str, low: int, high: int) -> int:
    """Return a whole number within bounds; raises TypeError or ValueError naming the option."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name}={shortened(value)} must be a whole number")
    if not low <= value <= high:
        raise ValueError(f"{name}={shortened(value)} must be between {low} and {high}")
    return value


def flag(value: object, name: str) -> bool:
    """Return a flag; raises TypeError naming the option."""
    if not isinstance(value, bool):
        raise TypeError(f"{name}={shortened(value)} must be True or False")
    return value

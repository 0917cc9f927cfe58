"""Durations as people write them: seconds, a timedelta, or text such as "15m"."""

from __future__ import annotations

import math
import re
from datetime import timedelta

from nuvom.errors import shortened

Duration = int | float | timedelta | str

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_TEXT = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+", re.ASCII)
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])", re.ASCII)
_LONGEST = 100  # characters
_EXAMPLES = 'use seconds, a timedelta, or text such as "90s", "15m", "1h30m", "7d"'


def seconds(value: object, field: str) -> float:
    """Return a duration in seconds; `field` is what an error calls it.

    Raises:
        ValueError: it is no duration, or not a finite one.
    """
    match value:
        case bool():
            raise ValueError(f"{field}={shortened(value)} is not a duration; {_EXAMPLES}")
        case timedelta():
            return value.total_seconds()
        case int() | float() if math.isfinite(value):
            return float(value)
        case str() if len(value) <= _LONGEST and _TEXT.fullmatch(value.strip()):
            return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(value))
        case _:
            raise ValueError(f"{field}={shortened(value)} is not a duration; {_EXAMPLES}")


def to_timedelta(value: object, field: str) -> timedelta:
    """Return a duration as a timedelta; raises ValueError as `seconds` does, also where it is out of range."""
    if isinstance(value, timedelta):
        return value
    try:
        return timedelta(seconds=seconds(value, field))
    except OverflowError:
        raise ValueError(f"{field}={shortened(value)} is longer than time itself; {_EXAMPLES}") from None

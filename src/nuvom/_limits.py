"""What `rate=` and `unique=` say, as text that travels with a task: read in one way by callers and stores."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from nuvom._duration import to_timedelta
from nuvom.errors import shortened

WHILE_QUEUED, WHILE_OPEN = "queued", "done"
SHORTEST = timedelta(milliseconds=100)  # of a rate's period: shorter ones are lost between two looks of a worker
LONGEST = timedelta(days=36_500)
MOST = 1_000_000
_MICROSECOND, _MILLISECOND = timedelta(microseconds=1), timedelta(milliseconds=1)
_RATES = 'write how many may start in which time, such as "100/1m"'
_UNIQUE = 'write "queued" (while another waits), "done" (until it is final) or a duration such as "10m"'


class Rate(NamedTuple):
    """How many may start in any time of this length."""

    limit: int
    period: int  # microseconds


def read_rate(value: object, field: str = "rate") -> Rate:
    """Return a rate such as "100/1m"; raises TypeError or ValueError naming `field`."""
    if not isinstance(value, str):
        raise TypeError(f"{field}={shortened(value)} must be text; {_RATES}")
    count, slash, period = value.partition("/")
    if not slash or not count.strip().isascii() or not count.strip().isdecimal():
        raise ValueError(f"{field}={shortened(value)} is no rate; {_RATES}")
    try:
        span = to_timedelta(period.strip(), "period")
    except ValueError:
        raise ValueError(
            f"{field}={shortened(value)} is no rate: {period.strip()!r} is no duration; {_RATES}"
        ) from None
    if not 1 <= int(count) <= MOST:
        raise ValueError(f"{field}={shortened(value)} must let between 1 and {MOST} start")
    if not SHORTEST <= span <= LONGEST:
        raise ValueError(f"{field}={shortened(value)} must count over a time between 100 ms and {LONGEST.days} days")
    return Rate(int(count), span // _MICROSECOND)


def read_unique(value: object, field: str = "unique") -> str:
    """Return "queued", "done" or a duration as text; raises ValueError naming `field`."""
    if value in (WHILE_QUEUED, WHILE_OPEN):
        return str(value)
    try:
        span = to_timedelta(value, field)
    except ValueError:
        raise ValueError(f"{field}={shortened(value)} must be one of these: {_UNIQUE}") from None
    if not _MILLISECOND <= span <= LONGEST:
        raise ValueError(f"{field}={shortened(value)} must be at least 1 ms and at most {LONGEST.days} days; {_UNIQUE}")
    return value if isinstance(value, str) else f"{span // _MILLISECOND}ms"


def unique_period(unique: str) -> int | None:
    """Return for how many microseconds after its push a job stands for its kind; None: while it is queued or open."""
    return None if unique in (WHILE_QUEUED, WHILE_OPEN) else to_timedelta(unique, "unique") // _MICROSECOND

"""How late an occurrence leaves: a repeatable spread by schedule and nominal time, below the gap to the next one."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import blake2b

from nuvom.triggers.instants import EPOCH

_MICROSECOND = timedelta(microseconds=1)
_HASH_BYTES = 8


def spread(seed: str, nominal: datetime, jitter: timedelta, gap: timedelta | None) -> timedelta:
    """Return how much later than `nominal` an occurrence is due.

    Args:
        seed: what tells schedules apart, such as the schedule's id.
        nominal: the occurrence's aware instant; the same one gives the same spread on every machine.
        jitter: how much later it may be at most, not negative.
        gap: how long after `nominal` the next occurrence is, so that their order is kept; None if there is none.

    Returns:
        Whole microseconds, at least 0 and less than the shorter of `jitter` and `gap`; 0 if that is 0.

    """
    limit = (jitter if gap is None else min(jitter, gap)) // _MICROSECOND
    text = f"{seed}\0{(nominal - EPOCH) // _MICROSECOND}"
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_HASH_BYTES).digest()
    return (int.from_bytes(digest, "big") * limit >> 8 * _HASH_BYTES) * _MICROSECOND

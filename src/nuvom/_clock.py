"""Time as the rest of Nuvom sees it: a clock that can be replaced, and microseconds since 1970 as stores keep them."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Clock(Protocol):
    """A source of wall time and of time that no step of the wall clock moves."""

    def now(self) -> datetime:
        """Return the wall time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that only grow while this boot lasts, the same for every process of the host."""
        ...

    def boot(self) -> str:
        """Return an id of this boot: two monotonic readings compare only under the same id."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let this much time pass."""
        ...


class SystemClock:
    """The host's clock."""

    def now(self) -> datetime:
        """Return the host's wall time."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return CLOCK_MONOTONIC: shared by all processes of a host, not moved by settimeofday (clock_gettime(2))."""
        return time.monotonic()

    def boot(self) -> str:
        """Return the kernel's boot id, or the time of boot where the kernel has none."""
        return _boot_id()

    def sleep(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(max(0.0, seconds))


@cache
def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        # Rounded to ten minutes: steps of the wall clock must not look like another boot.
        return f"boot-{round((time.time() - time.monotonic()) / 600)}"


SYSTEM_CLOCK = SystemClock()


def to_us(moment: datetime) -> int:
    """Return microseconds since 1970 of an aware datetime."""
    return (moment - EPOCH) // _MICROSECOND


def from_us(microseconds: int) -> datetime:
    """Return the aware UTC datetime of microseconds since 1970."""
    return EPOCH + timedelta(0, 0, microseconds)  # by place: the keyword costs as much again

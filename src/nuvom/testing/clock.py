"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import datetime, timedelta


class VirtualClock:
    """Wall and monotonic time that only its methods move."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._monotonic = timedelta(days=1)
        self._boots = 1

    def now(self) -> datetime:
        """Return the wall time."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds since some start."""
        return self._monotonic.total_seconds()

    def boot(self) -> str:
        """Return the id of the current boot."""
        return f"boot-{self._boots}"

    def advance(self, duration: timedelta | float) -> None:
        """Let time pass, on both clocks; a number is seconds."""
        step = _timedelta(duration)
        if step < timedelta(0):
            raise ValueError(f"time does not pass backwards ({duration!r}); step() sets the wall clock back")
        self._now += step
        self._monotonic += step

    def sleep(self, seconds: float) -> None:
        """Let time pass: the sleep of code under test takes none."""
        self.advance(max(0.0, seconds))

    def step(self, duration: timedelta | float) -> None:
        """Set the wall clock on or back, as an administrator does; no time passes."""
        self._now += _timedelta(duration)

    def reboot(self) -> None:
        """Start another boot: earlier monotonic readings say nothing any more."""
        self._boots += 1
        self._monotonic = timedelta(seconds=1)


def _timedelta(duration: timedelta | float) -> timedelta:
    return duration if isinstance(duration, timedelta) else timedelta(seconds=duration)

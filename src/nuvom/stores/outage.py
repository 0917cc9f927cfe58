"""A store that is away: wait longer each time, and say so once when it goes and once when it is back."""

from __future__ import annotations

import logging
from collections.abc import Callable

from nuvom.errors import BackendFailed, StoreError

FIRST = 0.05  # seconds
LONGEST = 3.0
_GONE = "the store is away: %s; this process waits for it and goes on by itself"


class Outage:
    """The time between a failure and the next success; times are monotonic seconds.

    Args:
        random: chance, from 0 to 1.
        log: where it is said.
        gone: what a service does then, with a place for the error.
        back: what it does after it, followed by how long it took.
    """

    def __init__(
        self, random: Callable[[], float], log: logging.Logger, *, gone: str = _GONE, back: str = "the store is back"
    ) -> None:
        self._random = random
        self._log = log
        self._gone = gone
        self._back = back
        self._failures = 0
        self._since = 0.0
        self._said: type[Exception] | None = None
        self.until: float = 0.0  # when to ask the store again

    @property
    def lasts(self) -> bool:
        """Whether the last call failed."""
        return self._failures > 0

    def begin(self, error: Exception, now: float) -> float:
        """Note that a call failed; returns how long to leave the store alone, with jitter and at most 3 s."""
        if not self._failures:
            self._since = now
        if type(error) is not self._said:
            self._said = type(error)
            # A store that is away is told in a line; anything else is a defect, of which all is worth knowing.
            self._log.error(self._gone, error, exc_info=error if _is_defect(error) else None)
        pause = min(LONGEST, FIRST * 2.0 ** min(self._failures, 10)) * (0.5 + self._random() / 2)
        self._failures += 1
        self.until = now + pause
        return pause

    def end(self, now: float) -> None:
        """Note that a call went well."""
        if self._failures:
            self._log.warning("%s after %.1f s and %d failed tries", self._back, now - self._since, self._failures)
            self._failures, self._said = 0, None


def _is_defect(error: Exception) -> bool:
    return not isinstance(error, StoreError) or isinstance(error, BackendFailed)

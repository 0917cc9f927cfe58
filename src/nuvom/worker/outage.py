"""A store that is away: wait longer each time, and say so once when it goes and once when it is back."""

from __future__ import annotations

import logging
from collections.abc import Callable

from nuvom.errors import StoreError

FIRST = 0.05  # seconds
LONGEST = 3.0

log: logging.Logger = logging.getLogger("nuvom.worker")


class Outage:
    """Whether the store is away, and until when not to ask it again; times are monotonic."""

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._since: float | None = None
        self._delay = FIRST
        self.until: float = 0.0

    @property
    def lasts(self) -> bool:
        """Whether the last call failed."""
        return self._since is not None

    def begin(self, error: StoreError, now: float) -> float:
        """Note that a call failed; returns how long to leave the store alone, with jitter and at most 3 s."""
        if self._since is None:
            self._since = now
            log.error("the store is away: %s; this process waits for it and goes on by itself", error)
        pause = self._delay * (0.5 + self._random() / 2)
        self._delay = min(LONGEST, self._delay * 2)
        self.until = now + pause
        return pause

    def end(self, now: float) -> None:
        """Note that a call went well."""
        if self._since is not None:
            log.warning("the store is back after %.1f s", now - self._since)
            self._since, self._delay = None, FIRST

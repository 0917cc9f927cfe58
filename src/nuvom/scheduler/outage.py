"""What a service does while its store is away: wait with backoff, say so once, go on when it is back."""

from __future__ import annotations

import logging
from random import Random

from nuvom.errors import StoreError

SHORTEST, LONGEST = 0.1, 3.0  # seconds

log: logging.Logger = logging.getLogger("nuvom.scheduler")


class Outage:
    """The time between a failure and the next success; true while it lasts."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._failures = 0
        self._since = 0.0
        self._said: type[Exception] | None = None

    def __bool__(self) -> bool:
        return self._failures > 0

    def began(self, error: Exception, at: float) -> float:
        """Note a failure at `at`, in monotonic seconds; return how many seconds to wait before the next try."""
        if not self._failures:
            self._since = at
        if type(error) is not self._said:
            self._said = type(error)
            # A store that is away is told in a line; anything else is a defect, of which all is worth knowing.
            log.error(
                "cannot dispatch, trying again: %s", error, exc_info=None if isinstance(error, StoreError) else error
            )
        longest = min(SHORTEST * 2.0 ** min(self._failures, 10), LONGEST)
        self._failures += 1
        return longest * self._random.uniform(0.5, 1.0)

    def over(self, at: float) -> None:
        """Note a success at `at`, in monotonic seconds."""
        if self._failures:
            log.info("dispatching again after %.1f s and %d failed tries", at - self._since, self._failures)
        self._failures, self._said = 0, None

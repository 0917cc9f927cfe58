"""Checkpoints: the log's pages move into the file as housekeeping, by one process at a time."""

from __future__ import annotations

import math

from nuvom.stores.sqlite.database import Database

_LARGE = 16 << 20  # bytes of log that housekeeping moves at once
_TOO_LARGE = 64 << 20  # bytes of log that a caller moves, where no service runs
_MINUTE = 60.0
_PAUSE = 1.0  # seconds between tries while a long read keeps the log from getting smaller


class Checkpoints:
    """When to move the log."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._last = -math.inf

    def keep_up(self) -> None:
        """Move the log if it is large, and once a minute if there is any."""
        size = self._database.log_size()
        pause = _PAUSE if size > _LARGE else _MINUTE
        if size and self._database.clock.monotonic() - self._last >= pause:
            self._last = self._database.clock.monotonic()
            self._database.checkpoint()


def relieve(database: Database) -> None:
    """Move the log if nobody did for far too long."""
    if database.log_size() > _TOO_LARGE:
        database.checkpoint()

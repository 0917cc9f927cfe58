"""Checkpoints: the log's pages move into the file before the log outgrows what of it is used again and again."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING

from nuvom.errors import StoreError

if TYPE_CHECKING:
    from nuvom.stores.sqlite.database import Database

LOG_KEPT = 4 << 20  # bytes of the log's file that stay when it starts anew: 1,000 pages
_LARGEST = 8 * LOG_KEPT  # bytes of log that writers leave who sync no commit: to them a new block costs no more
_MINUTE = 60.0
_PAUSE = 1.0  # seconds between tries while a long read keeps the log from starting anew


class Checkpoints:
    """When to move the log.

    A log that starts anew is cut to LOG_KEPT bytes, so the size of its file says how much was not moved: a larger file
    is in use up to its end. Until then blocks are written that were written before, which syncs faster than new ones.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._last = -math.inf
        self._tried = 0  # the size at the last try, since which the log did not start anew

    def relieve(self, *, synced: bool) -> None:
        """Move the log if it is too large, as far as that works; one look at the file where it is not.

        Args:
            synced: whether this is for the sake of commits that are synced, which the kept part is for.
        """
        size = self._database.log_size()
        if size <= LOG_KEPT:
            self._tried = 0
        elif (synced or size > _LARGEST) and self._may_help(size):
            with suppress(StoreError):  # whoever writes next meets the same error, and says so
                self._move(size)

    def keep_up(self) -> None:
        """Move the log once a minute if there is any, for the sake of writers who are too rare to do it."""
        if self._rested(_MINUTE) and (size := self._database.log_size()):
            self._move(size)

    def _may_help(self, size: int) -> bool:
        return size >= self._tried + LOG_KEPT or size < self._tried or self._rested(_PAUSE)

    def _rested(self, seconds: float) -> bool:
        return self._database.clock.monotonic() - self._last >= seconds

    def _move(self, size: int) -> None:
        self._last, self._tried = self._database.clock.monotonic(), size
        self._database.checkpoint()

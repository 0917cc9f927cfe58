"""The store's upkeep in small steps, called by every service: what is too old is deleted, and the engine cleans up."""

from __future__ import annotations

import logging
from collections.abc import Callable

from nuvom.errors import StoreUnavailable
from nuvom.stores.base import Store
from nuvom.stores.values import Retention

_PERIOD = 60.0  # seconds between clean-ups, by chance between half and one and a half of it
_STEP = 0.05  # seconds between the steps of a long clean-up, in which others get the write lock
_CHECK = 1.0  # seconds between looks at whether the engine has something to clean up


class Housekeeping:
    """Upkeep about once a minute; all services do it, and steps are small enough to meet. Times are monotonic seconds.

    Args:
        store: what is kept.
        keep: for how long.
        random: chance, from 0 to 1.
        log: where a failure is said.
    """

    def __init__(self, store: Store, keep: Retention, random: Callable[[], float], log: logging.Logger) -> None:
        self._store = store
        self._keep = keep
        self._random = random
        self._log = log
        self._maintain_at = 0.0
        self._prune_at = 0.0
        self.pause: float = 0.0  # seconds until there is more to do

    def step(self, now: float, *, busy: bool = False) -> None:
        """Do what is due; pruning waits for a minute while the service is `busy`.

        Raises:
            StoreUnavailable: the store is away; anything else that goes wrong is said, and the service goes on.
        """
        try:
            if now >= self._maintain_at:
                self._maintain_at = now + _CHECK
                self._store.maintain()
            if now >= self._prune_at + (_PERIOD if busy else 0.0):
                # Set before the work: an error must not bring it back at once.
                self._prune_at = now + _PERIOD * (0.5 + self._random())
                if self._store.prune(self._keep):
                    self._prune_at = now + _STEP
        except StoreUnavailable:
            raise
        except Exception:  # noqa: BLE001  # the service's own work goes on without it
            self._log.exception("housekeeping failed; it is tried again in a minute")
            self._maintain_at = self._prune_at = now + _PERIOD
        self.pause = max(min(self._maintain_at, self._prune_at) - now, 0.0)

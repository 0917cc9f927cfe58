"""Pruning and the engine's own housekeeping, in small steps between dispatches."""

from __future__ import annotations

import logging
from random import Random

from nuvom.errors import StoreUnavailable
from nuvom.stores.base import Store
from nuvom.stores.values import Retention

MAINTAIN_EVERY = 1.0  # seconds
PRUNE_EVERY = 60.0  # seconds, by chance between half and one and a half of it
BETWEEN_STEPS = 0.05  # seconds, while there is more to prune

log: logging.Logger = logging.getLogger("nuvom.scheduler")


class Housekeeping:
    """When to do which part of it; all schedulers do it, and steps are small enough to meet."""

    def __init__(self, store: Store, keep: Retention, random: Random) -> None:
        self._store = store
        self._keep = keep
        self._random = random
        self._maintain_at = 0.0
        self._prune_at = 0.0
        self.pause: float = 0.0  # seconds until there is more to do

    def step(self, at: float, *, busy: bool) -> None:
        """Do what is due at `at`, in monotonic seconds; pruning waits for a minute while dispatches are `busy`."""
        try:
            if at >= self._maintain_at:
                self._maintain_at = at + MAINTAIN_EVERY
                self._store.maintain()
            if at >= self._prune_at + (PRUNE_EVERY if busy else 0.0):
                self._prune_at = at + PRUNE_EVERY * self._random.uniform(0.5, 1.5)
                if self._store.prune(self._keep):
                    self._prune_at = at + BETWEEN_STEPS
        except StoreUnavailable:
            raise
        except Exception:  # dispatching goes on without it
            log.exception("housekeeping failed; it is tried again in a minute")
            self._maintain_at = self._prune_at = at + PRUNE_EVERY
        self.pause = max(min(self._maintain_at, self._prune_at) - at, 0.0)

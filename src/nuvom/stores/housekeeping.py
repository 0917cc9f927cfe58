"""The store's upkeep in small steps, called by every service: what is too old is deleted, and the engine cleans up."""

from __future__ import annotations

from collections.abc import Callable

from nuvom.stores.base import Store
from nuvom.stores.values import Retention

_PERIOD = 60.0  # seconds
_STEP = 0.05  # seconds between the steps of a long clean-up, in which others get the write lock
_CHECK = 5.0  # seconds between looks at whether the engine has something to clean up


class Housekeeping:
    """Upkeep about once a minute; times are monotonic seconds."""

    def __init__(self, store: Store, keep: Retention, random: Callable[[], float]) -> None:
        self._store = store
        self._keep = keep
        self._random = random
        self._prune_at: float | None = None
        self._maintain_at = 0.0

    def step(self, now: float) -> None:
        """Do a small step if it is time; services that started together do not do it together."""
        if self._prune_at is None:
            self._prune_at = now + _PERIOD * self._random()
        if now >= self._prune_at:
            # Set before the work: an error must not bring it back at once.
            self._prune_at = now + _PERIOD * (0.75 + self._random() / 2)
            if self._store.prune(self._keep):
                self._prune_at = now + _STEP
        if now >= self._maintain_at:
            self._maintain_at = now + _CHECK
            self._store.maintain()

"""A worker's look at the schedules: some are due and nobody serves them. It dispatches none; it says so."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing, suppress

from nuvom.errors import NuvomError
from nuvom.stores.base import Store

_FIRST = 10.0  # seconds: services that start together are given time to
_PERIOD = 60.0
_OVERDUE = 5.0  # seconds; less is a scheduler at work

log: logging.Logger = logging.getLogger("nuvom.worker")


class ScheduleWatch:
    """One look a minute; times are monotonic seconds.

    Args:
        store: has the jobs, and the leases of schedulers.
        now: when it begins.
        elsewhere: opens the store that has the schedules, if another one does; only where no scheduler lives.
    """

    def __init__(self, store: Store, now: float, elsewhere: Callable[[], Store] | None = None) -> None:
        self._store = store
        self._elsewhere = elsewhere
        self._at = now + _FIRST

    def step(self, now: float) -> None:
        """Warn when schedules are overdue and no scheduler lives, if it is time to look."""
        if now < self._at:
            return
        self._at = now + _PERIOD
        if self._elsewhere is not None and self._served():
            return
        due_in = self._next_due()
        if due_in is None or due_in > -_OVERDUE:
            return
        if not self._served():
            log.warning(
                "schedules are due since %.0f s and no scheduler is running; start one with `nuvom runscheduler`, "
                "or use `nuvom run`",
                -due_in,
            )

    def _served(self) -> bool:
        return any(service.kind == "scheduler" and service.alive for service in self._store.workers.list())

    def _next_due(self) -> float | None:
        if self._elsewhere is None:
            return self._store.schedules.next_due()
        with suppress(NuvomError), closing(self._elsewhere()) as store:  # a worker can do without it
            return store.schedules.next_due()
        return None

"""A worker's look at the schedules: some are due and nobody serves them. It dispatches none; it says so."""

from __future__ import annotations

import logging

from nuvom.stores.base import Store

_FIRST = 10.0  # seconds: services that start together are given time to
_PERIOD = 60.0
_OVERDUE = 5.0  # seconds; less is a scheduler at work

log: logging.Logger = logging.getLogger("nuvom.worker")


class ScheduleWatch:
    """One look a minute; times are monotonic seconds."""

    def __init__(self, store: Store, now: float) -> None:
        self._store = store
        self._at = now + _FIRST

    def step(self, now: float) -> None:
        """Warn when schedules are overdue and no scheduler lives, if it is time to look."""
        if now < self._at:
            return
        self._at = now + _PERIOD
        due_in = self._store.schedules.next_due()
        if due_in is None or due_in > -_OVERDUE:
            return
        if not any(service.kind == "scheduler" and service.alive for service in self._store.workers.list()):
            log.warning(
                "schedules are due since %.0f s and no scheduler is running; start one with `nuvom runscheduler`, "
                "or use `nuvom run`",
                -due_in,
            )

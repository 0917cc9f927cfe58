"""Alive and deaf: work is ready, there is room for it, and for a minute none of it is taken."""

from __future__ import annotations

import logging

from nuvom.stores.base import JobStore
from nuvom.worker.claims import Claims
from nuvom.worker.settings import WorkerSettings

STUCK = 60.0  # seconds with ready work and none taken, after which the parts are started afresh
_LOOK = 5.0  # seconds between looks while nothing is taken

log: logging.Logger = logging.getLogger("nuvom.worker")


class Deafness:
    """What looks at the store past everything that claims depend on; times are monotonic seconds."""

    def __init__(self, store: JobStore, settings: WorkerSettings, claims: Claims, now: float) -> None:
        self._store = store
        self._settings = settings
        self._claims = claims
        self._count = 0
        self._since: float | None = None
        self.look_at: float = now + _LOOK

    def noticed(self, now: float, *, may_claim: bool, loaded: bool) -> bool:
        """Look once; True when work that could have been taken was left lying for a minute, which is said.

        Args:
            now: the time.
            may_claim: whether nothing forbids to claim, as a suspect does that runs alone.
            loaded: whether jobs run; suspects then wait for these to end.
        """
        self.look_at = now + _LOOK
        count, self._count = self._count, self._claims.count
        if count != self._claims.count or not may_claim or not self._lies_ready(now, loaded=loaded):
            self._since = None
            return False
        if self._since is None:
            self._since = now
        if now - self._since < STUCK:
            return False
        log.error("jobs are ready and none was taken for %.0f s; starting afresh", now - self._since)
        self._since = None
        return True

    def _lies_ready(self, now: float, *, loaded: bool) -> bool:
        room, passed_over = self._claims.room(now)
        queues, ready_by = self._settings.queues, self._settings.ready_by
        if room <= 0 or not self._store.has_ready(queues, passed_over, ready_by):
            return False
        return not (loaded and self._store.has_suspects(queues, ready_by))

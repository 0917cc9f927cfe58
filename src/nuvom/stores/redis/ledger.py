"""The ledger beside the jobs: what became of each occurrence, and fences of schedules that are gone or elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from nuvom._schedule import Occurrence, Overlap, ScheduleEnvelope
from nuvom.stores.redis.database import Database
from nuvom.stores.values import Fence, Once, PlanItem, Refusal, Requested


class RedisLedger:
    """One row for each occurrence that came due."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def deliver(self, items: Sequence[PlanItem]) -> list[Refusal]:
        """Insert rows and jobs in one script, for schedules kept elsewhere; returns what a fence refused."""
        raise NotImplementedError

    def request(self, item: PlanItem, once: Once) -> Requested:
        """Insert rows and jobs that somebody asked for; see `nuvom.stores.base.Ledger.request`."""
        raise NotImplementedError

    def requested(self, schedule_id: str, source: str) -> Occurrence | None:
        """Return a row of a request, the newest."""
        raise NotImplementedError

    def fence(self, schedule_id: str) -> Fence | None:
        """Return the newest definition kept of a schedule that is gone or lives elsewhere."""
        raise NotImplementedError

    def raise_fence(self, envelope: ScheduleEnvelope, expected: int | None) -> bool:
        """Keep a definition if the kept generation is `expected` (None: no fence); False: somebody was faster."""
        raise NotImplementedError

    def occurrences(
        self, schedule_id: str, limit: int, before: datetime | None = None, *, after: datetime | None = None
    ) -> list[Occurrence]:
        """Return rows, newest nominal first, with after <= nominal < before."""
        raise NotImplementedError

    def occurrence(self, schedule_id: str, nominal: datetime, source: str = "") -> Occurrence | None:
        """Return one row."""
        raise NotImplementedError

    def blocked(self, asked: Mapping[str, Overlap]) -> frozenset[str]:
        """Return which of these schedules may not start another run now, by the overlap that each has."""
        raise NotImplementedError

    def open_runs(self, schedule_id: str, limit: int) -> int:
        """Count a schedule's jobs that are not final, up to `limit`; backfills do not count."""
        raise NotImplementedError

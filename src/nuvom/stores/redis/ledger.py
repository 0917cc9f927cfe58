"""The ledger beside the jobs: what became of each occurrence, and fences of schedules that are gone or elsewhere."""

from __future__ import annotations

from nuvom.stores.redis.database import Database


class RedisLedger:
    """One row for each occurrence that came due."""

    def __init__(self, database: Database) -> None:
        self._database = database

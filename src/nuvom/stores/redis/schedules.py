"""Schedules in Redis: changed by compare-and-set, found by index when due, dispatched in one script a batch."""

from __future__ import annotations

from nuvom.stores.redis.database import Database


class RedisSchedules:
    """The schedules of a store; their ledger is beside them, so that a dispatch is one script."""

    def __init__(self, database: Database) -> None:
        self._database = database

"""Schedules in PostgreSQL: changed durably, found by index when due, dispatched in one transaction a batch."""

from __future__ import annotations

from nuvom.stores.postgres.database import Database


class PostgresSchedules:
    """The schedules of a store; their ledger is in the same database, so that a dispatch is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

"""Leases in PostgreSQL: one row a process, which ends by the server's clock."""

from __future__ import annotations

from nuvom.stores.postgres.database import Database


class PostgresWorkers:
    """A `nuvom.stores.base.WorkerStore`; the promises are written there.

    Args:
        database: where the rows are.
        lease: seconds from a heartbeat until a silent process counts as dead.
    """

    def __init__(self, database: Database, lease: float) -> None:
        self._database = database
        self._lease = int(lease * 1_000_000)

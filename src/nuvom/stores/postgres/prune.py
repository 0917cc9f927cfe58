"""Forgetting what is over: small steps through jobs, ledger and fences, each bounded in rows and locks."""

from __future__ import annotations

from nuvom.stores.postgres.database import Database
from nuvom.stores.values import Retention


class Pruner:
    """The sweep of one process through a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def step(self, keep: Retention) -> bool:
        """Delete among the next rows what is older than `keep` says; True while the sweep has more rows to look at."""
        raise NotImplementedError

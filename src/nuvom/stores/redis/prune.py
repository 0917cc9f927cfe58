"""Deleting what is older than it is kept for, in small steps."""

from __future__ import annotations

from nuvom.stores.redis.database import Database
from nuvom.stores.values import Retention


class Pruner:
    """Where the sweep is."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def step(self, keep: Retention) -> bool:
        """Delete a small step of what is older than `keep` says; True when there may be more."""
        raise NotImplementedError

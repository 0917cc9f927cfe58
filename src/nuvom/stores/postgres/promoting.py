"""Jobs whose time has come: those that may run by now, and those that give up."""

from __future__ import annotations

from nuvom.stores.postgres.database import Database
from nuvom.stores.values import Wakeup


def promote(database: Database, limit: int) -> int:
    """Make due delayed jobs ready, open flows that may by now, let others expire; see `JobStore.promote`."""
    raise NotImplementedError


def next_wakeup(database: Database) -> Wakeup:
    """Say when the next delayed job is due or gives up, and when the earliest lease ends; index looks."""
    raise NotImplementedError

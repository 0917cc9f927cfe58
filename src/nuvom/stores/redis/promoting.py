"""What time does to jobs that wait: it makes them ready, lets rates start more, or lets them give up."""

from __future__ import annotations

from nuvom.stores.redis.database import Database
from nuvom.stores.values import Wakeup


def promote(database: Database, limit: int) -> int:
    """Make due delayed jobs ready; see `JobStore.promote`."""
    raise NotImplementedError


def next_wakeup(database: Database) -> Wakeup:
    """Say when something happens that no wake-up announces; see `JobStore.next_wakeup`."""
    raise NotImplementedError

"""`memory://`: the embedded store in the memory of one process, for tests; nothing outlives it, nobody else sees it."""

from __future__ import annotations

from nuvom._clock import Clock
from nuvom.stores.sqlite.database import Database
from nuvom.stores.sqlite.store import SqliteStore


def open_memory(*, clock: Clock, busy_timeout: float | None, lease: float) -> SqliteStore:
    """Return a new, empty store: the same statements as on a file, so that what tests use is what runs."""
    return SqliteStore(Database(None, clock=clock, busy_timeout=busy_timeout), url="memory://", lease=lease)

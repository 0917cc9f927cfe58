"""What `doctor` reads of a server: how it keeps what it was told, and what it may throw away."""

from __future__ import annotations

from nuvom.stores.redis.database import Database
from nuvom.stores.values import Health


def health(database: Database) -> Health:
    """Say how the store is."""
    raise NotImplementedError

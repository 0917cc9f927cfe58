"""How a PostgreSQL store is, for `doctor`: what it runs on, and what may go wrong."""

from __future__ import annotations

from nuvom.stores.postgres.database import Database
from nuvom.stores.values import Health


def health(database: Database) -> Health:
    """Say how the store is."""
    raise NotImplementedError

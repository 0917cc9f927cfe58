"""Flows: the jobs of one kind that are limited together; flows.lua says how."""

from __future__ import annotations

from nuvom.stores.redis.database import Database
from nuvom.stores.values import Flow


def look_at(database: Database, name: str) -> Flow | None:
    """Return how full a flow is, None where nothing is known of it."""
    raise NotImplementedError

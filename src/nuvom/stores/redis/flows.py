"""Flows: the jobs of one kind that are limited together; flows.lua says how."""

from __future__ import annotations

from nuvom._clock import from_us
from nuvom.stores.redis.database import Database
from nuvom.stores.values import Flow


def look_at(database: Database, name: str) -> Flow | None:
    """Return how full a flow is, None where nothing is known of it."""
    answer = database.read("look_at_flow", name)
    if not answer:
        return None
    concurrency, rate, ready, running, opens_at = answer
    return Flow(
        name,
        None if concurrency is None else int(concurrency),
        None if rate is None else rate.decode(),
        ready,
        running,
        None if opens_at is None else from_us(int(opens_at)),
    )

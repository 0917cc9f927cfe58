"""Failures that the worker of a job does not know of: its process died, or had to be ended."""

from __future__ import annotations

from collections.abc import Collection

import orjson

from nuvom.stores.redis.database import Database


def take_untold(database: Database, tasks: Collection[str], limit: int) -> list[str]:
    """Return the ids of jobs that failed so, of some tasks; each is returned once."""
    wanted = orjson.dumps(list(tasks))
    if not database.read("has_untold", wanted):
        return []
    return [job_id.decode() for job_id in database.write("take_untold", wanted, limit)]

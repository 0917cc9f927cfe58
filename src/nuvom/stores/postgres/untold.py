"""Failures that the worker of a job does not know of: its process died, or had to be ended."""

from __future__ import annotations

from collections.abc import Collection

from nuvom._ids import text
from nuvom.stores.postgres.database import Database


def take_untold(database: Database, tasks: Collection[str], limit: int) -> list[str]:
    """Return the ids of jobs that failed so, of some tasks; each is returned once."""
    wanted = {"tasks": [*tasks], "limit": limit}
    if database.read(lambda session: session.row("has_untold", {"tasks": wanted["tasks"]})) is None:
        return []
    taken = database.once(lambda session: session.rows("take_untold", wanted))
    return [text(job_id) for (job_id,) in taken if job_id is not None]

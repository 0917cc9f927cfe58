"""Failures that the worker of a job does not know of: its process died, or had to be ended."""

from __future__ import annotations

from collections.abc import Collection

from nuvom._ids import text
from nuvom.stores.sqlite.claims import as_json
from nuvom.stores.sqlite.database import Database
from nuvom.stores.sqlite.statements import load


def take_untold(database: Database, tasks: Collection[str], limit: int) -> list[str]:
    """Return the ids of jobs that failed so, of some tasks; each is returned once."""
    wanted = {"tasks": as_json(tasks), "limit": limit}
    with database.read() as connection:
        if connection.execute(load("has_untold"), wanted).fetchone() is None:
            return []
    with database.write(durable=False) as connection:
        taken = connection.execute(load("take_untold"), wanted).fetchall()
    return [text(job_id) for (job_id,) in taken if job_id is not None]

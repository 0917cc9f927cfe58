"""The ways a job enters the table: by one statement where nothing holds it back, else in a caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from nuvom._job import NewJob, Pushed
from nuvom.stores.postgres.database import Database, Session
from nuvom.stores.postgres.endings import Endings


class Inserted(NamedTuple):
    """What came of an insert: which job stands for each, in their order, and whether workers have something to take."""

    pushed: list[Pushed]
    ready: bool
    standing: Mapping[str, tuple[str, str]]  # by the id of each job that was not pushed: what stands for it, and why


def push(database: Database, jobs: Sequence[NewJob]) -> list[Pushed]:
    """Store all of `jobs` or none; see `JobStore.push`."""
    raise NotImplementedError


def insert_jobs(session: Session, jobs: Sequence[NewJob], endings: Endings) -> Inserted:
    """Insert jobs inside the caller's transaction; one that is there already, or stands for it, changes nothing.

    Args:
        session: in a transaction, in which the caller wakes workers if `ready`.
        jobs: at most 1,000.
        endings: learns of flows in which jobs wait now; the caller applies them when all of its jobs are in.
    """
    raise NotImplementedError

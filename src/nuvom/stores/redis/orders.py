"""What callers ask of jobs that are stored, of many in one script: to be cancelled, to run again."""

from __future__ import annotations

from collections.abc import Sequence

from nuvom.stores.redis.database import Database
from nuvom.stores.values import CancelAnswer


def cancel(database: Database, job_ids: Sequence[str]) -> list[CancelAnswer]:
    """Cancel jobs that wait, ask running ones to stop; see `JobStore.cancel_many`."""
    raise NotImplementedError


def retry(database: Database, job_ids: Sequence[str]) -> list[bool]:
    """Make final jobs ready again; see `JobStore.retry_many`."""
    raise NotImplementedError


def asked_to_stop(database: Database, worker: str) -> list[tuple[int | str, int]]:
    """Return (ref, attempt) of the running jobs of a worker that somebody asked to stop."""
    raise NotImplementedError

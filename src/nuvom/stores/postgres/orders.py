"""What callers ask of jobs that are stored, of many in one transaction: to be cancelled, to run again."""

from __future__ import annotations

from collections.abc import Sequence

from nuvom.stores.postgres.database import Database
from nuvom.stores.values import CancelAnswer


def cancel(database: Database, job_ids: Sequence[str]) -> list[CancelAnswer]:
    """Cancel jobs that wait, ask running ones to stop; see `JobStore.cancel_many`."""
    raise NotImplementedError


def retry(database: Database, job_ids: Sequence[str]) -> list[bool]:
    """Make final jobs ready again; see `JobStore.retry_many`."""
    raise NotImplementedError

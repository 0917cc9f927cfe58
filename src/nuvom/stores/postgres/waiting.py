"""Waiting for results: rows say who sleeps until which jobs are final, and whoever ends one wakes the sleeper."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence

from nuvom._job import Job, JobStatus
from nuvom.stores.base import JobStore
from nuvom.stores.postgres.database import Database
from nuvom.stores.postgres.listener import Hub


def wait_final(database: Database, hub: Hub, jobs: JobStore, job_id: str, timeout: float | None) -> Job | None:
    """Wait at most `timeout` seconds until a job is final; see `JobStore.wait_final`."""
    raise NotImplementedError


def ended(
    database: Database, hub: Hub, job_ids: Sequence[str], timeout: float | None
) -> Generator[Mapping[str, JobStatus | None], None, None]:
    """Yield which of some jobs are final, as they end; see `JobStore.ended`."""
    raise NotImplementedError

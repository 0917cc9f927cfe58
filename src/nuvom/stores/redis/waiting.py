"""Waiting for results: who sleeps says until which jobs are final, and whoever ends one wakes the sleeper."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence

from nuvom._job import Job, JobStatus
from nuvom.stores.base import JobStore
from nuvom.stores.redis.database import Database
from nuvom.stores.redis.listener import Hub


def wait_final(database: Database, hub: Hub, jobs: JobStore, job_id: str, timeout: float | None) -> Job | None:
    """Wait at most `timeout` seconds until a job is final; see `JobStore.wait_final`."""
    raise NotImplementedError


def ended(
    database: Database, hub: Hub, job_ids: Sequence[str], timeout: float | None
) -> Generator[Mapping[str, JobStatus | None], None, None]:
    """Yield which of some jobs are final, as they end; see `JobStore.ended`."""
    raise NotImplementedError

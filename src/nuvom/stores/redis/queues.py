"""Queues: what waits, runs and ended in each, and those of which nothing is claimed for a while."""

from __future__ import annotations

from collections.abc import Mapping

from nuvom._job import JobStatus
from nuvom.stores.redis.database import Database
from nuvom.stores.values import QueueStats, Throughput


def counts(database: Database) -> Mapping[JobStatus, int]:
    """Return how many jobs there are of each status."""
    raise NotImplementedError


def stats(database: Database) -> list[QueueStats]:
    """Return each queue that has jobs waiting or running, or is paused."""
    raise NotImplementedError


def pause(database: Database, queue: str, note: str | None) -> bool:
    """Let no claim take anything of a queue from now on; False when it was paused already."""
    raise NotImplementedError


def resume(database: Database, queue: str) -> bool:
    """Let a queue go on; False when it was not paused."""
    raise NotImplementedError


def throughput(database: Database) -> list[Throughput]:
    """Return what ended in each queue lately; see `JobStore.throughput`."""
    raise NotImplementedError

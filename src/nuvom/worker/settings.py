"""What a worker can be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from nuvom.stores.values import Retention


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """How one process of a worker works; durations are seconds."""

    queues: tuple[str, ...] | None = None  # None: every queue
    threads: int = 10  # jobs of plain functions at once
    async_concurrency: int = 100  # jobs of coroutine functions at once
    max_jobs: int | None = None  # after which the process retires
    lease: float = 30.0
    unknown_task: float = 300.0  # for which a job of a task that is not known here is left to other workers
    drain: bool = False  # end when nothing is left to do
    ready_by: datetime | None = None  # only jobs whose time had come by then
    keep: Retention = field(default_factory=Retention)

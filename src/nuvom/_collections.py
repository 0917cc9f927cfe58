"""`app.jobs`, `app.queues`, `app.workers`: what is stored, to look at."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

from nuvom._job import Job, JobStatus
from nuvom._task import Task
from nuvom.stores.values import JobFilter, QueueStats, Throughput, WorkerInfo

if TYPE_CHECKING:
    from nuvom._app import Nuvom
    from nuvom._handle import JobHandle

PAGE = 500


class Jobs:
    """The jobs of an app."""

    def __init__(self, app: Nuvom) -> None:
        self._app = app

    def get(self, job_id: str) -> JobHandle[Any]:
        """Return the handle of a job, as `Nuvom.job` does; if there is none, its methods say so."""
        return self._app.job(job_id)

    def list(
        self,
        *,
        status: JobStatus | str | None = None,
        task: Task[..., Any, Any] | str | None = None,
        queue: str | None = None,
        schedule_id: str | None = None,
        limit: int = 100,
        before: str | None = None,
    ) -> list[Job]:
        """Return jobs, newest first.

        Args:
            status: Only jobs of this status.
            task: Only jobs of this task.
            queue: Only jobs of this queue.
            schedule_id: Only jobs of this schedule.
            limit: How many at most.
            before: The last id of the page before.
        """
        wanted = JobFilter(
            status=None if status is None else JobStatus(status),
            task=task_name(task),
            queue=queue,
            schedule_id=schedule_id,
        )
        return paged(lambda size, last: self._app.job_store.list(wanted, size, last), limit, before)

    def counts(self) -> dict[JobStatus, int]:
        """Return how many jobs there are of each status; costs a scan of all jobs."""
        return dict.fromkeys(JobStatus, 0) | dict(self._app.job_store.counts())


class Queues:
    """The queues of an app."""

    def __init__(self, app: Nuvom) -> None:
        self._app = app

    def list(self) -> list[QueueStats]:
        """Return each queue that has jobs waiting or running."""
        return self._app.job_store.queues()

    def throughput(self) -> builtins.list[Throughput]:
        """Return how many jobs of each queue ended within the last minute and the last hour."""
        return self._app.job_store.throughput()


class Workers:
    """The worker and scheduler processes that an app's store knows."""

    def __init__(self, app: Nuvom) -> None:
        self._app = app

    def list(self) -> list[WorkerInfo]:
        """Return the processes with a row, live ones first."""
        return self._app.store.workers.list()


def task_name(task: Task[..., Any, Any] | str | None) -> str | None:
    """Return the name of a task, or the name that was given."""
    return task.name if isinstance(task, Task) else task


def paged(fetch: Any, limit: int, before: str | None) -> list[Any]:
    """Return up to `limit` rows of a listing, page by page."""
    rows: list[Any] = []
    while len(rows) < limit:
        size = min(PAGE, limit - len(rows))
        page = fetch(size, rows[-1].id if rows else before)
        rows.extend(page)
        if len(page) < size:
            break
    return rows

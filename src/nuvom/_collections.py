"""`app.jobs`, `app.queues`, `app.workers`: what is stored, to look at."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from nuvom._async import in_own_thread, in_thread
from nuvom._job import Job, JobStatus
from nuvom._naming import check_name, check_text
from nuvom._numbers import listed
from nuvom._options import choice
from nuvom._task import Task
from nuvom.stores.values import MAX_BATCH, CancelAnswer, JobFilter, QueueStats, Throughput, WorkerInfo

if TYPE_CHECKING:
    from nuvom._app import Nuvom
    from nuvom._handle import JobHandle

PAGE = 500


class _Wanted(TypedDict, total=False):
    status: JobStatus | str
    task: Task[..., Any, Any] | str | None
    queue: str | None
    schedule_id: str | None


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
        wanted = _filter(status, task, queue, schedule_id)
        return paged(lambda size, last: self._app.job_store.list(wanted, size, last), limit, before)

    def retry_all(
        self,
        *,
        status: JobStatus | str | None = None,
        task: Task[..., Any, Any] | str | None = None,
        queue: str | None = None,
        schedule_id: str | None = None,
    ) -> int:
        """Run final jobs again, as `JobHandle.retry` does each, in steps of at most 1,000; returns how many.

        What is pushed meanwhile is left alone. A step is all or nothing; one that fails leaves those before it done.

        Args:
            status: Jobs of this status: failed (unless another is said), succeeded, cancelled or expired.
            task: Only jobs of this task.
            queue: Only jobs of this queue.
            schedule_id: Only jobs of this schedule.

        Raises:
            TypeError: nothing was said; for all that failed, say so: status="failed".
            ValueError: jobs of this status are not final.
        """
        _insist("retry_all", JobStatus.FAILED, (status, task, queue, schedule_id))
        wanted = _filter(status or JobStatus.FAILED, task, queue, schedule_id)
        if wanted.status is not None and not wanted.status.final:
            raise ValueError(f"status={str(status)!r}: only final jobs can be run again; these are not")
        store = self._app.job_store
        return sum(sum(store.retry_many(ids)) for ids in self._steps(wanted))

    def cancel_all(
        self,
        *,
        status: JobStatus | str | None = None,
        task: Task[..., Any, Any] | str | None = None,
        queue: str | None = None,
        schedule_id: str | None = None,
    ) -> int:
        """Cancel jobs that wait, or ask those that run to stop, in steps of at most 1,000; returns how many.

        What is pushed meanwhile is left alone. A step is all or nothing; one that fails leaves those before it done.

        Args:
            status: Jobs of this status: queued (unless another is said) or running.
            task: Only jobs of this task.
            queue: Only jobs of this queue.
            schedule_id: Only jobs of this schedule.

        Raises:
            TypeError: nothing was said; for all that wait, say so: status="queued".
            ValueError: jobs of this status are final.
        """
        _insist("cancel_all", JobStatus.QUEUED, (status, task, queue, schedule_id))
        wanted = _filter(status or JobStatus.QUEUED, task, queue, schedule_id)
        if wanted.status is not None and wanted.status.final:
            raise ValueError(f"status={str(status)!r}: these jobs are final, there is nothing to cancel")
        done = (CancelAnswer.CANCELLED, CancelAnswer.REQUESTED)
        store = self._app.job_store
        return sum(answer in done for ids in self._steps(wanted) for answer in store.cancel_many(ids))

    async def aretry_all(self, **wanted: Unpack[_Wanted]) -> int:
        """Do what `retry_all` does without blocking the event loop."""
        return await in_own_thread(self.retry_all, **wanted)

    async def acancel_all(self, **wanted: Unpack[_Wanted]) -> int:
        """Do what `cancel_all` does without blocking the event loop."""
        return await in_own_thread(self.cancel_all, **wanted)

    def _steps(self, wanted: JobFilter) -> Iterator[builtins.list[str]]:
        """Yield the ids of the jobs that fit, newest first, read anew before each step."""
        last: str | None = None
        while page := self._app.job_store.list(wanted, MAX_BATCH, last):
            yield [job.id for job in page]
            last = page[-1].id

    def counts(self) -> dict[JobStatus, int]:
        """Return how many jobs there are of each status; costs a scan of all jobs."""
        return dict.fromkeys(JobStatus, 0) | dict(self._app.job_store.counts())


class Queues:
    """The queues of an app."""

    def __init__(self, app: Nuvom) -> None:
        self._app = app

    def list(self) -> list[QueueStats]:
        """Return each queue that has jobs waiting or running, or is paused."""
        return self._app.job_store.queues()

    def throughput(self) -> builtins.list[Throughput]:
        """Return how many jobs of each queue ended within the last minute and the last hour."""
        return self._app.job_store.throughput()

    def pause(self, name: str, note: str | None = None) -> bool:
        """Let no worker take a job of a queue from now on; what runs goes on, and jobs are still pushed.

        Args:
            name: Which queue; one that has no jobs yet, too.
            note: Why, for those who look.

        Returns:
            False when it was paused already: then only the note changes.
        """
        return self._app.job_store.pause_queue(check_name(name, "queue"), note and check_name(note, "note"))

    def resume(self, name: str) -> bool:
        """Let a paused queue go on at once; False when it was not paused."""
        return self._app.job_store.resume_queue(check_name(name, "queue"))

    async def alist(self) -> builtins.list[QueueStats]:
        """Do what `list` does without blocking the event loop."""
        return await in_thread(self.list)

    async def apause(self, name: str, note: str | None = None) -> bool:
        """Do what `pause` does without blocking the event loop."""
        return await in_thread(self.pause, name, note)

    async def aresume(self, name: str) -> bool:
        """Do what `resume` does without blocking the event loop."""
        return await in_thread(self.resume, name)


class Workers:
    """The worker and scheduler processes that an app's store knows."""

    def __init__(self, app: Nuvom) -> None:
        self._app = app

    def list(self) -> list[WorkerInfo]:
        """Return the processes with a row, live ones first."""
        return self._app.store.workers.list()


def _insist(call: str, status: JobStatus, said: tuple[object, ...]) -> None:
    """Refuse what would change every job there is only because nothing was said."""
    if all(each is None for each in said):
        raise TypeError(f"{call}() needs status=…, task=…, queue=… or schedule_id=…; for all: status={status.value!r}")


def _filter(
    status: JobStatus | str | None,
    task: Task[..., Any, Any] | str | None,
    queue: str | None,
    schedule_id: str | None,
) -> JobFilter:
    return JobFilter(
        status=None if status is None else choice(JobStatus, status, "status"),
        task=task_name(task),
        queue=None if queue is None else check_text(queue, "queue"),
        schedule_id=None if schedule_id is None else check_text(schedule_id, "schedule_id"),
    )


def task_name(task: Task[..., Any, Any] | str | None) -> str | None:
    """Return the name of a task, or the name that was given."""
    if isinstance(task, Task):
        return task.name
    return None if task is None else check_text(task, "task")


def paged(fetch: Any, limit: int, before: str | None) -> list[Any]:
    """Return up to `limit` rows of a listing, page by page; raises TypeError or ValueError for what is no number."""
    rows: list[Any] = []
    most = listed(limit)
    while len(rows) < most:
        size = min(PAGE, most - len(rows))
        page = fetch(size, rows[-1].id if rows else before)
        rows.extend(page)
        if len(page) < size:
            break
    return rows

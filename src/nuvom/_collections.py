"""`app.jobs`, `app.schedules`, `app.queues`, `app.workers`: what is stored, to look at and to end."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, TypeVar, overload

from nuvom import _identity
from nuvom._async import in_thread
from nuvom._ids import is_uuid
from nuvom._job import Job, JobStatus
from nuvom._schedule import Occurrence, ScheduleEnvelope, ScheduleState
from nuvom._task import Task
from nuvom.errors import ScheduleNotFound
from nuvom.stores.values import JobFilter, QueueStats, ScheduleFilter, WorkerInfo

if TYPE_CHECKING:
    from nuvom._app import Nuvom
    from nuvom._handle import JobHandle

T = TypeVar("T")
PAGE = 500


class _Required:
    """The mark of `get` without a default."""


_REQUIRED = _Required()


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
            task=_task_name(task),
            queue=queue,
            schedule_id=schedule_id,
        )
        return _paged(lambda size, last: self._app.job_store.list(wanted, size, last), limit, before)

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


class Workers:
    """The worker and scheduler processes that an app's store knows."""

    def __init__(self, app: Nuvom) -> None:
        self._app = app

    def list(self) -> list[WorkerInfo]:
        """Return the processes with a row, live ones first."""
        return self._app.store.workers.list()


class Schedules:
    """The schedules of an app."""

    def __init__(self, app: Nuvom) -> None:
        self._app = app

    @overload
    def get(self, key: str) -> ScheduleEnvelope: ...

    @overload
    def get(self, key: str, default: T) -> ScheduleEnvelope | T: ...

    def get(self, key: str, default: T | _Required = _REQUIRED) -> ScheduleEnvelope | T:
        """Return the schedule of a name, an id or the beginning of an id that is its only one.

        Raises:
            ScheduleNotFound: there is none and no default was given; names that are close are in the message.
        """
        found = self._find(key)
        if found is not None:
            return self._app.attached(found)
        if not isinstance(default, _Required):
            return default
        raise ScheduleNotFound(key, self._near(key))

    def _find(self, key: str) -> ScheduleEnvelope | None:
        backend = self._app.backend
        if is_uuid(key):
            return backend.get(key.lower())
        by_name = backend.get(_identity.name_id(key))
        if by_name is not None or self._app.split:
            return by_name
        starting = [s for s in self._iterate(ScheduleFilter()) if s.id.startswith(key.lower())] if len(key) >= 4 else []
        return starting[0] if len(starting) == 1 else None

    def _near(self, key: str) -> tuple[str, ...]:
        if self._app.split:
            return ()
        names = [envelope.name for envelope in self._iterate(ScheduleFilter()) if envelope.name]
        return tuple(get_close_matches(key, names, n=3))

    def upcoming(self, limit: int = 100) -> list[ScheduleEnvelope]:
        """Return active schedules by next run, the earliest first."""
        return [self._app.attached(s) for s in self._app.schedule_store("list schedules").upcoming(limit)]

    def runs(self, key: str, limit: int = 100) -> list[Occurrence]:
        """Return the ledger rows of a schedule, newest first, also of one that has ended."""
        return self._app.store.ledger.occurrences(self.id_of(key), limit)

    def id_of(self, key: str) -> str:
        """Return the id that a name or id stands for, also of a schedule that has ended or never was."""
        if is_uuid(key):
            return key.lower()
        found = self._find(key)
        return _identity.name_id(key) if found is None else found.id

    def cancel(self, key: str) -> bool:
        """Cancel the schedule of a name or id for good; False when there was none."""
        return self._app.cancel_schedule(self.id_of(key))

    def cancel_all(self, *, name: str | None = None, task: Task[..., Any, Any] | str | None = None) -> int:
        """Cancel every schedule whose name fits a pattern with `*`, or that is of a task; returns how many.

        Raises:
            TypeError: neither was given: cancelling everything must be said as name="*" (named ones) or by task.
        """
        if name is None and task is None:
            raise TypeError('cancel_all() needs name="…*" or task=…; nothing was cancelled')
        wanted = ScheduleFilter(task=_task_name(task), name_like=name)
        found = [s.id for s in self._iterate(wanted) if name is None or fnmatchcase(s.name or "", name)]
        return sum(self._app.cancel_schedule(schedule_id) for schedule_id in found)

    def _iterate(self, wanted: ScheduleFilter) -> Iterator[ScheduleEnvelope]:
        store = self._app.schedule_store("list schedules")
        page = store.list(wanted, PAGE)
        while page:
            yield from page
            page = store.list(wanted, PAGE, page[-1].id) if len(page) == PAGE else []

    async def aget(self, key: str) -> ScheduleEnvelope:
        """Do what `get` does without blocking the event loop."""
        return await in_thread(self.get, key)

    async def alist(self, **wanted: Any) -> list[ScheduleEnvelope]:
        """Do what `list` does without blocking the event loop."""
        return await in_thread(self.list, **wanted)

    async def acancel(self, key: str) -> bool:
        """Do what `cancel` does without blocking the event loop."""
        return await in_thread(self.cancel, key)

    def list(
        self,
        *,
        task: Task[..., Any, Any] | str | None = None,
        state: ScheduleState | str | None = None,
        name: str | None = None,
        limit: int = 100,
        before: str | None = None,
    ) -> list[ScheduleEnvelope]:
        """Return schedules, newest first.

        Args:
            task: Only schedules of this task.
            state: Only schedules in this state.
            name: Only schedules whose name fits this pattern with `*`.
            limit: How many at most.
            before: The last id of the page before.
        """
        wanted = ScheduleFilter(
            task=_task_name(task), state=None if state is None else ScheduleState(state), name_like=name
        )
        store = self._app.schedule_store("list schedules")
        return [self._app.attached(s) for s in _paged(lambda size, last: store.list(wanted, size, last), limit, before)]


def _task_name(task: Task[..., Any, Any] | str | None) -> str | None:
    return task.name if isinstance(task, Task) else task


def _paged(fetch: Any, limit: int, before: str | None) -> list[Any]:
    """Return up to `limit` rows of a listing, page by page."""
    rows: list[Any] = []
    while len(rows) < limit:
        size = min(PAGE, limit - len(rows))
        page = fetch(size, rows[-1].id if rows else before)
        rows.extend(page)
        if len(page) < size:
            break
    return rows

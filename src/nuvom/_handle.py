"""The handle of a job: what its producer asks of it later, in this process or another."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, Protocol

from nuvom import _caller
from nuvom._async import in_own_thread, in_thread
from nuvom._current import current_job
from nuvom._duration import Duration, seconds
from nuvom._job import Attempt, Job, JobStatus, Progress
from nuvom.errors import JobCancelledError, JobFailed, JobNotFound, ResultNotStored
from nuvom.stores.base import JobStore
from nuvom.stores.values import CancelAnswer

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    R_co = TypeVar("R_co", covariant=True, default=Any)
else:
    from typing import TypeVar

    R_co = TypeVar("R_co", covariant=True)


_ROUND = 5.0  # seconds


class JobSource(Protocol):
    """What a handle needs of its app."""

    @property
    def job_store(self) -> JobStore:
        """The store that keeps the job."""
        ...


class JobHandle(Generic[R_co]):
    """A job that was pushed; equal to every other handle of the same id."""

    __slots__ = ("_app", "_decode", "existing", "id")

    def __init__(self, app: JobSource, job_id: str, decode: Callable[[bytes], R_co], *, existing: bool = False) -> None:
        self._app = app
        self._decode = decode
        self.id: str = job_id
        self.existing: bool = existing  # the call stored nothing, because this job stood for it already

    def __repr__(self) -> str:
        return f"<JobHandle {self.id}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, JobHandle) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def refresh(self) -> Job:
        """Return the job as it is kept now; raises JobNotFound when it was pruned."""
        job = self._app.job_store.get(self.id)
        if job is None:
            raise JobNotFound(self.id)
        return job

    def status(self) -> JobStatus:
        """Return the job's status; raises JobNotFound when it was pruned."""
        return self.refresh().status

    def done(self) -> bool:
        """Tell whether the job is final: succeeded, failed, cancelled or expired."""
        return self.status().final

    def result(self, timeout: Duration | None = None) -> R_co:
        """Wait until the job is final and return what the task returned.

        Args:
            timeout: How long to wait at most: seconds, a timedelta or text such as "15m"; None: as long as it takes.

        Raises:
            JobFailed: the job ended `failed`.
            JobCancelledError: it was cancelled.
            ResultNotStored: it succeeded, and its value was not kept.
            TimeoutError: it is not final yet.
            RuntimeError: called in a running event loop, which it would block: await aresult().
        """
        if in_event_loop():
            raise RuntimeError(f"result() of job {self.id} would block the running event loop: await aresult()")
        if current_job(None) is not None:
            _caller.warn("result() inside a job holds its worker's slot until the other job ends; it can wait for ever")
        limit = None if timeout is None else seconds(timeout, "timeout")
        return self._value(self._wait(limit), limit)

    def _wait(self, limit: float | None) -> Job:
        job = self._app.job_store.wait_final(self.id, limit)
        if job is None:
            raise JobNotFound(self.id)
        return job

    def _value(self, job: Job, timeout: float | None) -> R_co:
        match job.status:
            case JobStatus.SUCCEEDED if job.value is not None:
                return self._decode(job.value)
            case JobStatus.SUCCEEDED:
                raise ResultNotStored(self.id, job.error.message if job.error else "the task has store_result=False")
            case JobStatus.CANCELLED:
                raise JobCancelledError(self.id)
            case JobStatus.FAILED | JobStatus.EXPIRED:
                raise _failed(job)
            case _:
                raise TimeoutError(f"job {self.id} of task {job.task!r} is {job.status} after {timeout} s")

    def cancel(self) -> str:
        """Cancel the job: "cancelled" while it waits, "requested" where it runs, "finished" when it is final already.

        A running task is asked to stop, and made to when it does not; a task that returns all the same has succeeded.

        Raises:
            JobNotFound: it was pruned.
        """
        answer = self._app.job_store.cancel(self.id)
        if answer is CancelAnswer.NOT_FOUND:
            raise JobNotFound(self.id)
        return answer.value

    def progress(self) -> Progress | None:
        """Return how far the task last said it is, None where it said nothing; raises JobNotFound."""
        return self.refresh().progress

    def retry(self) -> bool:
        """Run a final job again, its errors and crashes counted anew; False when it is not final.

        Raises:
            JobNotFound: it was pruned.
        """
        done = self._app.job_store.retry(self.id)
        if not done:
            self.refresh()  # says so where it was pruned
        return done

    def attempts(self) -> list[Attempt]:
        """Return the attempts that ended without success, oldest first."""
        return self._app.job_store.attempts(self.id)

    async def arefresh(self) -> Job:
        """Do what `refresh` does without blocking the event loop."""
        return await in_thread(self.refresh)

    async def astatus(self) -> JobStatus:
        """Do what `status` does without blocking the event loop."""
        return await in_thread(self.status)

    async def adone(self) -> bool:
        """Do what `done` does without blocking the event loop."""
        return await in_thread(self.done)

    async def aresult(self, timeout: Duration | None = None) -> R_co:
        """Do what `result` does without blocking the event loop; to cancel it ends the wait."""
        limit = math.inf if timeout is None else seconds(timeout, "timeout")
        deadline = time.monotonic() + limit
        while True:  # in rounds, so that the thread of a wait that was cancelled ends soon
            left = max(0.0, deadline - time.monotonic())
            job = await in_own_thread(self._wait, min(left, _ROUND))
            if job.status.final or left <= _ROUND:
                return self._value(job, limit)

    async def acancel(self) -> str:
        """Do what `cancel` does without blocking the event loop."""
        return await in_thread(self.cancel)

    async def aprogress(self) -> Progress | None:
        """Do what `progress` does without blocking the event loop."""
        return await in_thread(self.progress)

    async def aretry(self) -> bool:
        """Do what `retry` does without blocking the event loop."""
        return await in_thread(self.retry)

    async def aattempts(self) -> list[Attempt]:
        """Do what `attempts` does without blocking the event loop."""
        return await in_thread(self.attempts)


def in_event_loop() -> bool:
    """Tell whether the calling thread runs an event loop, which a wait would block."""
    if "asyncio" not in sys.modules:  # nobody runs a loop, and importing it costs
        return False
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _failed(job: Job) -> JobFailed:
    error = job.error
    if error is None:
        return JobFailed(job.id, job.task, str(job.status), "", f"it is {job.status}", "")
    return JobFailed(job.id, job.task, error.kind, error.type, error.message, error.traceback)

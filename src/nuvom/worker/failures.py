"""`on_failure`: called once for a job that ended `failed`, after that is recorded, and in nobody's way."""

from __future__ import annotations

import inspect
import logging
import threading
from collections.abc import Awaitable, Mapping, Sequence
from queue import SimpleQueue
from typing import Any, Protocol

from nuvom._job import Job, JobError, OnFailure, Outcome
from nuvom.errors import StoreError
from nuvom.stores.base import JobStore
from nuvom.worker.lifespan import Submit

LOOK = 1.0  # seconds between looks for jobs that failed without their worker
_BATCH = 100
_REST = 1.0  # seconds until a store that is away is asked again

log: logging.Logger = logging.getLogger("nuvom.worker")


class Concerned(Protocol):
    """What a task says of its failures."""

    @property
    def on_failure(self) -> OnFailure | None:
        """The user's function, if there is one."""
        ...


class Failures:
    """Calls the functions of tasks one after another, in a thread that starts with the first failure.

    Args:
        jobs: where the jobs are.
        tasks: by name and alias.
        submit: runs what an async function gives.
    """

    def __init__(self, jobs: JobStore, tasks: Mapping[str, Concerned], submit: Submit) -> None:
        self._jobs = jobs
        self._functions = {name: task.on_failure for name, task in tasks.items() if task.on_failure is not None}
        self._submit = submit
        self._look_at = 0.0
        self._queue: SimpleQueue[tuple[str, JobError | None] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()

    def note(self, failed: Sequence[Outcome]) -> None:
        """Take failures that were recorded, of jobs that ran here."""
        if self._functions:
            self._take([(outcome.job.id, outcome.error) for outcome in failed])

    def look(self, now: float) -> None:
        """Take failures of jobs whose worker does not know of them, if it is time to look; monotonic seconds."""
        if self._functions and now >= self._look_at:
            self._look_at = now + LOOK
            self._take([(job_id, None) for job_id in self._jobs.take_untold(tuple(self._functions), _BATCH)])

    def close(self, patience: float) -> None:
        """Call what is left to call, for at most so many seconds."""
        self._closing.set()
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join(patience)
            if self._thread.is_alive():
                log.warning(
                    "on_failure is not called for %d more jobs: the process ends", max(0, self._queue.qsize() - 1)
                )

    def tell(self, job_id: str, error: JobError | None) -> None:
        """Call the function of a job's task, if it has one; what it raises is logged."""
        job = self._found(job_id)
        function = None if job is None else self._functions.get(job.task)
        if job is None or function is None:
            return
        try:
            result = function(job, error or job.error or JobError("error"))
            if inspect.isawaitable(result):
                self._submit(_awaited(result)).result()
        except BaseException:
            log.exception("on_failure of job %s of task %r raised", job.id, job.task)

    def _take(self, failed: Sequence[tuple[str, JobError | None]]) -> None:
        for each in failed:
            self._queue.put(each)
        if failed and self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="nuvom-failures", daemon=True)
            self._thread.start()

    def _serve(self) -> None:
        while (failed := self._queue.get()) is not None:
            self.tell(*failed)

    def _found(self, job_id: str) -> Job | None:
        while True:
            try:
                return self._jobs.get(job_id)
            except StoreError as error:
                if self._closing.wait(_REST):
                    log.error("on_failure of job %s is not called: %s", job_id, error)  # noqa: TRY400 - no bug of ours
                    return None


async def _awaited(result: Awaitable[Any]) -> None:
    try:
        await result
    except (SystemExit, KeyboardInterrupt) as error:  # they would end the event loop of the jobs
        raise RuntimeError(f"it raised {error!r}") from error

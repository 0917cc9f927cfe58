"""Scheduler and worker in the calling thread: for scripts, notebooks and tests."""

from __future__ import annotations

import asyncio
import os
import random
import socket
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing, contextmanager
from datetime import datetime
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from nuvom import __version__, _joined
from nuvom._clock import SYSTEM_CLOCK, Clock
from nuvom._job import ClaimedJob, Outcome, Verdict
from nuvom.errors import shortened
from nuvom.scheduler.service import SchedulerService, SchedulerSettings
from nuvom.stores.base import Store
from nuvom.stores.values import Claim, WorkerInfo
from nuvom.worker.execution import Prepared, World, execute, execute_async
from nuvom.worker.failures import Failures
from nuvom.worker.lifespan import Life

if TYPE_CHECKING:
    from nuvom._app import Nuvom
    from nuvom._task import Task

_LONGEST_SLEEP = 0.25  # seconds: others may push meanwhile
_SHORTEST_SLEEP = 0.000_001  # seconds: what is due in less must still move a clock of microseconds
_BATCH = 100
_PATIENCE = 60.0  # seconds for an async lifespan to end in

T = TypeVar("T")


def drain(app: Nuvom, until: datetime | None, clock: Clock) -> int:
    """Run what is due, and until `until` what becomes due; returns how many jobs were run."""
    _joined.refuse("drain() runs jobs and cannot do that")
    _refuse_no_moment(until)
    store = app.store
    settings = SchedulerSettings(poll=app.settings.scheduler_poll.total_seconds())
    service = SchedulerService(store, app.backend if app.split else None, settings, clock)
    ran = 0
    with closing(_Hands(app, store)) as hands:
        while True:
            count, pause = _run_due(app, store, service, hands)
            ran += count
            left = None if until is None else (until - store.now()).total_seconds()
            if left is None or left <= 0:
                return ran
            clock.sleep(min(left, max(pause, _SHORTEST_SLEEP), _LONGEST_SLEEP if clock is SYSTEM_CLOCK else left))


def _refuse_no_moment(until: object) -> None:
    if until is not None and (not isinstance(until, datetime) or until.tzinfo is None):
        raise TypeError(f"until={shortened(until)} must be a datetime with a zone, or None")


def _run_due(app: Nuvom, store: Store, service: SchedulerService, hands: _Hands) -> tuple[int, float]:
    """Run until nothing is due; returns how many jobs were run, and seconds until something becomes due by itself."""
    ran = 0
    unknown: set[str] = set()
    with _lease(app, store) as worker:
        while True:
            pause = service.step()
            moved = store.jobs.promote(_BATCH)
            jobs = store.jobs.claim(Claim(worker, 1, excluding=tuple(unknown)))
            unknown |= {job.task for job in jobs if job.task not in app.registry}
            outcomes = [hands.run(job, app.registry.get(job.task)) for job in jobs]
            refused = store.jobs.finish(worker, outcomes)
            hands.tell([outcome for outcome in outcomes if not refused and outcome.verdict is Verdict.FAILED])
            ran += sum(outcome.verdict is not Verdict.PUT_BACK for outcome in outcomes)
            if not jobs and not moved and pause > 0:
                delayed = store.jobs.next_wakeup().delayed
                return ran, pause if delayed is None else min(pause, delayed)


@contextmanager
def _lease(app: Nuvom, store: Store) -> Iterator[str]:
    # A fresh one for each burst: a virtual clock may have passed the end of the last.
    worker = uuid4().hex
    store.workers.register(
        WorkerInfo(
            id=worker,
            kind="worker",
            host=socket.gethostname(),
            pid=os.getpid(),
            version=__version__,
            tasks=tuple(app.registry),
        )
    )
    try:
        yield worker
    finally:
        store.workers.unregister(worker)


class _Hands:
    """Runs jobs inside the app's lifespan, which begins with the first of them."""

    def __init__(self, app: Nuvom, store: Store) -> None:
        self._life: Life | None = None
        self._function = app.lives
        self._hooks = app.active_hooks
        self._registry = app.registry
        self._store = store
        self._loop = _Loop()

    def run(self, job: ClaimedJob, task: Task[..., Any, Any] | None) -> Outcome:
        """Return the outcome of a job; raises LifespanError."""
        if task is None:
            return Outcome(job, Verdict.PUT_BACK)
        if self._life is None:
            life = Life(self._function)
            life.enter(self._loop.submit)
            self._life = life
        prepared = Prepared.of(task)
        world = World(self._store.now, random.random, life=self._life, hooks=self._hooks)
        if prepared.is_async:
            return self._loop.submit(execute_async(job, prepared, world)).result()
        return execute(job, prepared, world)

    def tell(self, failed: Sequence[Outcome]) -> None:
        """Call what tasks want called of failures."""
        for outcome in failed:
            Failures(self._store.jobs, self._registry, self._loop.submit).tell(outcome.job.id, outcome.error)

    def close(self) -> None:
        """End the lifespan, if a job began it."""
        if self._life is not None:
            self._life.leave(_PATIENCE)
        self._loop.close()


class _Loop:
    """An event loop in a thread of its own, begun when it is needed: the caller may be inside a running one."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: Future[None] = Future()
        self._thread: Thread | None = None

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Begin to run a coroutine."""
        if self._loop is None or self._thread is None or not self._thread.is_alive():  # a task may end its own loop
            begun: Future[asyncio.AbstractEventLoop] = Future()
            self._thread = Thread(target=asyncio.run, args=[self._serve(begun)], name="nuvom-async", daemon=True)
            self._thread.start()
            self._loop = begun.result()
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def close(self) -> None:
        """End the loop, if it was begun."""
        self._stop.set_result(None)
        if self._thread is not None:
            self._thread.join()

    async def _serve(self, begun: Future[asyncio.AbstractEventLoop]) -> None:
        begun.set_result(asyncio.get_running_loop())
        await asyncio.wrap_future(self._stop)

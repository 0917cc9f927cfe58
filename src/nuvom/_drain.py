"""Scheduler and worker in the calling thread: for scripts, notebooks and tests."""

from __future__ import annotations

import asyncio
import os
import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from threading import Thread
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from nuvom import __version__
from nuvom._clock import SYSTEM_CLOCK, Clock
from nuvom._job import ClaimedJob, Outcome, Verdict
from nuvom.scheduler.service import SchedulerService, SchedulerSettings
from nuvom.stores.base import Store
from nuvom.stores.values import Claim, WorkerInfo
from nuvom.worker.execution import Prepared, World, execute, execute_async

if TYPE_CHECKING:
    from nuvom._app import Nuvom
    from nuvom._task import Task

_LONGEST_SLEEP = 0.25  # seconds: others may push meanwhile
_SHORTEST_SLEEP = 0.000_001  # seconds: what is due in less must still move a clock of microseconds
_BATCH = 100


def drain(app: Nuvom, until: datetime | None, clock: Clock) -> int:
    """Run what is due, and until `until` what becomes due; returns how many jobs were run."""
    store = app.store
    service = SchedulerService(store, app.backend if app.split else None, SchedulerSettings(), clock)
    ran = 0
    while True:
        count, pause = _run_due(app, store, service)
        ran += count
        left = None if until is None else (until - store.now()).total_seconds()
        if left is None or left <= 0:
            return ran
        clock.sleep(min(left, max(pause, _SHORTEST_SLEEP), _LONGEST_SLEEP if clock is SYSTEM_CLOCK else left))


def _run_due(app: Nuvom, store: Store, service: SchedulerService) -> tuple[int, float]:
    """Run until nothing is due; returns how many jobs were run, and seconds until something becomes due by itself."""
    ran = 0
    unknown: set[str] = set()
    with _lease(app, store) as worker:
        while True:
            pause = service.step()
            store.jobs.promote(_BATCH)
            jobs = store.jobs.claim(Claim(worker, 1, excluding=tuple(unknown)))
            unknown |= {job.task for job in jobs if job.task not in app.registry}
            outcomes = [_outcome(job, app.registry.get(job.task), store) for job in jobs]
            store.jobs.finish(worker, outcomes)
            ran += sum(outcome.verdict is not Verdict.PUT_BACK for outcome in outcomes)
            if not jobs and pause > 0:
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


def _outcome(job: ClaimedJob, task: Task[..., Any, Any] | None, store: Store) -> Outcome:
    if task is None:
        return Outcome(job, Verdict.PUT_BACK)
    prepared, world = Prepared.of(task), World(store.now, random.random)
    return _in_own_loop(job, prepared, world) if prepared.is_async else execute(job, prepared, world)


def _in_own_loop(job: ClaimedJob, task: Prepared, world: World) -> Outcome:
    # A thread of its own: the caller may be inside a running event loop.
    outcomes: list[Outcome] = []
    thread = Thread(target=lambda: outcomes.append(asyncio.run(execute_async(job, task, world))))
    thread.start()
    thread.join()
    return outcomes[0]

"""The default app and its faces, which `import nuvom` gives as `nuvom.task`, `nuvom.schedules` and so on."""

from __future__ import annotations

from typing import Any

from nuvom._app import L, Nuvom
from nuvom._collections import Jobs, Queues, Workers
from nuvom._decorator import TaskDecorator
from nuvom._handle import JobHandle
from nuvom._schedule import ScheduleEnvelope
from nuvom._schedules import Schedules

app: Nuvom = Nuvom()
task: TaskDecorator = app.task
jobs: Jobs = app.jobs
queues: Queues = app.queues
schedules: Schedules = app.schedules
workers: Workers = app.workers


def configure(url: str | None = None, *, scheduler: str | None = None, **settings: Any) -> None:
    """Set settings of the default app before its first use; see `Nuvom.configure`."""
    app.configure(url, scheduler=scheduler, **settings)


def job(job_id: str) -> JobHandle[Any]:
    """Return the handle of a job of the default app by its id, from any process."""
    return app.job(job_id)


def lifespan(function: L) -> L:
    """Make a generator function the lifespan of the default app's jobs; see `Nuvom.lifespan`."""
    return app.lifespan(function)


def schedule(key: str) -> ScheduleEnvelope:
    """Return a schedule of the default app by its name or id; raises ScheduleNotFound."""
    return app.schedule(key)

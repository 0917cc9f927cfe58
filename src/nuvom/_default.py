"""The default app and its faces, which `import nuvom` gives as `nuvom.task`, `nuvom.schedules` and so on."""

from __future__ import annotations

from typing import Any

from nuvom._app import L, Nuvom
from nuvom._collections import Jobs, Queues, Workers
from nuvom._decorator import TaskDecorator
from nuvom._handle import JobHandle
from nuvom._schedule import ScheduleEnvelope
from nuvom._schedules import Schedules
from nuvom._transaction import Transaction

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


def transaction(connection: object) -> Transaction:
    """Return a block for `with` or `async with`: what is said inside commits with a transaction of yours, or vanishes.

    Jobs and schedules that are pushed, changed or cancelled inside go through `connection`, and nobody sees them before
    its commit. Nuvom neither commits nor rolls back, and leaves the connection's settings as they are.

    Args:
        connection: A psycopg Connection or AsyncConnection, a SQLAlchemy Session, Connection, AsyncSession or
            AsyncConnection on psycopg, Django's connection, or a sqlite3.Connection; to the database of NUVOM_URL.

    Raises:
        ValueError: it is to another database; both are named, without passwords.
        TypeError: its kind is unknown.
        RuntimeError: it is in autocommit, and no transaction is open.
    """
    return app.transaction(connection)

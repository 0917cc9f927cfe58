"""The one way a job enters the table, whoever pushes it: a caller or a dispatch."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from nuvom._clock import to_us
from nuvom._ids import raw
from nuvom._job import NewJob, TaskDefaults
from nuvom.stores.sqlite import statements


class Inserted(NamedTuple):
    """What came of an insert: which jobs were new, in their order, and whether workers have something to take."""

    new: list[bool]
    ready: bool


def insert_jobs(connection: sqlite3.Connection, jobs: Sequence[NewJob], now_us: int) -> Inserted:
    """Insert jobs inside the caller's write transaction; one whose id is there already changes nothing.

    Args:
        connection: in a write transaction, which the caller commits and after which it wakes workers if `ready`.
        jobs: at most 1,000.
        now_us: the store's clock in microseconds: created_at, and run_at of jobs that have none.
    """
    if not jobs:
        return Inserted([], ready=False)
    reported = _reported(connection, {job.task for job in jobs})
    rows = [_row(job, reported[job.task] or job.defaults, now_us) for job in jobs]
    inserted = connection.executemany(statements.load("insert_job"), rows).rowcount
    if inserted < len(jobs) or any(job.key is not None for job in jobs):
        return _looked_up(connection, jobs, inserted)
    return Inserted([True] * inserted, ready=any(job.run_at is None or to_us(job.run_at) <= now_us for job in jobs))


def _reported(connection: sqlite3.Connection, tasks: Iterable[str]) -> dict[str, TaskDefaults | None]:
    """Return what workers reported of these tasks; looked up once a batch, because a join costs each job a third."""
    found = {name: connection.execute(statements.load("task_defaults"), (name,)).fetchone() for name in tasks}
    return {name: TaskDefaults(*row) if row else None for name, row in found.items()}


def _looked_up(connection: sqlite3.Connection, jobs: Sequence[NewJob], inserted: int) -> Inserted:
    """Return what came of an insert in which an id was there already, or a key may be taken."""
    (last,) = connection.execute(statements.load("last_job")).fetchone()
    (ready,) = connection.execute(statements.load("ready_after"), (last - inserted,)).fetchone()
    return Inserted(_which(connection, jobs, last - inserted), ready=bool(ready))


def _which(connection: sqlite3.Connection, jobs: Sequence[NewJob], newest: int) -> list[bool]:
    """Tell which jobs were new; of two with one id in the batch only the first."""
    inserted = {identifier for (identifier,) in connection.execute(statements.load("inserted_jobs"), (newest,))}
    new = []
    for job in jobs:
        identifier = raw(job.id)
        new.append(identifier in inserted)
        inserted.discard(identifier)
    return new


def _row(job: NewJob, defaults: TaskDefaults, now_us: int) -> tuple[object, ...]:
    run_at = None if job.run_at is None else to_us(job.run_at)
    return (
        raw(job.id),
        job.task,
        defaults.queue if job.queue is None else job.queue,
        defaults.priority if job.priority is None else job.priority,
        run_at,
        job.arguments,
        defaults.max_crashes if job.max_crashes is None else job.max_crashes,
        job.key,
        None if job.schedule_id is None else raw(job.schedule_id),
        job.schedule_name,
        # Most runs are not moved; then both times are one and the same object.
        run_at if job.scheduled_for is job.run_at else None if job.scheduled_for is None else to_us(job.scheduled_for),
        job.options,
        job.metadata,
        now_us,
        None if job.expires_at is None else to_us(job.expires_at),
        job.waits,
        job.backfill,
        job.context,
    )

"""The one way a job enters the table, whoever pushes it: a caller or a dispatch."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from nuvom._clock import to_us
from nuvom._ids import raw, text
from nuvom._job import NewJob, Pushed, TaskDefaults
from nuvom._limits import WHILE_OPEN, WHILE_QUEUED, unique_period
from nuvom.stores.rows import task_defaults
from nuvom.stores.sqlite.endings import Endings
from nuvom.stores.sqlite.statements import load


class Inserted(NamedTuple):
    """What came of an insert: which job stands for each, in their order, and whether workers have something to take."""

    pushed: list[Pushed]
    ready: bool
    standing: Mapping[str, tuple[str, str]]  # by the id of each job that was not pushed: what stands for it, and why


class _Terms:
    """What holds for the jobs of a task where their call did not say otherwise; read once for a batch of them."""

    __slots__ = ("defaults", "limited", "plain", "task")

    def __init__(self, task: str, defaults: TaskDefaults) -> None:
        self.task = task  # its own name, where the job has an alias
        self.defaults = defaults
        self.limited: bool = defaults.concurrency is not None or defaults.rate is not None
        # Neither limited nor unique, and it does not give up by itself.
        self.plain: bool = not self.limited and defaults.unique is None and defaults.expires_in is None


_PLAIN = (None, None, None)  # no flow, no unique_key, no unique_until


def insert_jobs(connection: sqlite3.Connection, jobs: Sequence[NewJob], now_us: int, endings: Endings) -> Inserted:
    """Insert jobs inside the caller's write transaction; one that is there already, or stands for it, changes nothing.

    Args:
        connection: in a write transaction, which the caller commits and after which it wakes workers if `ready`.
        jobs: at most 1,000.
        now_us: the store's clock in microseconds: created_at, and run_at of jobs that have none.
        endings: learns of flows in which jobs wait now; the caller applies them when all of its jobs are in.
    """
    if not jobs:
        return Inserted([], False, {})
    terms = _reported(connection, jobs)
    if any(each.defaults.unique for each in terms.values()) or any(job.unique is not None for job in jobs):
        return _one_by_one(connection, jobs, terms, now_us, endings)
    rows = [_row(job, terms[job.task], now_us) for job in jobs]
    inserted = connection.executemany(load("insert_job"), rows).rowcount
    _note_flows(connection, rows, jobs, terms, endings)
    if inserted < len(jobs) or any(job.key is not None for job in jobs):
        return _looked_up(connection, jobs, inserted)
    ready = any(job.run_at is None or to_us(job.run_at) <= now_us for job in jobs)
    return Inserted([Pushed(job.id, True) for job in jobs], ready, {})


def _reported(connection: sqlite3.Connection, jobs: Iterable[NewJob]) -> dict[str, _Terms]:
    """Return the terms of each task, once a batch, because a join costs each job a third.

    They are what workers reported, else what the code that pushed the last of the jobs says.
    """
    terms = {}
    for name, defaults in {job.task: job.defaults for job in jobs}.items():
        row = connection.execute(load("task_defaults"), (name,)).fetchone()
        terms[name] = _Terms(row[0], task_defaults(row[1:])) if row else _Terms(name, defaults)
    return terms


def _note_flows(
    connection: sqlite3.Connection,
    rows: Iterable[_Row],
    jobs: Iterable[NewJob],
    terms: dict[str, _Terms],
    endings: Endings,
) -> None:
    """Make the flows of jobs that were inserted: they may be the first of theirs, or bring other limits."""
    if not any(each.limited for each in terms.values()):
        return
    flows = {row[_FLOW]: terms[job.task] for row, job in zip(rows, jobs, strict=True) if row[_FLOW] is not None}
    for flow, said in flows.items():
        bounds = (said.defaults.concurrency, said.defaults.rate)
        connection.execute(load("put_flow"), (flow, said.task, *bounds))
        endings.moved(flow)


def _looked_up(connection: sqlite3.Connection, jobs: Sequence[NewJob], inserted: int) -> Inserted:
    """Return what came of an insert in which an id was there already, or a key may be taken."""
    (last,) = connection.execute(load("last_job")).fetchone()
    (ready,) = connection.execute(load("ready_after"), (last - inserted,)).fetchone()
    return Inserted(list(_which(connection, jobs, last - inserted)), bool(ready), {})


def _which(connection: sqlite3.Connection, jobs: Sequence[NewJob], newest: int) -> Iterator[Pushed]:
    """Tell which jobs were new; of two with one id in the batch only the first."""
    inserted = {identifier for (identifier,) in connection.execute(load("inserted_jobs"), (newest,))}
    for job in jobs:
        identifier = raw(job.id)
        yield Pushed(job.id, identifier in inserted)
        inserted.discard(identifier)


def _one_by_one(
    connection: sqlite3.Connection, jobs: Sequence[NewJob], terms: dict[str, _Terms], now_us: int, endings: Endings
) -> Inserted:
    """Insert jobs of which some are unique: each is looked for before it comes, and may stand for the next."""
    (last,) = connection.execute(load("last_job")).fetchone()
    pushed: list[Pushed] = []
    standing: dict[str, tuple[str, str]] = {}
    rows = [_row(job, terms[job.task], now_us) for job in jobs]
    for job, row in zip(jobs, rows, strict=True):
        unique = job.unique or terms[job.task].defaults.unique
        known = None if unique is None else _standing_for(connection, row, unique, now_us)
        if known is None or unique is None:
            pushed.append(Pushed(job.id, connection.execute(load("insert_job"), row).rowcount == 1))
        else:
            pushed.append(Pushed(text(known), False))
            standing[job.id] = text(known), unique
    _note_flows(connection, rows, jobs, terms, endings)
    (ready,) = connection.execute(load("ready_after"), (last,)).fetchone()
    return Inserted(pushed, bool(ready), standing)


def _standing_for(connection: sqlite3.Connection, row: _Row, unique: str, now_us: int) -> bytes | None:
    """Return the id of another job that stands for a unique one, None where it is to be pushed."""
    identifier, kind = row[0], row[_UNIQUE_KEY]
    if connection.execute(load("job_state"), {"id": identifier}).fetchone() is not None:
        return None  # an id that is there says more than its kind
    match unique:
        case _ if unique == WHILE_QUEUED:
            found = connection.execute(load("unique_queued"), (kind, identifier)).fetchone()
        case _ if unique == WHILE_OPEN:
            found = connection.execute(load("unique_open"), (kind, identifier)).fetchone()
        case _:
            since = now_us - (unique_period(unique) or 0)
            found = connection.execute(load("unique_since"), (kind, identifier, since)).fetchone()
    return None if found is None else found[0]


_Row = tuple[Any, ...]
_FLOW, _UNIQUE_KEY = 18, 19  # places in a row of insert_job.sql


def _row(job: NewJob, terms: _Terms, now_us: int) -> _Row:
    run_at = None if job.run_at is None else to_us(job.run_at)
    defaults = terms.defaults
    expires_at = None if job.expires_at is None else to_us(job.expires_at)
    kind: tuple[str | None, str | None, int | None] = _PLAIN
    if job.unique is not None or job.expires_in is not None or not terms.plain:
        kind = _kind(job, terms, now_us)
        expires_at = _earlier(expires_at, job, defaults, now_us if run_at is None else run_at)
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
        expires_at,
        job.waits,
        job.backfill,
        job.context,
        *kind,
    )


def _kind(job: NewJob, terms: _Terms, now_us: int) -> tuple[str | None, str | None, int | None]:
    """Return the flow of a job, and by what and until when another may be found to stand for it."""
    name = terms.task if job.kin is None else f"{terms.task}:{job.kin}"
    unique = job.unique or terms.defaults.unique
    period = None if unique is None else unique_period(unique)
    return (
        name if terms.limited else None,
        None if unique is None else name,
        None if period is None else now_us + period,
    )


def _earlier(expires_at: int | None, job: NewJob, defaults: TaskDefaults, run_at: int) -> int | None:
    """Return when a job gives up: by what its call or task says, or by its grace if that ends before."""
    expires_in = defaults.expires_in if job.expires_in is None else job.expires_in
    if expires_in is None:
        return expires_at
    own = run_at + int(expires_in * 1_000_000)
    return own if expires_at is None else min(own, expires_at)

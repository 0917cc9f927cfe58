"""Leases in SQLite: one row a process, which ends with CLOCK_MONOTONIC and with the boot."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import orjson

from nuvom._clock import from_us
from nuvom._job import TaskDefaults
from nuvom.stores.rows import task_defaults
from nuvom.stores.sqlite.claims import as_json
from nuvom.stores.sqlite.database import Database
from nuvom.stores.sqlite.endings import Endings
from nuvom.stores.sqlite.flows import limit_tasks
from nuvom.stores.sqlite.losses import Loss, lose_jobs
from nuvom.stores.sqlite.statements import load
from nuvom.stores.values import TaskRow, WorkerInfo

_REMEMBERED = timedelta(days=1)  # how long the row of a dead process can be looked at


class SqliteWorkers:
    """A `nuvom.stores.base.WorkerStore`; the promises are written there.

    Args:
        database: where the rows are.
        lease: seconds from a heartbeat until a silent process counts as dead.
    """

    def __init__(self, database: Database, lease: float) -> None:
        self._database = database
        self._lease = int(lease * 1_000_000)

    def register(self, worker: WorkerInfo) -> None:
        """Start the lease of a process whose id was never used."""
        said = {
            "id": worker.id,
            "kind": worker.kind,
            "host": worker.host,
            "pid": worker.pid,
            "version": worker.version,
            "queues": as_json(worker.queues),
            "tasks": as_json(worker.tasks),
            "port": None if worker.address is None else int(worker.address),
        }
        with self._database.write(durable=False) as connection:
            connection.execute(load("insert_worker"), {**said, **self._extended()})

    def unregister(self, worker_id: str) -> None:
        """End a lease in an orderly way; what the process still held becomes ready again, free of charge."""
        endings = Endings()
        with self._database.write(durable=False) as connection:
            left = connection.execute(load("put_back_all"), (worker_id,)).fetchall()
            for (flow,) in left:
                endings.moved(flow)
            connection.execute(load("delete_worker"), (worker_id,))
            endings.end_asked(connection, self._database.now_us())
            endings.apply(connection, self._database.now_us())
        self._wake(len(left), endings)

    def heartbeat(self, worker_ids: Sequence[str]) -> frozenset[str]:
        """Extend these leases; returns the ids whose lease had run out, which stay dead."""
        with self._database.write(durable=False) as connection:
            moment = {**self._extended(), **self._moment()}  # under the lock: a lease may run out in front of it
            return frozenset(
                worker_id
                for worker_id in worker_ids
                if connection.execute(load("heartbeat"), {**moment, "id": worker_id}).rowcount == 0
            )

    def release(self, worker_id: str, cause: str, *, charged: bool = True) -> int:
        """End the lease of a process seen dead, and free its running jobs; returns how many."""
        endings = Endings()
        with self._database.write(durable=False) as connection:
            connection.execute(load("end_lease"), (worker_id,))
            lost = lose_jobs(connection, Loss(worker_id, "crash", cause, charged), self._database.now_us(), endings)
            endings.apply(connection, self._database.now_us())
        self._wake(lost, endings)
        return lost

    def rescue(self) -> int:
        """Free the running jobs of processes whose lease ran out; returns how many."""
        moment = self._moment()
        old = {**moment, "now": self._database.now_us(), "before": self._database.now_us() - _us(_REMEMBERED)}
        with self._database.read() as connection:
            workers = connection.execute(load("lost_workers"), moment).fetchall()
            (forgettable,) = connection.execute(load("has_forgettable"), old).fetchone()
        if not workers and not forgettable:
            return 0
        return self._rescue(old)

    def remember_tasks(self, rows: Sequence[TaskRow]) -> None:
        """Write or replace the `tasks` rows."""
        now = self._database.now_us()
        with self._database.write(durable=False) as connection:
            connection.executemany(load("upsert_task"), [_task_parameters(row, now) for row in rows])
            opened = limit_tasks(connection, rows, now)
        if opened:
            self._database.wake("worker")

    def tasks(self) -> list[TaskRow]:
        """Return the `tasks` rows, by name."""
        with self._database.read() as connection:
            return [_task(row) for row in connection.execute(load("list_tasks"))]

    def _moment(self) -> dict[str, object]:
        return {"boot": self._database.boot(), "monotonic": self._database.monotonic_us()}

    def _extended(self) -> dict[str, object]:
        return {
            "now": self._database.now_us(),
            "boot": self._database.boot(),
            "lease_until": self._database.monotonic_us() + self._lease,
        }

    def _rescue(self, moment: dict[str, object]) -> int:
        endings = Endings()
        now_us = self._database.now_us()
        lost = 0
        with self._database.write(durable=False) as connection:
            # Looked up again under the write lock: others rescue at the same moment.
            for (worker,) in connection.execute(load("lost_workers"), moment).fetchall():
                lost += lose_jobs(connection, Loss(worker, "lost", "its lease ran out"), now_us, endings)
            endings.apply(connection, now_us)
            connection.execute(load("forget_workers"), moment)
            connection.execute(load("delete_stale_waiters"), moment)
        self._wake(lost, endings)
        return lost

    def _wake(self, lost: int, endings: Endings) -> None:
        endings.wake(self._database)
        if lost:
            self._database.wake("worker")

    def list(self) -> list[WorkerInfo]:
        """Return the processes with a row, live ones first."""
        with self._database.read() as connection:
            return [_worker(row) for row in connection.execute(load("list_workers"), self._moment())]


def _us(duration: timedelta) -> int:
    return duration // timedelta(microseconds=1)


def _worker(row: tuple[Any, ...]) -> WorkerInfo:
    id_, kind, host, pid, version, queues, tasks, port, started_at, beat_at, running, alive = row
    return WorkerInfo(
        id=id_,
        kind=kind,
        host=host,
        pid=pid,
        version=version,
        queues=None if queues is None else tuple(orjson.loads(queues)),
        tasks=tuple(orjson.loads(tasks)),
        address=None if port is None else str(port),
        started_at=from_us(started_at),
        beat_at=from_us(beat_at),
        running=running,
        alive=bool(alive),
    )


def _task_parameters(row: TaskRow, now_us: int) -> dict[str, object]:
    defaults: TaskDefaults = row.defaults
    return {
        "name": row.name,
        "canonical": row.canonical,
        "queue": defaults.queue,
        "priority": defaults.priority,
        "max_crashes": defaults.max_crashes,
        "expires_in": None if defaults.expires_in is None else int(defaults.expires_in * 1_000_000),
        "concurrency": defaults.concurrency,
        "rate": defaults.rate,
        "unique": defaults.unique,
        "key": defaults.key,
        "signature": row.signature,
        "now": now_us,
    }


def _task(row: tuple[Any, ...]) -> TaskRow:
    name, canonical, signature, *reported = row
    return TaskRow(name=name, canonical=canonical, defaults=task_defaults(reported), signature=signature)

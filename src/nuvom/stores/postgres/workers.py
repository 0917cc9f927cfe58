"""Leases in PostgreSQL: one row a process, which ends by the server's clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import orjson

from nuvom._clock import from_us
from nuvom._job import TaskDefaults
from nuvom.stores.postgres.columns import columns
from nuvom.stores.postgres.database import Database, Row, Session
from nuvom.stores.postgres.endings import Endings
from nuvom.stores.postgres.flows import limit_tasks, lock_limits
from nuvom.stores.postgres.losses import Loss, lock_running, lose_jobs
from nuvom.stores.rows import task_defaults
from nuvom.stores.values import TaskRow, WorkerInfo

_REMEMBERED = timedelta(days=1) // timedelta(microseconds=1)  # how long the row of a dead process can be looked at
_TASK = (
    "name", "canonical", "queue", "priority", "max_crashes", "expires_in", "concurrency", "rate", "uniqueness",
    "flow_key", "signature",
)  # fmt: skip


class PostgresWorkers:
    """A `nuvom.stores.base.WorkerStore`; the promises are written there.

    Args:
        database: where the rows are.
        lease: seconds from a heartbeat until a silent process counts as dead.
    """

    def __init__(self, database: Database, lease: float) -> None:
        self._database = database
        self._lease = int(lease * 1_000_000)
        self.scheduler: str | None = None  # the one that was registered last through this store

    def register(self, worker: WorkerInfo) -> None:
        """Start the lease of a process whose id was never used."""
        said = {
            "id": worker.id,
            "kind": worker.kind,
            "host": worker.host,
            "pid": worker.pid,
            "version": worker.version,
            "queues": None if worker.queues is None else orjson.dumps(list(worker.queues)).decode(),
            "tasks": orjson.dumps(list(worker.tasks)).decode(),
            "address": worker.address,
            "lease": self._lease,
            "now": self._database.given_now,
        }
        self._database.once(lambda session: session.execute("insert_worker", said))
        if worker.kind == "scheduler":
            self.scheduler = worker.id

    def unregister(self, worker_id: str) -> None:
        """End a lease in an orderly way; what the process still held becomes ready again, free of charge."""

        def leave(session: Session) -> None:
            session.execute("lock_workers", ([worker_id],)).fetchall()
            lock_running(session, [worker_id])
            endings = Endings()
            left = session.rows("put_back_all", (worker_id,))
            for (flow,) in left:
                endings.moved(flow)
            session.execute("delete_worker", (worker_id,))
            endings.end_asked(session)
            endings.apply(session)
            if left:
                session.wake("worker")

        self._database.write(leave, durable=False)

    def heartbeat(self, worker_ids: Sequence[str]) -> frozenset[str]:
        """Extend these leases; returns the ids whose lease had run out, which stay dead."""
        said = {"ids": [*worker_ids], "lease": self._lease, "now": self._database.given_now}
        alive = self._database.once(lambda session: session.rows("heartbeat", said))
        return frozenset(worker_ids) - {worker_id for (worker_id,) in alive}

    def release(self, worker_id: str, cause: str, *, charged: bool = True) -> int:
        """End the lease of a process seen dead, and free its running jobs; returns how many."""
        loss = Loss(worker_id, "crash", cause, charged)
        return self._database.write(lambda session: _lose(session, [loss]), durable=False)

    def rescue(self) -> int:
        """Free the running jobs of processes whose lease ran out; returns how many."""
        moment = {"now": self._database.given_now, "remembered": _REMEMBERED}
        workers, forgettable = self._database.read(lambda session: session.row("lost_workers", moment)) or (None, False)
        if not workers and not forgettable:
            return 0
        losses = [Loss(worker, "lost", "its lease ran out") for worker in sorted(workers or ())]

        def save(session: Session) -> int:
            lost = _lose(session, losses)
            session.execute("forget_workers", (session.now_us, _REMEMBERED))
            session.execute("delete_stale_waiters", (session.now_us,))
            return lost

        return self._database.write(save, durable=False)

    def remember_tasks(self, rows: Sequence[TaskRow]) -> None:
        """Write or replace the `tasks` rows."""

        def remember(session: Session) -> None:
            said = columns(_TASK, (_task_values(row) for row in sorted(rows, key=lambda row: row.name)))
            lock_limits(session, rows)
            session.execute("upsert_tasks", {**said, "now": session.now_us})
            if limit_tasks(session, rows):
                session.wake("worker")

        if rows:
            self._database.write(remember, durable=False)

    def tasks(self) -> list[TaskRow]:
        """Return the `tasks` rows, by name."""
        return [_task(row) for row in self._database.read(lambda session: session.rows("list_tasks"))]

    def list(self) -> list[WorkerInfo]:
        """Return the processes with a row, live ones first."""
        now = {"now": self._database.given_now}
        return [_worker(row) for row in self._database.read(lambda session: session.rows("list_workers", now))]


def _lose(session: Session, losses: Sequence[Loss]) -> int:
    """End the leases of lost processes and free their jobs; who waited for a lock finds their leases ended."""
    if not losses:
        return 0
    ids = [loss.worker for loss in losses]
    session.execute("lock_workers", (ids,)).fetchall()
    session.execute("end_leases", (ids,))
    lock_running(session, ids)
    endings = Endings()
    lost = sum(lose_jobs(session, loss, endings) for loss in losses)
    endings.apply(session)
    if lost:
        session.wake("worker")
    return lost


def _worker(row: Row) -> WorkerInfo:
    id_, kind, host, pid, version, queues, tasks, address, started_at, beat_at, running, alive = row
    return WorkerInfo(
        id=id_,
        kind=kind,
        host=host,
        pid=pid,
        version=version,
        queues=None if queues is None else tuple(orjson.loads(queues)),
        tasks=tuple(orjson.loads(tasks)),
        address=address,
        started_at=from_us(started_at),
        beat_at=from_us(beat_at),
        running=running,
        alive=alive,
    )


def _task_values(row: TaskRow) -> tuple[object, ...]:
    said: TaskDefaults = row.defaults
    expires_in = None if said.expires_in is None else int(said.expires_in * 1_000_000)
    bounds = (expires_in, said.concurrency, said.rate, said.unique, said.key)
    return row.name, row.canonical, said.queue, said.priority, said.max_crashes, *bounds, row.signature


def _task(row: tuple[Any, ...]) -> TaskRow:
    name, canonical, signature, *reported = row
    return TaskRow(name=name, canonical=canonical, defaults=task_defaults(reported), signature=signature)

"""Leases in Redis: one entry a process, which ends by the server's clock."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from nuvom._clock import EPOCH, from_us
from nuvom.stores.redis.database import Database
from nuvom.stores.redis.terms import read_task, write_task
from nuvom.stores.values import TaskRow, WorkerInfo

_REMEMBERED = 86_400_000_000  # microseconds in which a dead process can be looked at: a day
_STEP = 200  # jobs of a script that frees them: some milliseconds


class RedisWorkers:
    """A `nuvom.stores.base.WorkerStore`; the promises are written there.

    Args:
        database: where the leases are.
        lease: seconds from a heartbeat until a silent process counts as dead.
    """

    def __init__(self, database: Database, lease: float) -> None:
        self._database = database
        self._lease = int(lease * 1_000_000)
        self.scheduler: str | None = None  # the one that was registered last through this store

    def register(self, worker: WorkerInfo) -> None:
        """Start the lease of a process whose id was never used."""
        said = {
            "host": worker.host,
            "pid": worker.pid,
            "version": worker.version,
            "queues": None if worker.queues is None else list(worker.queues),
            "tasks": list(worker.tasks),
            "address": worker.address,
        }
        self._database.write("register", worker.id, self._lease, worker.kind, orjson.dumps(said))
        if worker.kind == "scheduler":
            self.scheduler = worker.id

    def unregister(self, worker_id: str) -> None:
        """End a lease in an orderly way; what the process still held becomes ready again, free of charge."""
        self._database.write("unregister", worker_id)

    def heartbeat(self, worker_ids: Sequence[str]) -> frozenset[str]:
        """Extend these leases; returns the ids whose lease had run out, which stay dead."""
        dead = self._database.write("heartbeat", self._lease, orjson.dumps(list(worker_ids)))
        if dead:
            self._database.look()  # where the server lost all that it kept, that is why
        return frozenset(each.decode() for each in dead)

    def release(self, worker_id: str, cause: str, *, charged: bool = True) -> int:
        """End the lease of a process seen dead, and free its running jobs; returns how many."""
        lost: int = self._database.write("release", worker_id, cause, int(charged))
        return lost

    def rescue(self) -> int:
        """Free the running jobs of processes whose lease ran out; returns how many."""
        lost, more = 0, 1
        while more:
            freed, more = self._database.write("rescue", _REMEMBERED, _STEP)
            lost += freed
        return lost

    def remember_tasks(self, rows: Sequence[TaskRow]) -> None:
        """Write or replace the `tasks` rows; their limits hold from then on for the flows that there are, too."""
        if rows:
            self._database.write("remember_tasks", orjson.dumps([(row.name, write_task(row)) for row in rows]))

    def tasks(self) -> list[TaskRow]:
        """Return the `tasks` rows, by name."""
        found = self._database.read("list_tasks")
        return sorted(
            (read_task(name.decode(), source) for name, source in zip(found[::2], found[1::2], strict=True)),
            key=lambda row: row.name,
        )

    def list(self) -> list[WorkerInfo]:
        """Return the processes with a row, live ones first."""
        found = [_worker(*each) for each in self._database.read("list_workers")]
        return sorted(found, key=lambda worker: (not worker.alive, worker.started_at or EPOCH, worker.id))


def _worker(
    worker_id: bytes, kind: bytes, said: bytes, started_at: bytes, beat_at: bytes, running: int, alive: int
) -> WorkerInfo:
    own = orjson.loads(said)
    return WorkerInfo(
        id=worker_id.decode(),
        kind=kind.decode(),
        host=own["host"],
        pid=own["pid"],
        version=own["version"],
        queues=None if own["queues"] is None else tuple(own["queues"]),
        tasks=tuple(own["tasks"]),
        address=own["address"],
        started_at=from_us(int(started_at)),
        beat_at=from_us(int(beat_at)),
        running=running,
        alive=alive == 1,
    )

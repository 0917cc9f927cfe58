"""Leases in Redis: one entry a process, which ends by the server's clock."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from nuvom.stores.redis.database import Database
from nuvom.stores.values import TaskRow, WorkerInfo


class RedisWorkers:
    """A `nuvom.stores.base.WorkerStore`; the promises are written there.

    Args:
        database: where the leases are.
        lease: seconds from a heartbeat until a silent process counts as dead.
    """

    def __init__(self, database: Database, lease: float) -> None:
        self._database = database
        self._lease = int(lease * 1_000_000)

    def register(self, worker: WorkerInfo) -> None:
        """Start the lease of a process whose id was never used."""
        said = {
            "kind": worker.kind,
            "host": worker.host,
            "pid": worker.pid,
            "version": worker.version,
            "queues": None if worker.queues is None else list(worker.queues),
            "tasks": list(worker.tasks),
            "address": worker.address,
        }
        self._database.write("register", worker.id, self._lease, worker.kind, orjson.dumps(said))

    def unregister(self, worker_id: str) -> None:
        """End a lease in an orderly way; what the process still held becomes ready again, free of charge."""
        raise NotImplementedError

    def heartbeat(self, worker_ids: Sequence[str]) -> frozenset[str]:
        """Extend these leases; returns the ids whose lease had run out, which stay dead."""
        dead = self._database.write("heartbeat", self._lease, orjson.dumps(list(worker_ids)))
        return frozenset(each.decode() for each in dead)

    def release(self, worker_id: str, cause: str, *, charged: bool = True) -> int:
        """End the lease of a process seen dead, and free its running jobs; returns how many."""
        raise NotImplementedError

    def rescue(self) -> int:
        """Free the running jobs of processes whose lease ran out; returns how many."""
        raise NotImplementedError

    def remember_tasks(self, rows: Sequence[TaskRow]) -> None:
        """Write or replace the `tasks` rows; their limits hold from then on for the flows that there are, too."""
        raise NotImplementedError

    def tasks(self) -> list[TaskRow]:
        """Return the `tasks` rows, by name."""
        raise NotImplementedError

    def list(self) -> list[WorkerInfo]:
        """Return the processes with a row, live ones first."""
        raise NotImplementedError

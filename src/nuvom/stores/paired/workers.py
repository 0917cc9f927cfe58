"""Leases beside the jobs; a scheduler has a row beside the schedules too, where their changes find whom to wake."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from dataclasses import replace

from nuvom.stores.base import Store
from nuvom.stores.values import TaskRow, WorkerInfo


class PairedWorkers:
    """A `nuvom.stores.base.WorkerStore` over two stores.

    Args:
        queue: where jobs and leases are.
        keeper: where schedules are.
    """

    def __init__(self, queue: Store, keeper: Store) -> None:
        self._leases = queue.workers
        self._ears = keeper.workers
        self._schedulers: set[str] = set()

    def register(self, worker: WorkerInfo) -> None:
        """Start the lease of a process whose id was never used."""
        if worker.kind != "scheduler":
            self._leases.register(worker)
            return
        self._leases.register(replace(worker, address=None))  # it listens beside the schedules
        self._ears.rescue()  # nobody else forgets the rows of schedulers that are long dead there
        self._ears.register(worker)
        self._schedulers.add(worker.id)

    def unregister(self, worker_id: str) -> None:
        """End a lease in an orderly way; what the process still held becomes ready again, free of charge."""
        if worker_id in self._schedulers:
            self._schedulers.discard(worker_id)
            self._ears.unregister(worker_id)
        self._leases.unregister(worker_id)

    def heartbeat(self, worker_ids: Sequence[str]) -> frozenset[str]:
        """Extend these leases; returns the ids whose lease had run out, which stay dead."""
        lost = self._leases.heartbeat(worker_ids)
        schedulers = [each for each in worker_ids if each in self._schedulers]
        return lost | self._ears.heartbeat(schedulers) if schedulers else lost

    def release(self, worker_id: str, cause: str, *, charged: bool = True) -> int:
        """End the lease of a process seen dead, and treat its running jobs as `rescue` does; returns how many."""
        return self._leases.release(worker_id, cause, charged=charged)

    def rescue(self) -> int:
        """Free the running jobs of processes whose lease ran out; returns how many."""
        return self._leases.rescue()

    def remember_tasks(self, rows: Sequence[TaskRow]) -> None:
        """Write or replace the `tasks` rows."""
        self._leases.remember_tasks(rows)

    def tasks(self) -> builtins.list[TaskRow]:
        """Return the `tasks` rows, by name."""
        return self._leases.tasks()

    def list(self) -> builtins.list[WorkerInfo]:
        """Return the processes with a row, live ones first."""
        return self._leases.list()

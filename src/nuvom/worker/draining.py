"""When a worker that is to drain has nothing left to do."""

from __future__ import annotations

from collections.abc import Collection

from nuvom.stores.base import JobStore
from nuvom.worker.settings import WorkerSettings


def nothing_left(store: JobStore, settings: WorkerSettings, passed_over: Collection[str]) -> bool:
    """Tell whether no job is ready for this worker, nor due to become so; two plain reads.

    Args:
        store: where the jobs are.
        settings: what the worker takes.
        passed_over: tasks that it does not know.
    """
    delayed = store.next_wakeup().delayed
    if delayed is not None and delayed <= 0:
        return False
    return not store.has_ready(settings.queues, passed_over, settings.ready_by)

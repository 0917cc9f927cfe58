"""An idle worker: how soon it starts a job, and what it costs while there is none; the same of a scheduler."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator
from unittest.mock import patch

from bench.figures import Figure, at_most
from bench.stage import Stage, stage
from bench.tasks import started
from bench.timing import cpu_percent, percentile
from nuvom.stores.sqlite.database import Database
from nuvom.stores.sqlite.store import SqliteStore

PUSHES = 300
WATCHED = 8.0  # seconds


def latency(scale: float) -> Iterator[Figure]:
    with stage() as place, place.worker() as worker, place.scheduler() as scheduler:
        called, committed = _starts(place, max(10, int(PUSHES * scale)))
        for name, part, target in (("p50", 0.5, None), ("p99", 0.99, at_most(2))):
            yield Figure(
                name=f"latency-{name}",
                nuvom=1_000 * percentile(committed, part),
                unit="ms",
                target=target,
                what="from the producer's commit to the start on an idle worker",
            )
        yield Figure(
            name="latency-call-p50",
            nuvom=1_000 * percentile(called, 0.5),
            unit="ms",
            what="the same from the call of task.delay, so with the commit's fsync",
        )
        loads = cpu_percent([worker, scheduler], max(1.0, WATCHED * min(scale, 1.0)))
        for name, load in zip(("worker", "scheduler"), loads, strict=True):
            yield Figure(
                name=f"idle-cpu-{name}",
                nuvom=load,
                unit="%",
                target=at_most(1),
                what="of a core, the service with its supervisor",
            )


def _starts(place: Stage, pushes: int) -> tuple[list[float], list[float]]:
    """Seconds to the start from the call and from the commit, of jobs that find the worker asleep."""
    started.delay().result(timeout=30)
    handles, calls, commits = [], list[float](), list[float]()
    ears = _database(place).ears
    with patch.object(ears, "send", _noting(ears.send, commits)):
        for _ in range(pushes):
            time.sleep(random.uniform(0.012, 0.024))
            calls.append(time.monotonic())
            handles.append(started.delay())
    starts = [handle.result(timeout=30) for handle in handles]
    return [s - at for s, at in zip(starts, calls, strict=True)], [
        s - at for s, at in zip(starts, commits, strict=True)
    ]


def _noting(send: Callable[[Iterable[int]], None], moments: list[float]) -> Callable[[Iterable[int]], None]:
    """Note when a push comes to waking the workers, which is what follows its commit."""

    def noted(ports: Iterable[int]) -> None:
        moments.append(time.monotonic())
        send(ports)

    return noted


def _database(place: Stage) -> Database:
    store = place.app.store
    assert isinstance(store, SqliteStore)
    return store.jobs._database

"""An idle worker: how soon it starts a job, and what it costs while there is none; the same of a scheduler."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
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
        commits: list[float] = []
        ears = _database(place).ears
        started.delay().result(timeout=30)
        with patch.object(ears, "send", _noting(ears.send, commits)):
            calls, starts = started_jobs(pushes(scale))
        yield from latencies("latency", calls, commits, starts, "from the producer's commit")
        seconds = max(1.0, WATCHED * min(scale, 1.0))
        for name, load in zip(("worker", "scheduler"), cpu_percent([worker, scheduler], seconds), strict=True):
            yield idle_cpu(f"idle-cpu-{name}", load)


def pushes(scale: float) -> int:
    """How many jobs find the worker asleep."""
    return max(10, int(PUSHES * scale))


def latencies(
    name: str, calls: Sequence[float], commits: Sequence[float], starts: Sequence[float], since: str
) -> Iterator[Figure]:
    """What the moments of calls, commits and starts say; `since` says where the commit was seen."""
    committed = [start - commit for start, commit in zip(starts, commits, strict=True)]
    called = [start - call for start, call in zip(starts, calls, strict=True)]
    for part_name, part, target in (("p50", 0.5, None), ("p99", 0.99, at_most(2))):
        yield Figure(
            name=f"{name}-{part_name}",
            nuvom=1_000 * percentile(committed, part),
            unit="ms",
            target=target,
            what=f"{since} to the start on an idle worker",
        )
    yield Figure(
        name=f"{name}-call-p50",
        nuvom=1_000 * percentile(called, 0.5),
        unit="ms",
        what="the same from the call of task.delay, so with the commit's fsync",
    )


def idle_cpu(name: str, load: float) -> Figure:
    """What a service takes that has nothing to do."""
    what = "of a core, the service with its supervisor"
    return Figure(name=name, nuvom=load, unit="%", target=at_most(1), what=what)


def started_jobs(count: int, returned: Callable[[], object] = lambda: None) -> tuple[list[float], list[float]]:
    """The moments of the calls and of the starts of jobs that find the worker asleep; `returned` follows each call."""
    handles, calls = [], list[float]()
    for _ in range(count):
        time.sleep(random.uniform(0.012, 0.024))
        calls.append(time.monotonic())
        handles.append(started.delay())
        returned()
    return calls, [handle.result(timeout=30) for handle in handles]


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

"""Jobs on Redis: pushing and draining them, how soon an idle worker starts one, claims among many, what they take."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing

import psutil
import redis

from bench import claim as claims, drain as drains, enqueue as pushes, latency as starts
from bench.figures import Figure, at_most, share
from bench.redis.place import connected, keys, prefixed, server_stage
from bench.redis.raw import raw_server
from bench.tasks import noop, started
from bench.timing import cpu_percent
from nuvom._ids import new_ids
from nuvom._job import JobStatus, NewJob
from nuvom.stores.base import Store
from nuvom.stores.registry import open_store
from nuvom.stores.values import MAX_BATCH

WATCHED = 10.0  # seconds
STORED = 10_000  # of which the memory is weighed


def drain(server: str, scale: float) -> Iterator[Figure]:
    jobs = max(500, int(drains.JOBS * scale))
    for processes in (1, 2):
        nuvom, raw = drained(server, processes, jobs)
        yield Figure(
            name=f"redis-drain-{processes}",
            nuvom=nuvom,
            raw=raw,
            unit="/s",
            target=share(0.35) if processes == 1 else None,
            what=f"no-op jobs, {processes} worker process{'es' * (processes > 1)}, results kept; "
            "raw: XREADGROUP 100, XACK + XDEL 100",
        )


def drained(server: str, processes: int, jobs: int) -> tuple[float, float]:
    """Jobs per second of worker processes, and of the raw engine."""
    with (
        server_stage(server) as place,
        place.worker(processes),
        raw_server(server) as raw,
        keys(place) as (look, prefix),
    ):
        workers = [psutil.Process(pid) for pid in place.live("worker")]
        measured = drains.beside_raw(
            raw, workers, jobs, stopped=lambda: _suspended(workers), drained=lambda: _is_drained(look, prefix)
        )
        drains.refuse_other(place.app.store.jobs.counts()[JobStatus.SUCCEEDED], jobs)
        return measured


def _suspended(workers: list[psutil.Process]) -> bool:
    """Stop the workers, wherever they are: what they hold is nobody else's."""
    drains.suspend(workers)
    return True


def _is_drained(look: redis.Redis, prefix: str) -> bool:
    return not any(int(number or 0) for number in look.hmget(f"{prefix}queue:default", ["ready", "running"]))


def enqueue(server: str, scale: float) -> Iterator[Figure]:
    with server_stage(server), raw_server(server) as raw:
        what = "task.delay(1, 2), appendfsync everysec; raw: XADD"
        yield pushes.single(raw, scale, "redis-enqueue-single", what, share_of_raw=0.45)
        what = "task.map of 1,000; raw: XADD, 1,000 in a pipeline"
        yield pushes.bulk(raw, scale, "redis-enqueue-bulk", what, share_of_raw=0.6)


def latency(server: str, scale: float) -> Iterator[Figure]:
    with server_stage(server) as place:
        with place.worker() as worker:
            started.delay().result(timeout=30)
            commits: list[float] = []
            calls, moments = starts.started_jobs(starts.pushes(scale), lambda: commits.append(time.monotonic()))
            yield from starts.latencies("redis-latency", calls, commits, moments, "from the return of task.delay")
            yield from _idle("worker", worker, scale)
        with place.scheduler() as scheduler:
            yield from _idle("scheduler", scheduler, scale)


def _idle(kind: str, service: psutil.Process, scale: float) -> Iterator[Figure]:
    [load] = cpu_percent([service], max(1.0, WATCHED * min(scale, 1.0)))
    yield starts.idle_cpu(f"redis-idle-cpu-{kind}", load)


def claim(server: str, scale: float) -> Iterator[Figure]:
    jobs, taken = claims.sizes(scale)
    with (
        prefixed(server) as crowded,
        prefixed(server) as empty,
        closing(_filled(crowded, queued=max(jobs, taken), finished=jobs)) as many,
        closing(_filled(empty, queued=taken, finished=0)) as few,
    ):
        yield claims.among_many("redis-claim-among-many", many, few, scale, target=share(0.75))


def _filled(url: str, *, queued: int, finished: int) -> Store:
    store = open_store(url, lease=claims.LEASE)
    claims.begin(store)
    _push(store, finished - 1)
    claims.work(store, finished // claims.BATCH)
    _push(store, queued)
    return store


def _push(store: Store, count: int) -> None:
    for start in range(0, count, MAX_BATCH):
        ids = new_ids(store.now(), min(MAX_BATCH, count - start))
        store.jobs.push([NewJob(id=each, task="bench.noop", arguments=b"[[1,2],{}]") for each in ids])


def memory(server: str, scale: float) -> Iterator[Figure]:
    """What the server holds for each small job and each schedule."""
    count = max(1_000, int(STORED * scale))
    with server_stage(server), connected(server) as connection:
        noop.delay(1, 2)
        before = _used(connection)
        for number in range(count // 10):
            noop.schedule(1, number, interval=86_400)
        yield Figure(
            name="redis-memory-schedule",
            nuvom=(_used(connection) - before) / (count // 10),
            unit="B",
            what="of the server's memory for each schedule",
        )
        before = _used(connection)
        noop.map([(1, 2)] * count)
        yield Figure(
            name="redis-memory-job",
            nuvom=(_used(connection) - before) / count,
            unit="B",
            target=at_most(1_024),
            what="of the server's memory for each queued job with two small arguments",
        )


def _used(connection: redis.Redis) -> int:
    found: int = connection.info("memory")["used_memory"]
    return found

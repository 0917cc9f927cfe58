"""Jobs on PostgreSQL: pushing them, draining them, how soon an idle worker starts one, claims among many."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from unittest.mock import patch

import psutil
import psycopg

from bench import claim as claims, drain as drains, enqueue as pushes, latency as starts
from bench.figures import Figure, at_most, share
from bench.postgres.place import RANDOM_ID, copy, look, schema, server_stage
from bench.postgres.raw import raw_server
from bench.tasks import started
from bench.timing import cpu_percent, in_turns, rate
from nuvom.stores.base import Store
from nuvom.stores.postgres import database
from nuvom.stores.postgres.statements import Statement, load as read
from nuvom.stores.registry import open_store

WATCHED = 20.0  # seconds
_ROUNDS = 2  # of claims among many: without ANALYZE and after it
SETTLING = 11.0  # a server counts what a session did up to 10 s later

_SUCCEEDED = "SELECT count(*) FROM jobs WHERE state = 'succeeded' AND value::text = '1'"
_BUSY = """
    SELECT EXISTS (SELECT 1 FROM jobs WHERE state = 'ready' AND NOT suspect)
        OR EXISTS (SELECT 1 FROM jobs WHERE state = 'running')
"""
_TRANSACTIONS = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"
_FINISHED = {"state": "'succeeded'", "attempt": "1", "started_at": "run_at", "finished_at": "run_at", "value": "'1'"}


def drain(server: str, scale: float) -> Iterator[Figure]:
    jobs = max(500, int(drains.JOBS * scale))
    for processes in (1, 2):
        nuvom, raw = drained(server, processes, jobs)
        yield Figure(
            name=f"pg-drain-{processes}",
            nuvom=nuvom,
            raw=raw,
            unit="/s",
            target=share(0.45) if processes == 1 else None,
            what=f"no-op jobs, {processes} worker process{'es' * (processes > 1)}; raw: claim 100 + finish 100",
        )


def drained(server: str, processes: int, jobs: int) -> tuple[float, float]:
    """Jobs per second of worker processes, and of the raw engine."""
    with (
        server_stage(server) as place,
        place.worker(processes),
        raw_server(place.url, claims=True) as raw,
        look(place.url) as connection,
    ):
        workers = [psutil.Process(pid) for pid in place.live("worker")]
        measured = drains.beside_raw(
            raw,
            workers,
            jobs,
            stopped=lambda: _suspended(workers),
            drained=lambda: connection.execute(_BUSY).fetchone() == (False,),
        )
        drains.refuse_other(connection.execute(_SUCCEEDED).fetchall()[0][0], jobs)
        return measured


def _suspended(workers: Sequence[psutil.Process]) -> bool:
    """Stop the workers, wherever they are: the rows that they may have locked are nobody else's."""
    drains.suspend(workers)
    return True


def enqueue(server: str, scale: float) -> Iterator[Figure]:
    with server_stage(server) as place, raw_server(place.url, claims=False) as raw:
        yield pushes.single(raw, scale, "pg-enqueue-single", "task.delay(1, 2), on disk; raw: INSERT")
        what = "task.map of 1,000, on disk; raw: COPY of 1,000"
        yield pushes.bulk(raw, scale, "pg-enqueue-bulk", what, share_of_raw=0.35)


def notify(server: str, scale: float) -> Iterator[Figure]:
    """What producers pay for waking workers."""
    count = max(5, int(300 * scale))
    with server_stage(server):
        pushes.push(1)
        nuvom, silent = in_turns(lambda: rate(count, lambda: pushes.push(count)), lambda: _silent(count), pushes.TURNS)
    yield Figure(
        name="pg-notify", nuvom=nuvom, raw=silent, unit="/s", what="task.delay(1, 2); raw: the same without NOTIFY"
    )


def _silent(count: int) -> float:
    with patch.object(database, "load", _without_notify):
        return rate(count, lambda: pushes.push(count))


def _without_notify(name: str, schema: str) -> Statement:
    statement = read(name, schema)
    if name == "push" and statement.sql.count(b"pg_notify(") != 1:
        raise RuntimeError("push.sql does not wake workers by one call of pg_notify")
    return statement._replace(sql=statement.sql.replace(b"pg_notify(", b"textcat("))


def latency(server: str, scale: float) -> Iterator[Figure]:
    with server_stage(server) as place:
        with place.worker() as worker:
            started.delay().result(timeout=30)
            commits: list[float] = []
            calls, moments = starts.started_jobs(starts.pushes(scale), lambda: commits.append(time.monotonic()))
            yield from starts.latencies("pg-latency", calls, commits, moments, "from the return of task.delay")
            yield from _idle("worker", worker, place.url, scale)
        with place.scheduler() as scheduler:
            yield from _idle("scheduler", scheduler, place.url, scale)


def _idle(kind: str, service: psutil.Process, url: str, scale: float) -> Iterator[Figure]:
    seconds = max(1.0, WATCHED * min(scale, 1.0))
    time.sleep(SETTLING * min(scale, 1.0))
    with look(url) as connection:
        before, began = _transactions(connection), time.monotonic()
        [load] = cpu_percent([service], seconds)
        found, elapsed = _transactions(connection) - before, time.monotonic() - began
    yield starts.idle_cpu(f"pg-idle-cpu-{kind}", load)
    yield Figure(
        name=f"pg-idle-queries-{kind}",
        nuvom=found / elapsed,
        unit="/s",
        target=at_most(1) if kind == "scheduler" else None,
        what="transactions that the server counts while it has nothing to do, those of its own included",
    )


def _transactions(connection: psycopg.Connection) -> int:
    [(count,)] = connection.execute(_TRANSACTIONS).fetchall()
    return int(count)


def claim(server: str, scale: float) -> Iterator[Figure]:
    jobs, taken = claims.sizes(scale)
    with (
        schema(server) as crowded,
        schema(server) as empty,
        closing(_filled(crowded, queued=max(jobs, _ROUNDS * taken), finished=jobs)) as many,
        closing(_filled(empty, queued=_ROUNDS * taken, finished=0)) as few,
    ):
        compare = partial(claims.among_many, many=many, few=few, scale=scale, target=share(0.75), rounds=_ROUNDS)
        yield compare("pg-claim-among-many", beside=", without ANALYZE")
        for url in (crowded, empty):
            with look(url) as connection:
                connection.execute("ANALYZE jobs")
        yield compare("pg-claim-analyzed", beside=", after ANALYZE")


def _filled(url: str, *, queued: int, finished: int) -> Store:
    with look(url) as connection:
        connection.execute("ALTER TABLE jobs SET (autovacuum_enabled = off)")  # which analyzes
    store = open_store(url, lease=claims.LEASE)
    claims.begin(store)
    if finished:
        copy(url, "jobs", 1, finished, {"id": RANDOM_ID, **_FINISHED})
    copy(url, "jobs", 1, queued, {"id": RANDOM_ID})
    return store

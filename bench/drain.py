"""Running jobs that do nothing, with one and two worker processes; results are stored."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

import psutil

from bench.figures import Figure, share
from bench.raw import Raw, raw_queue
from bench.stage import Stage, stage
from bench.tasks import noop
from bench.timing import ROUNDS, in_turns, rate, until

JOBS = 40_000
WARM_UP = 500  # what only the first jobs pay: threads start, and a worker learns that jobs are short
_BUSY = """
    SELECT EXISTS (SELECT 1 FROM jobs INDEXED BY jobs_claim WHERE state = 'ready' AND suspect = 0)
        OR EXISTS (SELECT 1 FROM jobs INDEXED BY jobs_running WHERE state = 'running')
"""
_SUCCEEDED = "SELECT count(*) FROM jobs WHERE state = 'succeeded' AND value = x'31'"


def drain(scale: float) -> Iterator[Figure]:
    jobs = max(500, int(JOBS * scale))
    for processes in (1, 2):
        with stage() as place:
            nuvom, raw = _both(place, processes, jobs)
        yield Figure(
            name=f"drain-{processes}",
            nuvom=nuvom,
            raw=raw,
            unit="/s",
            target=share(0.2) if processes == 1 else None,
            what=f"no-op jobs, {processes} worker process{'es' * (processes > 1)}; raw: claim 100 + finish 100, NORMAL",
        )


def _both(place: Stage, processes: int, jobs: int) -> tuple[float, float]:
    with (
        place.worker(processes),
        raw_queue(place.folder, "normal", claims=True) as raw,
        closing(sqlite3.connect(place.database, timeout=0, isolation_level=None)) as look,
    ):
        workers = [psutil.Process(pid) for pid in place.live("worker")]
        measured = beside_raw(
            raw,
            workers,
            jobs,
            stopped=lambda: _stopped(look, workers),
            drained=lambda: look.execute(_BUSY).fetchone() == (0,),
        )
        (succeeded,) = look.execute(_SUCCEEDED).fetchone()
        refuse_other(succeeded, jobs)
        return measured


def beside_raw(
    raw: Raw,
    workers: Sequence[psutil.Process],
    jobs: int,
    *,
    stopped: Callable[[], object],
    drained: Callable[[], bool],
) -> tuple[float, float]:
    """Jobs per second of workers and of the raw engine, in rounds that take turns.

    Args:
        raw: the raw engine's queue.
        workers: the processes.
        jobs: of a round.
        stopped: stops the workers; false where it was the wrong moment.
        drained: whether no job is left.
    """
    _round(workers, WARM_UP, stopped, drained)
    return in_turns(lambda: _round(workers, jobs, stopped, drained), lambda: _raw_round(raw, jobs))


def refuse_other(succeeded: int, jobs: int) -> None:
    """Raise where not every job of all rounds succeeded once."""
    if succeeded != WARM_UP + ROUNDS * jobs:
        raise RuntimeError(f"{succeeded:,} jobs succeeded instead of {WARM_UP + ROUNDS * jobs:,}")


def _raw_round(raw: Raw, jobs: int) -> float:
    raw.push_many(jobs)
    return rate(jobs, raw.drain)


def _round(
    workers: Sequence[psutil.Process], jobs: int, stopped: Callable[[], object], drained: Callable[[], bool]
) -> float:
    """Push while the workers are stopped; time from their release to the last outcome in the store."""
    until(stopped, "workers that hold no lock")
    try:
        noop.map([(1, 2)] * jobs)
    finally:
        resume(workers)
    return rate(jobs, lambda: until(drained, "the last outcome"))


def _stopped(look: sqlite3.Connection, workers: Sequence[psutil.Process]) -> bool:
    """Stop the workers; whoever was stopped inside a transaction goes on, because it would keep everybody out."""
    suspend(workers)
    try:
        look.execute("BEGIN IMMEDIATE")
        look.execute("ROLLBACK")
    except sqlite3.OperationalError:
        resume(workers)
        return False
    return True


def suspend(workers: Sequence[psutil.Process]) -> None:
    """Stop processes where they are."""
    for worker in workers:
        worker.suspend()
    until(lambda: all(worker.status() == psutil.STATUS_STOPPED for worker in workers), "stopped processes")


def resume(workers: Sequence[psutil.Process]) -> None:
    """Let them go on."""
    for worker in workers:
        worker.resume()

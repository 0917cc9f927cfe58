"""A long history and a long queue: whether claims stay as fast as beside few jobs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from bench.copies import copy
from bench.figures import Figure, Target
from bench.stage import stage
from bench.timing import in_turns, rate
from nuvom._ids import new_id
from nuvom._job import NewJob, Outcome, Verdict
from nuvom.stores.base import Store
from nuvom.stores.registry import open_store
from nuvom.stores.values import Claim, WorkerInfo

JOBS = 1_000_000
BATCHES = 50
BATCH = 100
TURNS = 5

_WORKER = "00000000000000000000000000000001"
LEASE = 3_600.0  # seconds: longer than any run of this bench
_FINISHED = {"state": "'succeeded'", "attempt": "1", "started_at": "run_at", "finished_at": "run_at", "value": "x'31'"}


def claim(scale: float) -> Iterator[Figure]:
    jobs, taken = sizes(scale)
    with (
        stage() as place,
        closing(_filled(place.folder / "many.db", queued=max(jobs, taken), finished=jobs)) as many,
        closing(_filled(place.folder / "few.db", queued=taken, finished=0)) as few,
    ):
        yield among_many("claim-among-many", many, few, scale)


def sizes(scale: float) -> tuple[int, int]:
    """How many jobs are queued, and finished, where there are many; and how many are taken."""
    return max(1_000, int(JOBS * scale)), (TURNS * _batches(scale) + 1) * BATCH


def among_many(
    name: str, many: Store, few: Store, scale: float, *, target: Target | None = None, rounds: int = 1, beside: str = ""
) -> Figure:
    """Claims of a store with many jobs beside those of one with few, which last for so many rounds of this.

    Args:
        name: the figure's.
        many: a store with many jobs.
        few: one with as many as all rounds take.
        scale: how much work.
        target: the figure's.
        rounds: how often this is called.
        beside: what else is to be said of the many.
    """
    jobs, taken = sizes(scale)
    batches = _batches(scale)
    work(many, 1)  # what only the first pays
    work(few, 1)
    with_many, with_few = in_turns(
        lambda: rate(batches * BATCH, lambda: work(many, batches)),
        lambda: rate(batches * BATCH, lambda: work(few, batches)),
        TURNS,
    )
    return Figure(
        name=name,
        nuvom=with_many,
        raw=with_few,
        unit="/s",
        target=target,
        what=f"claim 100 + finish 100 beside {jobs:,} finished and {jobs:,} queued{beside}; "
        f"raw: Nuvom with {rounds * taken:,} queued",
    )


def _batches(scale: float) -> int:
    return max(2, int(BATCHES * min(scale, 1.0)))


def _filled(path: Path, *, queued: int, finished: int) -> Store:
    store = open_store(f"sqlite:///{path}", lease=LEASE)
    begin(store)
    if finished:
        copy(path, "jobs", 1, finished, {"id": _growing("f"), **_FINISHED})
    copy(path, "jobs", 1, queued, {"id": _growing("q")})
    return store


def begin(store: Store) -> None:
    """Register the worker that claims, and push the job of which others are copies."""
    store.workers.register(WorkerInfo(id=_WORKER, kind="worker", host="bench", pid=1, version="bench"))
    store.jobs.push([NewJob(id=new_id(store.now()), task="bench.noop", arguments=b"[[1,2],{}]")])


def _growing(letter: str) -> str:
    """SQL for ids that grow with `n`, as those of jobs grow with time."""
    return f"CAST(printf('{letter}%015d', n) AS BLOB)"


def work(store: Store, batches: int) -> None:
    """Claim and finish so many batches."""
    for _ in range(batches):
        jobs = store.jobs.claim(Claim(_WORKER, BATCH))
        refused = store.jobs.finish(_WORKER, [Outcome(job, Verdict.SUCCEEDED, b"1") for job in jobs])
        if len(jobs) != BATCH or refused:
            raise RuntimeError(f"claimed {len(jobs)} jobs instead of {BATCH}, and {len(refused)} outcomes were refused")

"""Jobs that their task's limits hold: what they cost others, and how fast they go through their flow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from bench.copies import RANDOM_ID, copy
from bench.figures import Figure, share
from bench.stage import stage
from bench.timing import in_turns, rate
from nuvom._ids import new_ids
from nuvom._job import NewJob, Outcome, TaskDefaults, Verdict
from nuvom.stores.base import Store
from nuvom.stores.registry import open_store
from nuvom.stores.values import MAX_BATCH, Claim, WorkerInfo

HELD = 1_000_000
BATCHES = 50
BATCH = 100
TURNS = 5

_WORKER = "00000000000000000000000000000001"
_LEASE = 3_600.0  # seconds: longer than any run of this bench
_PLAIN = TaskDefaults()
_LIMITED = TaskDefaults(concurrency=BATCH)


def held(scale: float) -> Iterator[Figure]:
    count, batches = max(1_000, int(HELD * scale)), max(2, int(BATCHES * min(scale, 1.0)))
    with (
        stage() as place,
        closing(_filled(place.folder / "held.db", count)) as many,
        closing(_filled(place.folder / "free.db", 0)) as none,
    ):
        jobs = batches * BATCH
        beside, alone = in_turns(
            lambda: _rate(many, jobs, _PLAIN, "bench.noop"), lambda: _rate(none, jobs, _PLAIN, "bench.noop"), TURNS
        )
        limited, free = in_turns(
            lambda: _rate(none, jobs, _LIMITED, "bench.limited"), lambda: _rate(none, jobs, _PLAIN, "bench.noop"), TURNS
        )
    yield Figure(
        name="claim-beside-held",
        nuvom=beside,
        raw=alone,
        unit="/s",
        target=share(0.9),
        what=f"claim 100 + finish 100 beside {count:,} held jobs; raw: Nuvom without them",
    )
    yield Figure(
        name="claim-limited",
        nuvom=limited,
        raw=free,
        unit="/s",
        what=f"claim 100 + finish 100 of jobs of which {BATCH} may run at once; raw: Nuvom, jobs without a limit",
    )


def _filled(path: Path, count: int) -> Store:
    store = open_store(f"sqlite:///{path}", lease=_LEASE)
    store.workers.register(WorkerInfo(id=_WORKER, kind="worker", host="bench", pid=1, version="bench"))
    if count:
        _push(store, 2, TaskDefaults(concurrency=1), "bench.held")  # the first has the place, in a queue of its own
        copy(path, "jobs", 2, count, {"id": RANDOM_ID})
    return store


def _push(store: Store, count: int, defaults: TaskDefaults, task: str) -> None:
    jobs = [
        NewJob(id=job_id, task=task, arguments=b"[[1,2],{}]", defaults=defaults, queue=task)
        for job_id in new_ids(store.now(), count)
    ]
    for start in range(0, count, MAX_BATCH):
        store.jobs.push(jobs[start : start + MAX_BATCH])


def _rate(store: Store, count: int, defaults: TaskDefaults, task: str) -> float:
    _push(store, count, defaults, task)
    return rate(count, lambda: _drain(store, count, task))


def _drain(store: Store, count: int, queue: str) -> None:
    done = 0
    while done < count:
        jobs = store.jobs.claim(Claim(_WORKER, BATCH, (queue,)))
        refused = store.jobs.finish(_WORKER, [Outcome(job, Verdict.SUCCEEDED, b"1") for job in jobs])
        done += len(jobs)
        if not jobs or refused:
            raise RuntimeError(f"claimed {len(jobs)} jobs, and {len(refused)} outcomes were refused")

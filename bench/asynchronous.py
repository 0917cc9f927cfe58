"""Jobs of coroutine functions that only wait: how many one process runs at once."""

from __future__ import annotations

from collections.abc import Iterator

from bench.figures import Figure, at_most
from bench.stage import stage
from bench.tasks import naps
from bench.timing import rate, until
from nuvom import JobStatus, Nuvom

JOBS = 10_000
AT_ONCE = 2_000


def asynchronous(scale: float) -> Iterator[Figure]:
    jobs = max(20, int(JOBS * scale))
    with stage() as place, place.worker(options=("--async-concurrency", str(AT_ONCE))):
        naps.delay(0).result(timeout=30)
        took = jobs / rate(jobs, lambda: _run(place.app, jobs))
    yield Figure(
        name="async",
        nuvom=took,
        raw=jobs / AT_ONCE,
        unit="s",
        target=at_most(15),
        what=f"{jobs:,} sleeps of 1 s on one process, {AT_ONCE:,} at once; raw: what the sleeps alone take",
    )


def _run(app: Nuvom, jobs: int) -> None:
    naps.map([(1.0,)] * jobs)
    until(lambda: app.jobs.counts()[JobStatus.SUCCEEDED] == jobs + 1, "the last outcome", every=0.05)

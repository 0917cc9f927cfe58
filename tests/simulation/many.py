"""Many seeds at once, and what they come to."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

from tests.simulation.simulation import Report, simulate

CHUNK = 50  # seeds that a process takes at once


class Totals:
    """What all seeds came to."""

    def __init__(self) -> None:
        self.seeds = self.calls = self.crashes = self.pauses = self.unknown = 0
        self.dispatched = self.jobs = self.stale = 0
        self.virtual = 0.0
        self.failed: list[int] = []

    def add(self, report: Report) -> None:
        """Count a seed."""
        self.seeds += 1
        self.calls += report.events
        self.virtual += report.seconds
        self.crashes += report.crashes
        self.pauses += report.pauses
        self.unknown += report.unknown
        self.dispatched += report.dispatched
        self.jobs += report.jobs
        self.stale += report.stale
        if report.failure:
            self.failed.append(report.seed)

    def summary(self, store: str, seconds: float) -> str:
        """Return it as lines for people."""
        lines = {
            "seeds": f"{self.seeds:,} on {store} in {seconds:.0f} s",
            "steps": f"{self.calls:,}",
            "virtual time": f"{self.virtual / 86_400:.1f} days",
            "crashes": f"{self.crashes:,}",
            "pauses": f"{self.pauses:,}",
            "calls of unknown fate": f"{self.unknown:,}",
            "jobs": f"{self.jobs:,}",
            "occurrences dispatched": f"{self.dispatched:,}",
            "stale outcomes refused": f"{self.stale:,}",
            "failures": f"{len(self.failed)}" + "".join(f"\n  seed {seed}" for seed in self.failed[:20]),
        }
        return "\n".join(f"{name:>24}  {value}" for name, value in lines.items())


def spread(seeds: range, store: str) -> Iterator[list[Report]]:
    """Simulate seeds in as many processes as there are processors."""
    chunks = [seeds[i : i + CHUNK] for i in range(0, len(seeds), CHUNK)]
    cpus = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    with ProcessPoolExecutor(len(cpus) or os.cpu_count(), get_context("spawn")) as pool:
        yield from pool.map(chunk, chunks, [store] * len(chunks))


def chunk(seeds: Iterable[int], store: str) -> list[Report]:
    """Simulate some seeds in this process."""
    warnings.simplefilter("ignore")
    with on_one_processor():
        return [simulate(seed, store) for seed in seeds]


@contextmanager
def on_one_processor() -> Iterator[None]:
    """Keep all threads on one processor: only one runs at a time, and to hand over to another costs five times more."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(allowed)[os.getpid() % len(allowed)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)

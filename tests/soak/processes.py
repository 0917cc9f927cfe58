"""`./run soak recycles [N]`, `./run soak memory [JOBS]`: processes that take turns, and what one holds in the end."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil

from nuvom._ids import new_ids
from nuvom._job import JobStatus, NewJob
from tests.waiting import until
from tests.worker.service import Service, Site

TASKS = """
@nuvom.task(name="note")
def note(number: int) -> int:
    with open(HERE / "ran", "a") as ran:
        ran.write(f"{number}\\n")
    return number

@nuvom.task(name="noop")
def noop(number: int) -> int:
    return number
"""
BATCH = 1_000
GROWTH = 0.05


def recycles(count: str = "1000") -> int:
    """Let so many processes take turns, two jobs each; 1 if a job was dropped or doubled, or a process was left."""
    wanted = int(count)
    with _site() as site:
        push(site, "note", 2 * wanted)
        with site.serve(max_jobs=2) as service:
            until(
                lambda: site.store.jobs.counts()[JobStatus.SUCCEEDED] == 2 * wanted, timeout=3.0 * wanted + 60, every=1
            )
            until(lambda: len(children(service)) == 1, timeout=30)
            said, left = service.said(), [child.status() for child in children(service)]
        ran = sorted(map(int, site.lines("ran")))
    turns = said.count("retires: it has taken as many jobs as it may (2)")
    fine = ran == list(range(2 * wanted)) and psutil.STATUS_ZOMBIE not in left and "ERROR" not in said
    print(f"{turns:,} processes took turns; {len(ran):,} runs of {len(set(ran)):,} jobs; left: {left}")
    return int(not fine or turns < wanted)


def memory(count: str = "1000000") -> int:
    """Run so many jobs that do nothing in one process; 1 if it holds a twentieth more than after the first tenth."""
    wanted = int(count)
    with _site() as site, site.serve() as service:
        worker = psutil.Process(service.pid())
        weights = []
        for tenth in range(1, 11):
            push(site, "noop", wanted // 10)
            until(lambda: busy(site) == 0, timeout=600, every=0.2)
            time.sleep(0.5)
            weights.append(worker.memory_info().rss)
            print(f"{tenth * wanted // 10:>9,} jobs: {weights[-1] / 1e6:.1f} MB", flush=True)
    growth = weights[-1] / weights[0] - 1
    print(f"growth from the first tenth to the last: {growth:+.1%}")
    return int(growth >= GROWTH)


def push(site: Site, task: str, count: int) -> None:
    """Push jobs numbered from 0."""
    for start in range(0, count, BATCH):
        numbers = range(start, min(count, start + BATCH))
        ids = new_ids(site.store.now(), len(numbers))
        jobs = zip(ids, numbers, strict=True)
        site.store.jobs.push([NewJob(id=i, task=task, arguments=f"[[{number}],{{}}]".encode()) for i, number in jobs])


def busy(site: Site) -> int:
    """How many jobs wait or run."""
    return sum(each.ready + each.running for each in site.store.jobs.queues())


def children(service: Service) -> list[psutil.Process]:
    """The children of a service's supervisor."""
    return psutil.Process(service.process.pid).children()


@contextmanager
def _site() -> Iterator[Site]:
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder), TASKS, lease=60.0)
        with closing(site.app):
            yield site

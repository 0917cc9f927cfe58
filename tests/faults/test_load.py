"""Herds and crowds: many schedulers, producers and workers over one file."""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path

from tests.faults import invariants
from tests.faults.conftest import counting, file_of
from tests.faults.processes import PRODUCER, ended, scheduler, start
from tests.waiting import until
from tests.worker.service import Site

HERD, INTERVALS = 1_000, 50
PRODUCERS, PUSHES = 4, 5_000

PUSH = (
    PRODUCER
    + f"""
for number in range({PUSHES}):
    count.delay(number)
print("done")
"""
)


def test_no_leader_by_name_or_clock_but_a_row_for_each_occurrence_three_schedulers_dispatch_a_herd_once(
    site: Site,
) -> None:
    task = counting(site)
    herd = site.store.now() + timedelta(seconds=3)
    for number in range(HERD):
        task.options(name=f"once{number}").schedule(number, at=herd)
    often = [task.options(name=f"often{number}").schedule(number, interval=1) for number in range(INTERVALS)]
    path = file_of(site)
    with site.serve("worker", "worker", threads=2):
        with ExitStack() as stack:
            schedulers = [stack.enter_context(scheduler(site.url)) for _ in range(3)]
            end = herd + timedelta(seconds=3)
            until(lambda: site.store.now() > end)
            assert [each.poll() for each in schedulers] == [None] * 3
        # Before the workers are killed: a job that ran and was not recorded would run again.
        until(lambda: not {"ready", "running", "delayed"} & invariants.states(path).keys())
    assert amount(path, "SELECT count(*) FROM fences WHERE state = 'done'") == HERD
    assert amount(path, "SELECT count(*) FROM schedules WHERE interval = 1") == INTERVALS
    assert amount(path, "SELECT count(*) FROM occurrences WHERE outcome <> 'dispatched'") == 0
    for each in often:
        due = amount(path, f"SELECT count(*) FROM occurrences WHERE schedule_id = x'{each.id.replace('-', '')}'")
        assert due >= (end - (each.next_run or end)).total_seconds() - 1
    ran = amount(path, "SELECT count(*) FROM jobs WHERE state = 'succeeded'")
    assert ran == amount(path, "SELECT count(*) FROM occurrences") == len(site.lines("ran"))
    assert amount(path, "SELECT count(*) FROM jobs WHERE started_at < scheduled_for OR errors + crashes > 0") == 0


def test_twenty_thousand_pushes_of_four_producers_are_one_job_each_for_two_workers(site: Site) -> None:
    path = file_of(site)
    with site.serve("worker", "worker") as service:
        producers = [start(PUSH, site.url) for _ in range(PRODUCERS)]
        assert [ended(producer) for producer in producers] == ["done"] * PRODUCERS
        until(lambda: invariants.states(path) == {"succeeded": PRODUCERS * PUSHES}, timeout=60)
        assert "locked" not in service.said()
    ran = sorted(map(int, site.lines("ran")))
    assert ran == sorted([*range(PUSHES)] * PRODUCERS)
    assert amount(path, "SELECT max(errors + crashes) FROM jobs") == 0
    assert amount(path, "SELECT count(DISTINCT worker) FROM (SELECT value ->> '$.pid' AS worker FROM jobs)") == 2


def amount(path: Path, query: str) -> int:
    with closing(sqlite3.connect(path, timeout=30)) as file:
        found: int = file.execute(query).fetchone()[0]
        return found

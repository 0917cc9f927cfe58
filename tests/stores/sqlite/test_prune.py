"""Pruning a SQLite file: steps that are bounded, read by key, write only where they must and skip what is young."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from itertools import pairwise

import pytest

from nuvom._clock import to_us
from nuvom._ids import raw
from nuvom.stores.sqlite.statements import load
from nuvom.stores.sqlite.store import SqliteStore
from nuvom.stores.values import Order, Retention
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import (
    DAY,
    HOUR,
    MINUTE,
    a_job,
    a_worker,
    claimed,
    every,
    planned,
    stored,
    succeeded,
)
from nuvom.testing.conformance.harness import START

KEEP = Retention()
LONG_AGO = START - 365 * DAY


def count(file: sqlite3.Connection, table: str) -> int:
    found: int = file.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    return found


def fill_jobs(file: sqlite3.Connection, number: int, created: datetime, state: str = "succeeded") -> None:
    finished_at = to_us(created) if state in ("succeeded", "failed") else None
    file.execute(
        """
        INSERT INTO jobs (id, task, queue, run_at, state, arguments, created_at, finished_at)
        WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1)
        SELECT randomblob(16), 'tasks.send', 'default', 0, ?2, x'', ?3, ?4 FROM numbers
        """,
        (number, state, to_us(created), finished_at),
    )


def fill_occurrences(file: sqlite3.Connection, schedule_id: str, number: int, first: datetime, every_us: int) -> None:
    file.execute(
        """
        INSERT INTO occurrences (schedule_id, nominal, outcome, recorded_at)
        WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ?2)
        SELECT ?1, ?3 + n * ?4, 'missed', ?3 + n * ?4 FROM numbers
        """,
        (raw(schedule_id), number, to_us(first), every_us),
    )


def fill_fences(file: sqlite3.Connection, number: int, ended: datetime) -> None:
    file.execute(
        """
        INSERT INTO fences (schedule_id, generation, state, definition, ended_at)
        WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1)
        SELECT randomblob(16), 1, 'done', '{}', ?2 FROM numbers
        """,
        (number, to_us(ended)),
    )


@pytest.mark.parametrize("table", ["jobs", "fences"])
def test_a_step_deletes_at_most_500_rows_until_all_are_gone(
    store: SqliteStore, file: sqlite3.Connection, table: str
) -> None:
    if table == "jobs":
        fill_jobs(file, 1_700, LONG_AGO)
    else:
        fill_fences(file, 1_700, LONG_AGO)
    left, more = [count(file, table)], True
    while more:
        more = store.prune(KEEP)
        left.append(count(file, table))
    assert left[-1] == (1 if table == "jobs" else 0)  # the newest job stays, so that its number is not given again
    assert max(before - after for before, after in pairwise(left)) <= 500


def test_the_rows_of_an_ended_schedule_go_in_steps_and_its_fence_after_them(
    store: SqliteStore, file: sqlite3.Connection, clock: VirtualClock
) -> None:
    envelope = stored(store, every(60, clock.now()))
    fill_occurrences(file, envelope.id, 1_200, LONG_AGO, 60_000_000)
    store.schedules.cancel(envelope.id)
    clock.advance(31 * DAY)
    steps = [count(file, "occurrences")]
    while store.prune(KEEP):
        assert count(file, "occurrences") == 0 or store.ledger.fence(envelope.id) is not None
        steps.append(count(file, "occurrences"))
    assert max(before - after for before, after in pairwise(steps)) <= 500
    assert (count(file, "occurrences"), count(file, "fences")) == (0, 0)


def test_a_sweep_stops_where_jobs_are_too_young_to_go(store: SqliteStore, file: sqlite3.Connection) -> None:
    fill_jobs(file, 600, LONG_AGO)
    fill_jobs(file, 5_000, START)
    steps = 1
    while store.prune(KEEP):
        steps += 1
    assert count(file, "jobs") == 5_000
    assert steps <= 3  # 600 old ones are two pages; the 5,000 would be ten more


def test_young_rows_of_a_long_history_are_skipped(store: SqliteStore, file: sqlite3.Connection) -> None:
    for _ in range(2):
        envelope = stored(store, every(60, START))
        fill_occurrences(file, envelope.id, 10_000, START - 8 * DAY, 60_000_000)
    steps = 1
    while store.prune(KEEP):
        steps += 1
    assert count(file, "occurrences") == 20_000
    assert steps <= 4


def test_the_newest_rows_of_a_living_schedule_stay_over_page_borders(
    store: SqliteStore, file: sqlite3.Connection
) -> None:
    envelope = stored(store, every(60, START))
    fill_occurrences(file, envelope.id, 1_234, LONG_AGO, 60_000_000)
    while store.prune(Retention(rows=700)):
        pass
    rows = store.ledger.occurrences(envelope.id, 2_000)
    assert len(rows) == 700
    assert rows[0].nominal == LONG_AGO + 1_233 * MINUTE
    while store.prune(Retention(rows=0)):
        pass
    assert store.ledger.occurrences(envelope.id, 10) == []


def test_where_nothing_is_over_nothing_is_written(store: SqliteStore, file: sqlite3.Connection) -> None:
    fill_jobs(file, 100, START)
    fill_jobs(file, 100, LONG_AGO, "ready")
    fill_fences(file, 10, START)
    file.execute("BEGIN IMMEDIATE")  # a writer would wait for it, and give up
    assert store.prune(KEEP) is False
    file.execute("ROLLBACK")


def test_a_row_and_its_fence_stay_while_the_job_is_open(
    store: SqliteStore, file: sqlite3.Connection, clock: VirtualClock
) -> None:
    envelope = stored(store, every(60, clock.now()))
    store.schedules.apply([planned(envelope, clock.now() + MINUTE)])
    store.schedules.cancel(envelope.id)
    worker = a_worker(store)
    [job] = claimed(store, worker)
    clock.advance(100 * DAY)
    while store.prune(KEEP):
        pass
    assert (count(file, "occurrences"), count(file, "fences"), count(file, "jobs")) == (1, 1, 1)
    store.workers.rescue()
    [job] = claimed(store, a_worker(store), order=Order.SUSPECT)
    store.jobs.finish(store.workers.list()[0].id, [succeeded(job)])
    clock.advance(100 * DAY)
    while store.prune(KEEP):
        pass
    assert (count(file, "occurrences"), count(file, "fences"), count(file, "jobs")) == (0, 0, 1)


@pytest.mark.parametrize("statement", ["delete_job", "delete_occurrence"])
def test_what_was_retried_since_it_was_read_is_not_deleted(
    store: SqliteStore, file: sqlite3.Connection, clock: VirtualClock, statement: str
) -> None:
    envelope = stored(store, every(60, clock.now()))
    item = planned(envelope, clock.now() + MINUTE)
    store.schedules.apply([item])
    [job_id] = [job.id for job in item.jobs]
    store.jobs.cancel(job_id)
    assert store.jobs.retry(job_id)
    [seq] = file.execute("SELECT seq FROM jobs").fetchone()
    key = (seq, 2**62) if statement == "delete_job" else (raw(envelope.id), to_us(clock.now()), "")
    assert file.execute(load(statement), key).rowcount == 0


@pytest.mark.parametrize("rows", [None, 1, 1_000])
@pytest.mark.parametrize(
    ("statement", "place"),
    [
        ("prunable_jobs", (1, 10)),
        ("copy_outcome", (1, 1)),
        ("delete_job", (1, 1)),
        ("prunable_occurrences", (b"", 1, "", 10)),
        ("delete_occurrence", (b"", 1, "")),
        ("prunable_fences", (b"", 10)),
        ("forget_fence", (b"", 1)),
    ],
)
def test_a_sweep_reads_by_key_whatever_an_analyze_saw(
    store: SqliteStore,
    file: sqlite3.Connection,
    statement: str,
    place: tuple[object, ...],
    rows: int | None,
) -> None:
    if rows is not None:
        fill_occurrences(file, stored(store, every(60, START)).id, rows, LONG_AGO, 60_000_000)
        fill_jobs(file, rows, START)
        fill_fences(file, rows, START)
        file.execute("ANALYZE")
    steps = [step for *_, step in file.execute(f"EXPLAIN QUERY PLAN {load(statement)}", place)]
    assert any(step.startswith("SEARCH") for step in steps)
    assert not [step for step in steps if step.startswith("SCAN") and step != "SCAN step"]  # the page of 500


def test_throughput_is_forgotten_after_an_hour(
    store: SqliteStore, clock: VirtualClock, file: sqlite3.Connection
) -> None:
    for _ in range(3):
        worker = a_worker(store)
        store.jobs.push([a_job()])
        store.jobs.finish(worker, [succeeded(job) for job in claimed(store, worker)])
        while store.prune(KEEP):
            pass
        clock.advance(HOUR / 2 + MINUTE)
    assert count(file, "throughput") == 2

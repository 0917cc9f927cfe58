"""The ledger in a SQLite file: what an index answers, what a failure leaves, and a fence that does not decode."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest

from nuvom._ids import raw
from nuvom._schedule import ScheduleState
from nuvom.errors import StoreError
from nuvom.stores.sqlite.statements import load
from nuvom.stores.sqlite.store import SqliteStore
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import MINUTE, all_jobs, every, ledger, planned, stored
from nuvom.testing.conformance.harness import START


def run_often(store: SqliteStore, clock: VirtualClock, schedules: int, runs: int) -> str:
    """Dispatch some schedules many times; returns the id of one of them."""
    made = [stored(store, every(60, clock.now(), name=f"s{n}")) for n in range(schedules)]
    for _ in range(runs):
        due = store.schedules.due(clock.now(), 500)
        assert len(due) == schedules
        assert store.schedules.apply([planned(envelope, clock.now() + MINUTE) for envelope in due]) == []
        clock.advance(MINUTE)
    return made[0].id


@pytest.mark.parametrize("analyzed", [False, True])
@pytest.mark.parametrize(
    ("statement", "parameters", "index"),
    [
        ("open_runs", 2, "jobs_schedule (schedule_id=? AND <expr>=? AND backfill=?)"),
        ("blocked", 2, "jobs_schedule (schedule_id=? AND <expr>=? AND backfill=?)"),
        ("requested", 2, "occurrences_requests (schedule_id=? AND source=?)"),
        ("occurrences", 4, "PRIMARY KEY (schedule_id=? AND nominal>? AND nominal<?)"),
        ("occurrence", 3, "PRIMARY KEY (schedule_id=? AND nominal=? AND source=?)"),
        ("oldest_kept", 2, "PRIMARY KEY (schedule_id=?)"),
        ("get_fence", 1, "PRIMARY KEY (schedule_id=?)"),
    ],
)
def test_a_look_at_one_schedule_goes_by_an_index(
    store: SqliteStore,
    file: sqlite3.Connection,
    clock: VirtualClock,
    statement: str,
    parameters: int,
    index: str,
    analyzed: bool,
) -> None:
    run_often(store, clock, schedules=20, runs=20)
    if analyzed:
        file.execute("ANALYZE")
    rows = file.execute(f"EXPLAIN QUERY PLAN {load(statement)}", [b"x" * 16, *[1] * (parameters - 1)])
    steps = [detail for *_, detail in rows]
    assert any(index in step for step in steps)
    assert not [step for step in steps if "TEMP B-TREE" in step or step.startswith(("SCAN jobs", "SCAN occurrences"))]


def test_open_runs_are_counted_without_a_look_at_the_runs_that_ended(
    store: SqliteStore, file: sqlite3.Connection, clock: VirtualClock
) -> None:
    schedule_id = run_often(store, clock, schedules=1, runs=300)
    file.execute("UPDATE jobs SET state = 'succeeded', finished_at = 1 WHERE seq <= 299")
    steps: list[int] = []
    file.set_progress_handler(lambda: steps.append(1), 1)  # called for each instruction of SQLite's machine
    assert file.execute(load("open_runs"), (raw(schedule_id), 10)).fetchone() == (1,)
    assert len(steps) < 60
    assert store.ledger.open_runs(schedule_id, 10) == 1


@pytest.mark.parametrize("table", ["occurrences", "jobs"])
def test_a_delivery_that_fails_in_the_middle_leaves_nothing(
    store: SqliteStore, file: sqlite3.Connection, clock: VirtualClock, table: str
) -> None:
    items = [planned(every(60, clock.now()), clock.now() + MINUTE) for _ in range(3)]
    file.execute(
        f"CREATE TRIGGER stop BEFORE INSERT ON {table} WHEN (SELECT count(*) FROM {table}) = 2 "
        "BEGIN SELECT raise(ABORT, 'stop'); END"
    )
    with pytest.raises(StoreError, match="stop"):
        store.ledger.deliver(items)
    assert all_jobs(store) == []
    assert [ledger(store, item.envelope.id) for item in items] == [[], [], []]
    file.execute("DROP TRIGGER stop")
    assert store.ledger.deliver(items) == []
    assert len(all_jobs(store)) == 3


@pytest.mark.parametrize("definition", ["{", "[]", "{}", '{"task": "tasks.send", "catch_up": "never", "at": 1e300}'])
def test_a_fence_that_does_not_decode_still_fences(
    store: SqliteStore, file: sqlite3.Connection, clock: VirtualClock, definition: str
) -> None:
    envelope = stored(store, every(60, clock.now(), name="nightly"))
    store.schedules.cancel(envelope.id)
    before = store.ledger.fence(envelope.id)
    file.execute("UPDATE fences SET definition = ?", (definition,))
    fence = store.ledger.fence(envelope.id)
    assert before is not None
    assert fence is not None
    assert (fence.envelope.generation, fence.ended_at) == (before.envelope.generation, before.ended_at)
    assert fence.envelope.state is ScheduleState.CANCELLED
    assert store.schedules.upsert(envelope).envelope.generation > before.envelope.generation


def test_an_id_that_is_none_has_nothing(store: SqliteStore) -> None:
    assert store.ledger.fence("nightly") is None
    assert store.ledger.occurrences("nightly", 10) == []
    assert store.ledger.occurrence("nightly", START) is None
    assert store.ledger.open_runs("nightly", 10) == 0


def test_two_lives_in_one_delivery_are_judged_apart(store: SqliteStore, clock: VirtualClock) -> None:
    old = every(60, clock.now(), generation=1)
    new = replace(old, generation=2, next_nominal=clock.now() + MINUTE, next_run=clock.now() + MINUTE)
    store.ledger.raise_fence(new, None)
    [refusal] = store.ledger.deliver([planned(old, None), planned(new, None)])
    assert refusal == (old.id, "generation")
    assert [row.nominal for row in ledger(store, old.id)] == [new.next_nominal]

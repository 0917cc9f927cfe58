"""Schedules in a SQLite file: what an index answers, what a failure leaves, what becomes of rows that do not decode."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import timedelta

import pytest

from nuvom._ids import raw
from nuvom._schedule import ScheduleEnvelope, ScheduleState
from nuvom.errors import StoreError
from nuvom.stores.sqlite.statements import load
from nuvom.stores.sqlite.store import SqliteStore
from nuvom.stores.values import ScheduleFilter
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import MINUTE, all_jobs, every, ids, ledger, one_off, planned, stored
from nuvom.testing.conformance.harness import START


def plan_of(file: sqlite3.Connection, statement: str, parameters: int) -> list[str]:
    rows = file.execute(f"EXPLAIN QUERY PLAN {load(statement)}", [1] * parameters)
    return [detail for *_, detail in rows]


def fill(file: sqlite3.Connection, count: int) -> None:
    """Store many schedules that are due one after the other, from the first hour of START on."""
    file.execute(
        """
        INSERT INTO schedules (id, task, arguments, schedule_type, interval, timezone_name, anchor, next_nominal,
            next_run, catch_up, state, origin, generation, defaults, created_at, updated_at)
        WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1)
        SELECT randomblob(16), 'tasks.send', CAST('[[],{}]' AS BLOB), 'interval', 60, 'UTC', 0, ?2 + n * 1000,
            ?2 + n * 1000, 'latest', iif(n % 2, 'active', 'paused'), 'api', 1,
            '{"queue":"default","priority":0,"max_crashes":3}', 0, 0
        FROM numbers
        """,
        (count, int(START.timestamp()) * 1_000_000),
    )


@pytest.mark.parametrize("analyzed", [False, True])
@pytest.mark.parametrize(
    ("statement", "parameters"), [("due", 2), ("upcoming", 1), ("next_due", 0)], ids=["due", "upcoming", "next_due"]
)
def test_what_is_due_is_an_index_look_among_many(
    file: sqlite3.Connection, statement: str, parameters: int, analyzed: bool
) -> None:
    fill(file, 100_000)
    if analyzed:
        file.execute("ANALYZE")
    [step] = plan_of(file, statement, parameters)
    assert "INDEX schedules_due" in step


def test_next_due_reads_one_entry_of_100_000(file: sqlite3.Connection, store: SqliteStore) -> None:
    fill(file, 100_000)
    steps: list[int] = []
    file.set_progress_handler(lambda: steps.append(1), 1)  # called for each instruction of SQLite's machine
    file.execute(load("next_due")).fetchall()
    assert len(steps) < 30
    assert store.schedules.next_due() == 0.001


@pytest.mark.parametrize("analyzed", [False, True])
def test_a_page_of_schedules_is_read_in_their_order_without_sorting(file: sqlite3.Connection, analyzed: bool) -> None:
    fill(file, 1_000)
    if analyzed:
        file.execute("ANALYZE")
    assert not [step for step in plan_of(file, "list_schedules", 7) if "TEMP B-TREE" in step]


@pytest.mark.parametrize("analyzed", [False, True])
@pytest.mark.parametrize(
    ("statement", "parameters"), [("get_schedule", 1), ("advance", 6), ("advance_zone", 8), ("end_schedule", 7)]
)
def test_one_schedule_is_found_by_its_key_even_if_an_analyze_saw_only_one(
    store: SqliteStore, file: sqlite3.Connection, statement: str, parameters: int, analyzed: bool
) -> None:
    if analyzed:
        fill(file, 1)
        file.execute("ANALYZE")
    steps = plan_of(file, statement, parameters)
    assert any(step.startswith("SEARCH schedules") for step in steps)
    assert not [step for step in steps if step.startswith("SCAN")]


@pytest.mark.parametrize("table", ["schedules", "occurrences", "jobs", "fences"])
def test_a_batch_that_fails_in_the_middle_leaves_nothing(
    store: SqliteStore, file: sqlite3.Connection, clock: VirtualClock, table: str
) -> None:
    interval, once = stored(store, every(60, clock.now())), stored(store, one_off(clock.now()))
    event = "UPDATE ON" if table == "schedules" else "INSERT ON"
    file.execute(f"CREATE TRIGGER stop BEFORE {event} {table} BEGIN SELECT raise(ABORT, 'stop'); END")
    items = [planned(once, None), planned(interval, clock.now() + MINUTE)]
    with pytest.raises(StoreError, match="stop"):
        store.schedules.apply(items)
    assert store.schedules.due(clock.now(), 10) == [interval, once]
    assert (all_jobs(store), ledger(store, interval.id), ledger(store, once.id)) == ([], [], [])
    assert store.ledger.fence(once.id) is None
    file.execute("DROP TRIGGER stop")
    assert store.schedules.apply(items) == []
    assert len(all_jobs(store)) == 2


DAMAGE = {
    "options": "'{'",
    "metadata": "'[1]'",
    "unknown": "'nothing'",
    "defaults": """'{"queue": 5}'""",
    "arguments": "x'ff'",
    "catch_up": "'sometimes'",
    "next_nominal": str(2**62),
    "anchor": str(-(2**62)),
    "created_at": str(2**62),
    "task": "CAST(x'ff41' AS TEXT)",
    "note": "CAST(x'fe' AS TEXT)",
}


def damage(file: sqlite3.Connection, envelope: ScheduleEnvelope, column: str) -> None:
    file.execute(f"UPDATE schedules SET {column} = {DAMAGE[column]} WHERE id = ?", (raw(envelope.id),))


@pytest.mark.parametrize("column", DAMAGE)
def test_a_row_that_does_not_decode_is_quarantined_and_the_others_are_due(
    store: SqliteStore, file: sqlite3.Connection, clock: VirtualClock, column: str
) -> None:
    broken = stored(store, every(60, clock.now(), name="broken"))
    sound = stored(store, every(60, clock.now(), name="sound"))
    damage(file, broken, column)
    assert store.schedules.due(clock.now(), 10) == [sound]
    found = store.schedules.get(broken.id)
    assert found is not None
    assert (found.name, found.state, found.generation > broken.generation) == (
        "broken",
        ScheduleState.QUARANTINED,
        True,
    )
    assert column in (found.note or "")


@pytest.mark.parametrize("column", ["options", "task"])
@pytest.mark.parametrize("look", ["get", "by_name", "list"])
def test_a_damaged_row_is_shown_with_what_can_be_read_and_set_aside_once(
    store: SqliteStore, file: sqlite3.Connection, clock: VirtualClock, look: str, column: str
) -> None:
    broken = stored(store, every(60, clock.now(), name="broken", run_count=3))
    damage(file, broken, column)

    def shown() -> ScheduleEnvelope | None:
        match look:
            case "get":
                return store.schedules.get(broken.id)
            case "by_name":
                return store.schedules.by_name("broken")
            case _:
                return store.schedules.list(ScheduleFilter(), 10)[0]

    first = shown()
    assert first is not None
    assert (first.run_count, first.interval, first.state) == (3, 60, ScheduleState.QUARANTINED)
    version = file.execute("PRAGMA data_version").fetchone()
    clock.advance(5)
    assert shown() == first
    assert file.execute("PRAGMA data_version").fetchone() == version


def test_the_same_call_again_mends_a_damaged_row(
    store: SqliteStore, file: sqlite3.Connection, clock: VirtualClock
) -> None:
    broken = stored(store, every(60, clock.now(), name="broken", options={"queue": "mail"}))
    damage(file, broken, "options")
    assert store.schedules.due(clock.now(), 10) == []
    mended = stored(store, replace(broken, generation=0))
    assert (mended.state, mended.options) == (ScheduleState.ACTIVE, {"queue": "mail"})
    assert store.schedules.due(clock.now(), 10) == [mended]


def test_a_damaged_schedule_can_be_cancelled(store: SqliteStore, file: sqlite3.Connection, clock: VirtualClock) -> None:
    broken = stored(store, every(60, clock.now(), name="broken"))
    damage(file, broken, "defaults")
    assert store.schedules.cancel(broken.id)
    fence = store.ledger.fence(broken.id)
    assert fence is not None
    assert (fence.envelope.name, fence.envelope.state) == ("broken", ScheduleState.CANCELLED)


def test_pages_go_on_behind_a_schedule_that_is_gone(store: SqliteStore, clock: VirtualClock) -> None:
    kept = [stored(store, every(60, clock.now() + n * MINUTE)) for n in range(10)]
    seen: list[str] = []
    while page := store.schedules.list(ScheduleFilter(), 3, seen[-1] if seen else None):
        seen += ids(page)
        for envelope in page:
            assert store.schedules.cancel(envelope.id)
    assert seen == ids(kept)[::-1]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("a*", {"a", "a?c", "a[b]c", "abc", "a*c"}),
        ("a?c", {"a?c"}),
        ("a[b]c", {"a[b]c"}),
        ("*c", {"a?c", "a[b]c", "abc", "a*c"}),
    ],
)
def test_only_the_star_is_special_in_a_pattern(
    store: SqliteStore, clock: VirtualClock, pattern: str, names: set[str]
) -> None:
    for name in ("a", "a?c", "a[b]c", "abc", "a*c", "b"):
        stored(store, every(60, clock.now(), name=name))
    assert {envelope.name for envelope in store.schedules.list(ScheduleFilter(name_like=pattern), 10)} == names


def test_a_name_that_another_id_has_is_refused_by_name(store: SqliteStore, clock: VirtualClock) -> None:
    first = stored(store, every(60, clock.now(), name="nightly"))
    other = every(60, clock.now(), name="nightly")
    for store_it in (store.schedules.upsert, store.schedules.enqueue):
        with pytest.raises(ValueError, match=f"name='nightly' belongs to schedule {first.id}, not {other.id}"):
            store_it(other)
    assert store.schedules.by_name("nightly") == first


def test_an_active_schedule_without_a_next_run_is_refused(store: SqliteStore, clock: VirtualClock) -> None:
    with pytest.raises(ValueError, match="next_run=None"):
        store.schedules.enqueue(every(60, clock.now(), next_run=None))


def test_an_ended_schedule_cannot_be_stored(store: SqliteStore, clock: VirtualClock) -> None:
    with pytest.raises(ValueError, match="state='done'"):
        store.schedules.enqueue(every(60, clock.now(), state=ScheduleState.DONE))


def test_exactly_one_place_says_the_newest_generation(
    store: SqliteStore, file: sqlite3.Connection, clock: VirtualClock
) -> None:
    wanted = every(60, clock.now(), name="nightly")
    generations = []
    for _ in range(3):
        generations.append(stored(store, wanted).generation)
        assert store.ledger.fence(wanted.id) is None
        clock.step(timedelta(hours=-1))  # a generation grows whatever the clock does
        store.schedules.cancel(wanted.id)
        fence = store.ledger.fence(wanted.id)
        assert fence is not None
        generations.append(fence.envelope.generation)
    assert generations == sorted(set(generations))
    assert file.execute("SELECT (SELECT count(*) FROM schedules), (SELECT count(*) FROM fences)").fetchone() == (0, 1)


def test_a_life_here_follows_one_elsewhere(store: SqliteStore, clock: VirtualClock) -> None:
    elsewhere = every(60, clock.now(), generation=2**60)
    store.ledger.raise_fence(elsewhere, None)
    here = store.schedules.upsert(replace(elsewhere, generation=0))
    assert (here.change, here.envelope.generation) == ("created", 2**60 + 1)
    assert store.ledger.fence(elsewhere.id) is None


def test_an_update_keeps_runs_that_were_counted_since_it_was_read(store: SqliteStore, clock: VirtualClock) -> None:
    read = stored(store, every(60, clock.now()))
    store.schedules.apply([planned(read, clock.now() + MINUTE)])
    updated = store.schedules.update(replace(read, arguments=b"[[1],{}]", next_run=clock.now() + MINUTE))
    assert updated is not None
    assert updated.run_count == 1


def test_an_occurrence_that_the_ledger_had_already_is_not_counted_again(
    store: SqliteStore, clock: VirtualClock
) -> None:
    first, later = stored(store, every(60, clock.now())), clock.now() + MINUTE
    store.schedules.apply([planned(first, later)])
    moved = store.schedules.get(first.id)
    assert moved is not None
    again = planned(first, later + MINUTE)._replace(envelope=moved)
    assert store.schedules.apply([again]) == []
    counted = store.schedules.get(first.id)
    assert counted is not None
    assert (counted.run_count, counted.next_run, len(all_jobs(store))) == (1, later + MINUTE, 1)

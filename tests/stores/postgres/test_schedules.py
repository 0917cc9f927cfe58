"""Schedules in PostgreSQL: what an index answers, who waits for whom, what becomes of rows that do not decode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import count
from uuid import uuid4
from zlib import crc32

import pytest

from nuvom._clock import SYSTEM_CLOCK, to_us
from nuvom._job import TaskDefaults
from nuvom._schedule import Overlap, ScheduleEnvelope, ScheduleState
from nuvom.stores.base import Store
from nuvom.stores.postgres.address import parse
from nuvom.stores.postgres.columns import columns
from nuvom.stores.postgres.database import Database
from nuvom.stores.registry import open_store
from nuvom.stores.values import Refusal, ScheduleFilter, WorkerInfo
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import (
    MINUTE,
    all_jobs,
    dispatched,
    every,
    ids,
    ledger,
    one_off,
    planned,
    stored,
)
from nuvom.testing.conformance.harness import START
from tests.stores.postgres.looks import behind, plan_of
from tests.waiting import until

ID = str(uuid4())
NOW = to_us(START)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def store(postgres_url: str, clock: VirtualClock) -> Iterator[Store]:
    with closing(open_store(postgres_url, clock=clock)) as opened:
        yield opened


def fill(url: str, count: int, *, analyze: bool) -> None:
    """Store many schedules of which half are active; all of those are due at one instant, which is the worst case."""
    with behind(url) as connection:
        connection.execute(
            """
            INSERT INTO schedules (id, task, arguments, schedule_type, cron, timezone_name, next_nominal, next_run,
                catch_up, overlap, state, origin, generation, defaults, created_at, updated_at, tzdata)
            SELECT gen_random_uuid(), 'tasks.send', '[[],{}]', 'cron', '* * * * *', 'UTC', %s::bigint, %s::bigint,
                'latest', 'allow', CASE n %% 2 WHEN 0 THEN 'active' ELSE 'paused' END, 'api', 1,
                '{"queue":"default","priority":0,"max_crashes":3}', 0, 0, '2026a'
            FROM generate_series(1, %s) AS n
            """,
            (NOW, NOW, count),
        )
        if analyze:
            connection.execute("ANALYZE schedules")


ADVANCE = ("id", "generation", "expected", "next_nominal", "next_run", "runs", "tzdata", "times_since")
MANY = columns(ADVANCE, [(str(uuid4()), 1, NOW, None, NOW + 1, 1, None, None) for _ in range(500)])


LOOKS: dict[str, tuple[str, Mapping[str, object] | Sequence[object]]] = {
    "due": ("schedules_due", {"now": NOW, "limit": 500}),
    "due_share": ("schedules_due", {"now": NOW, "limit": 500, "given": NOW, "scheduler": "s"}),
    "upcoming": ("schedules_due", (10,)),
    "next_due": ("schedules_due", {"now": NOW}),
    "outdated_zones": ("schedules_tzdata", {"tzdata": "2026a", "now": NOW, "limit": 100}),
    "get_schedule": ("schedules_id_key", (ID,)),
    "schedule_by_name": ("schedules_name_key", ("nightly",)),
    "advance": ("schedules_id_key", {**MANY, "wanted": 500}),
}


@pytest.mark.parametrize("analyze", [False, True], ids=["never analyzed", "analyzed"])
def test_each_look_at_schedules_takes_its_index_among_many(postgres_url: str, *, analyze: bool) -> None:
    fill(postgres_url, 30_000, analyze=analyze)
    for statement, (index, parameters) in LOOKS.items():
        plan = plan_of(postgres_url, statement, parameters)
        assert index in plan, statement
        assert "Seq Scan on schedules" not in plan, plan
        # Many may be due at one instant: those that are moved on are found by their ids.
        assert statement != "advance" or "schedules_due" not in plan, plan


@contextmanager
def held(url: str, envelope: ScheduleEnvelope) -> Iterator[None]:
    """Hold a schedule as another transaction would that is about to change it."""
    with behind(url) as connection, connection.transaction():
        connection.execute("SELECT 1 FROM schedules WHERE id = %s FOR UPDATE", (envelope.id,))
        yield


@pytest.mark.parametrize("way", ["advance", "end", "quarantine"])
def test_a_dispatch_passes_over_what_another_transaction_holds(
    postgres_url: str, store: Store, clock: VirtualClock, way: str
) -> None:
    busy, free = (stored(store, every(60, clock.now())) for _ in range(2))
    later = None if way == "end" else clock.now() + MINUTE
    items = [
        planned(each, later)._replace(quarantine="no such zone" if way == "quarantine" else None)
        for each in (busy, free)
    ]
    with held(postgres_url, busy):
        assert store.schedules.apply(items) == [Refusal(busy.id, "next_run")]
    assert store.schedules.get(busy.id) == busy
    assert ledger(store, busy.id) == []
    assert {job.schedule_id for job in all_jobs(store)} == (set() if way == "quarantine" else {free.id})
    assert store.schedules.apply([items[0]]) == []


def registered(store: Store, scheduler_id: str) -> None:
    store.workers.register(WorkerInfo(id=scheduler_id, kind="scheduler", host="host", pid=1, version="0"))


def test_schedulers_that_were_too_late_take_different_shares(
    postgres_url: str, store: Store, clock: VirtualClock
) -> None:
    for _ in range(40):
        stored(store, every(60, clock.now()))
    with closing(open_store(postgres_url, clock=clock)) as other:
        for scheduler, name in ((store, "a"), (other, "b")):
            registered(scheduler, name)
            late = [
                planned(replace(each, next_run=clock.now() - MINUTE), None)
                for each in scheduler.schedules.due(clock.now(), 10)
            ]
            assert len(scheduler.schedules.apply(late)) == 10
        looks = [
            (ids(store.schedules.due(clock.now(), 10)), ids(other.schedules.due(clock.now(), 10))) for _ in range(20)
        ]
    assert any(len(one) == len(two) == 10 and not set(one) & set(two) for one, two in looks)


def test_the_share_of_a_scheduler_that_does_nothing_is_not_left_out(store: Store, clock: VirtualClock) -> None:
    for _ in range(40):
        stored(store, every(60, clock.now()))
    registered(store, "a")
    registered(store, "idle")
    registered(store, "a2")
    stale = [
        planned(replace(each, next_run=clock.now() - MINUTE), None) for each in store.schedules.due(clock.now(), 10)
    ]
    store.schedules.apply(stale)
    while due := store.schedules.due(clock.now(), 10):
        assert store.schedules.apply([planned(each, clock.now() + MINUTE) for each in due]) == []
    assert len(all_jobs(store)) == 40


DAMAGE = {
    "options": "'[1]'",
    "metadata": "'5'",
    "unknown": "'\"text\"'",
    "defaults": "'{}'",
    "overridden": "'{}'",
    "arguments": "'[1]'",
    "catch_up": "'never'",
    "overlap": "'sometimes'",
    "anchor": str(-(2**62)),
    "created_at": str(2**62),
}


def damage(url: str, envelope: ScheduleEnvelope, column: str, value: str) -> None:
    with behind(url) as connection:
        connection.execute(f"UPDATE schedules SET {column} = {value} WHERE id = %s".encode(), (envelope.id,))


@pytest.mark.parametrize("column", DAMAGE)
def test_a_row_that_does_not_decode_is_quarantined_and_the_others_are_due(
    postgres_url: str, store: Store, clock: VirtualClock, column: str
) -> None:
    broken = stored(store, every(60, clock.now(), name="broken"))
    sound = stored(store, every(60, clock.now(), name="sound"))
    damage(postgres_url, broken, column, DAMAGE[column])
    assert store.schedules.due(clock.now(), 10) == [sound]
    found = store.schedules.get(broken.id)
    assert found is not None
    assert (found.name, found.state) == ("broken", ScheduleState.QUARANTINED)
    assert found.generation > broken.generation
    assert column in (found.note or "")
    mended = stored(store, replace(broken, generation=0))
    assert mended.state is ScheduleState.ACTIVE


def test_metadata_that_the_server_cannot_compare_hides_no_other(
    postgres_url: str, store: Store, clock: VirtualClock
) -> None:
    wanted = stored(store, every(60, clock.now(), metadata={"team": "a"}))
    for value in ('{"team":"\\u0000"}', '{"team":"\\ud800"}', '["team"]', '"a"', "null"):
        damage(postgres_url, stored(store, every(60, clock.now())), "metadata", f"'{value}'")
    assert ids(store.schedules.list(ScheduleFilter(metadata={"team": "a"}), 10)) == [wanted.id]
    assert store.schedules.list(ScheduleFilter(metadata={"team": "\0"}), 10) == []


@pytest.mark.parametrize("definition", ["[]", "{}", '{"task": "tasks.send", "catch_up": "never", "at": 1e300}'])
def test_a_fence_that_does_not_decode_still_fences(
    postgres_url: str, store: Store, clock: VirtualClock, definition: str
) -> None:
    envelope = stored(store, every(60, clock.now(), name="nightly"))
    store.schedules.cancel(envelope.id)
    before = store.ledger.fence(envelope.id)
    with behind(postgres_url) as connection:
        connection.execute("UPDATE fences SET definition = %s", (definition,))
    fence = store.ledger.fence(envelope.id)
    assert before is not None
    assert fence is not None
    assert (fence.envelope.generation, fence.ended_at) == (before.envelope.generation, before.ended_at)
    assert fence.envelope.state is ScheduleState.CANCELLED
    assert store.schedules.upsert(envelope).envelope.generation > before.envelope.generation


def test_a_name_that_another_id_has_is_refused_by_name(store: Store, clock: VirtualClock) -> None:
    first = stored(store, every(60, clock.now(), name="nightly"))
    other = every(60, clock.now(), name="nightly")
    for store_it in (store.schedules.upsert, store.schedules.enqueue):
        with pytest.raises(ValueError, match=f"name='nightly' belongs to schedule {first.id}, not {other.id}"):
            store_it(other)
    assert store.schedules.by_name("nightly") == first


def test_two_lives_in_one_delivery_are_judged_apart(store: Store, clock: VirtualClock) -> None:
    old = every(60, clock.now(), generation=1)
    new = replace(old, generation=2, next_nominal=clock.now() + MINUTE, next_run=clock.now() + MINUTE)
    store.ledger.raise_fence(new, None)
    [refusal] = store.ledger.deliver([planned(old, None), planned(new, None)])
    assert refusal == (old.id, "generation")
    assert len(ledger(store, old.id)) == 1


def test_a_one_off_ends_once_though_it_is_planned_again(store: Store, clock: VirtualClock) -> None:
    envelope = stored(store, one_off(clock.now()))
    item = planned(envelope, None)
    assert store.schedules.apply([item]) == []
    stored(store, replace(envelope, at=clock.now() + MINUTE, next_nominal=clock.now() + MINUTE))
    assert store.schedules.apply([item]) == [Refusal(envelope.id, "generation")]
    assert store.schedules.get(envelope.id) is not None


def test_a_dispatch_that_waits_for_a_limit_of_its_task_holds_nothing_that_comes_after_it(
    store: Store, clock: VirtualClock, postgres_url: str
) -> None:
    task = next(name for name in map("task-{}".format, count()) if crc32(f"flow:{name}".encode()) % 128 == 0)
    envelope = stored(store, every(60, clock.now(), overlap=Overlap.SKIP))
    plan = planned(envelope, clock.now() + MINUTE, dispatched(envelope, clock.now()))
    jobs = tuple(job._replace(task=task, defaults=TaskDefaults(concurrency=1)) for job in plan.jobs)
    lock_class = Database(parse(postgres_url), clock=SYSTEM_CLOCK, busy_timeout=None).lock_class
    with behind(postgres_url) as other, ThreadPoolExecutor() as threads:
        other.execute("SELECT pg_advisory_lock(%s, 0)", (lock_class,))
        applied = threads.submit(store.schedules.apply, [plan._replace(jobs=jobs, blocked=False)])
        waiting = "FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        until(lambda: other.execute(f"SELECT 1 {waiting}".encode()).fetchone() is not None)
        holds = f"locktype = 'advisory' AND granted AND pid IN (SELECT pid {waiting})"
        held = other.execute(f"SELECT objid FROM pg_locks WHERE {holds}".encode()).fetchall()
        other.execute("SELECT pg_advisory_unlock(%s, 0)", (lock_class,))
        assert applied.result(5) == []
    assert held == []

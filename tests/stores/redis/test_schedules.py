"""Schedules in Redis: what becomes of definitions that do not decode, and indexes that say what they are of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

import redis
from nuvom._clock import to_us
from nuvom._schedule import Overlap, ScheduleEnvelope, ScheduleState
from nuvom.stores.base import Store
from nuvom.stores.redis import schedules
from nuvom.stores.redis.occurrences import read_key, write_key
from nuvom.stores.registry import open_store
from nuvom.stores.values import Refusal, Retention, ScheduleFilter, WorkerInfo
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import (
    DAY,
    HOUR,
    MINUTE,
    NO_ID,
    a_worker,
    all_schedules,
    claimed,
    daily,
    every,
    ids,
    ledger,
    missed,
    one_off,
    planned,
    stored,
    succeeded,
)
from nuvom.testing.conformance.harness import START
from tests.stores.redis import consistency

P = "{nuvom}:"


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def store(redis_url: str, clock: VirtualClock) -> Iterator[Store]:
    with closing(open_store(redis_url, clock=clock)) as opened:
        yield opened


@pytest.fixture
def server(redis_url: str) -> Iterator[redis.Redis]:
    with closing(redis.Redis.from_url(redis_url)) as client:
        yield client


BROKEN = {
    "no JSON": b'{"name":"n"',
    "no object": b"[1]",
    "not UTF-8": b'{"task":"\xff","schedule_type":"cron"}',
    "not there": None,
    "unknown kind": b'{"name":"n","task":"t","arguments":"[[],{}]","schedule_type":"moon"}',
    "no arguments": b'{"name":"n","task":"t","arguments":"[]","schedule_type":"interval","interval":60.0}',
}


@pytest.mark.parametrize("definition", BROKEN.values(), ids=BROKEN.keys())
def test_a_definition_that_does_not_decode_is_set_aside_once_with_the_reason(
    store: Store, server: redis.Redis, clock: VirtualClock, definition: bytes | None
) -> None:
    broken, fine = stored(store, every(60, clock.now(), name="n")), stored(store, every(60, clock.now()))
    if definition is None:
        server.hdel(f"{P}schedules", broken.id)
    else:
        server.hset(f"{P}schedules", broken.id, definition)
    clock.advance(1)
    assert store.schedules.due(clock.now(), 10) == [fine]
    aside = store.schedules.get(broken.id)
    assert aside is not None
    assert aside.state is ScheduleState.QUARANTINED
    assert "decode" in (aside.note or "")
    assert aside.generation > broken.generation
    clock.advance(1)
    assert store.schedules.get(broken.id) == aside, "once"
    assert store.schedules.upcoming(10) == [fine]
    assert store.schedules.upsert(every(60, clock.now(), id=broken.id, name="n")).change == "replaced"
    assert store.schedules.cancel(broken.id)
    assert store.schedules.upsert(every(60, clock.now(), name="n")).change == "created", "its name is free"


def test_a_fence_that_does_not_decode_says_so_and_its_id_can_be_used(
    store: Store, server: redis.Redis, clock: VirtualClock
) -> None:
    gone = stored(store, every(60, clock.now()))
    store.schedules.cancel(gone.id)
    server.hset(f"{P}fence_definitions", gone.id, b"\xff")
    fence = store.ledger.fence(gone.id)
    assert fence is not None
    assert (fence.envelope.state, fence.ended_at) == (ScheduleState.CANCELLED, clock.now())
    assert "does not decode" in (fence.envelope.note or "")
    assert stored(store, gone).generation > fence.envelope.generation


def test_whatever_is_done_to_schedules_each_index_says_what_it_is_of(
    redis_url: str, store: Store, clock: VirtualClock
) -> None:
    def right() -> None:
        consistency.check(redis_url)

    made = [stored(store, each) for each in lively(clock)]
    right()
    store.schedules.apply([planned(each, None if each.at else clock.now() + MINUTE) for each in made[:4]])
    right()
    store.schedules.update(replace(made[4], name="renamed", cron=None, interval=60.0, tzdata=None))
    store.schedules.update(replace(made[5], state=ScheduleState.PAUSED))
    store.schedules.reschedule(made[6].id, clock.now() + HOUR)
    store.schedules.apply([planned(made[7], None)._replace(quarantine="it cannot be planned")])
    right()
    store.schedules.cancel(made[0].id)
    store.schedules.pause_all("rest")
    right()
    worker = a_worker(store)
    store.jobs.finish(worker, [succeeded(job) for job in claimed(store, worker)])
    clock.advance(100 * DAY)
    while store.prune(Retention(rows=0)):
        pass
    right()


def test_a_pause_of_all_holds_before_a_head_says_so(
    redis_url: str, store: Store, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a million are paused at once: what is left to be written may be left to housekeeping."""
    monkeypatch.setattr(schedules, "write_rest", lambda database: None)
    made = [stored(store, daily(clock.now(), name=f"n{number}", tzdata="2026a")) for number in range(6)]
    plan = planned(made[0], clock.now() + MINUTE)
    clock.advance(1)
    assert store.schedules.pause_all("holidays") == 6
    paused = all_schedules(store)[::-1]
    assert [(each.state, each.note, each.paused_at) for each in paused] == [
        (ScheduleState.PAUSED, "holidays", clock.now())
    ] * 6
    assert all(new.generation > old.generation for new, old in zip(paused, made, strict=True))
    assert store.schedules.apply([plan]) == [Refusal(made[0].id, "generation")]
    assert store.schedules.due(clock.now(), 10) == store.schedules.outdated_zones("2026b", 10) == []
    assert store.schedules.list(ScheduleFilter(state=ScheduleState.ACTIVE), 10) == []
    clock.advance(1)
    back = store.schedules.update(replace(paused[1], state=ScheduleState.ACTIVE, note=None, paused_at=None))
    moved, _ = store.schedules.upsert(replace(made[2], task="tasks.other"))
    store.schedules.cancel(made[3].id)
    added = stored(store, daily(clock.now(), name="added"))
    while store.prune(Retention()):
        pass
    consistency.check(redis_url)
    assert ids(store.schedules.due(clock.now(), 10)) == [made[1].id, added.id]
    assert all_schedules(store)[::-1] == [paused[0], back, moved, *paused[4:], added]
    assert (moved.state, moved.note) == (ScheduleState.PAUSED, "holidays")


def test_a_pause_of_all_that_meets_an_unwritten_one_finishes_that_first(
    redis_url: str, store: Store, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = stored(store, daily(clock.now()))
    with monkeypatch.context() as patched:
        patched.setattr(schedules, "write_rest", lambda database: None)
        store.schedules.pause_all("first")
    second = stored(store, daily(clock.now()))
    assert store.schedules.pause_all("second") == 1
    assert [(each.id, each.note) for each in all_schedules(store)] == [(second.id, "second"), (first.id, "first")]
    consistency.check(redis_url)


def registered(store: Store, scheduler_id: str) -> None:
    store.workers.register(WorkerInfo(id=scheduler_id, kind="scheduler", host="host", pid=1, version="0"))


def too_late(store: Store, clock: VirtualClock) -> None:
    """Apply what another scheduler has applied already."""
    due = store.schedules.due(clock.now(), 10)
    late = [planned(replace(each, next_run=clock.now() - MINUTE), None) for each in due]
    assert len(store.schedules.apply(late)) == 10


def test_schedulers_that_were_too_late_take_different_shares(redis_url: str, store: Store, clock: VirtualClock) -> None:
    for _ in range(40):
        stored(store, every(60, clock.now()))
    a_worker(store, "worker")
    with closing(open_store(redis_url, clock=clock)) as other:
        for scheduler, name in ((store, "a"), (other, "b")):
            registered(scheduler, name)
            too_late(scheduler, clock)
        looks = [
            (ids(store.schedules.due(clock.now(), 10)), ids(other.schedules.due(clock.now(), 10))) for _ in range(20)
        ]
    assert any(len(one) == len(two) == 10 and not set(one) & set(two) for one, two in looks)


def test_the_share_of_a_scheduler_that_does_nothing_is_not_left_out(store: Store, clock: VirtualClock) -> None:
    for _ in range(40):
        stored(store, every(60, clock.now()))
    for name in ("idle", "a"):
        registered(store, name)
    too_late(store, clock)
    while due := store.schedules.due(clock.now(), 10):
        assert store.schedules.apply([planned(each, clock.now() + MINUTE) for each in due]) == []
    assert {each.run_count for each in all_schedules(store)} == {1}


def lively(clock: VirtualClock) -> Iterator[ScheduleEnvelope]:
    for number in range(10):
        kind = (every(60, clock.now()), daily(clock.now(), tzdata="2026a"), one_off(clock.now()))[number % 3]
        yield replace(kind, name=f"n{number}", overlap=Overlap.SKIP if number % 2 else Overlap.ALLOW)


def test_an_index_that_says_something_else_is_found(redis_url: str, store: Store, server: redis.Redis) -> None:
    """The test before could not fail otherwise."""
    stored(store, every(60, START))
    [place] = server.zrange(f"{P}due", 0, -1)
    server.zrem(f"{P}due", place)
    with pytest.raises(AssertionError, match="due does not have"):
        consistency.check(redis_url)


def test_nothing_is_left_of_a_schedule_that_was_forgotten(redis_url: str, store: Store, clock: VirtualClock) -> None:
    for each in [stored(store, one) for one in (daily(clock.now(), name="n", tzdata="2026a"), one_off(clock.now()))]:
        store.schedules.apply([planned(each, None)])
    worker = a_worker(store)
    store.jobs.finish(worker, [succeeded(job) for job in claimed(store, worker)])
    clock.advance(100 * DAY)
    while store.prune(Retention(rows=0)):
        pass
    left = consistency.read(redis_url)
    assert (
        left.hashes.keys() & {"schedules", "schedule_heads", "names", "fences", "fence_definitions", "occurrences"}
        == set()
    )
    assert left.indexes.keys() & {"schedule_list", "due", "zones", "zone:+2026a", "ledger", "requests"} == set()


def test_a_filter_finds_the_column_and_not_the_same_text_elsewhere(store: Store, clock: VirtualClock) -> None:
    hidden = daily(
        clock.now(), task="other", arguments=b'[[],{"task":"tasks.send","x":"\\"origin\\":\\"code\\""}]',
        metadata={"name": "nightly", "origin": "code"}, note='"task":"tasks.send"',
    )  # fmt: skip
    stored(store, hidden)
    shown = stored(store, daily(clock.now(), name="nightly", origin="code"))
    for wanted in (
        ScheduleFilter(task="tasks.send"),
        ScheduleFilter(origin="code"),
        ScheduleFilter(name_like="night*"),
        ScheduleFilter(name_like="nightly"),
    ):
        assert store.schedules.list(wanted, 10) == [shown], wanted


def test_a_page_goes_on_past_thousands_that_do_not_fit(store: Store, clock: VirtualClock) -> None:
    rare = [stored(store, daily(clock.now(), task="rare")) for _ in range(3)]
    store.schedules.follow([daily(clock.now(), generation=1) for _ in range(1_500)])
    newest = stored(store, daily(clock.now(), task="rare"))
    assert store.schedules.list(ScheduleFilter(task="rare"), 10) == [newest, *rare[::-1]]
    assert ids(store.schedules.list(ScheduleFilter(task="rare"), 2, newest.id)) == ids(rare[:0:-1])
    assert len(all_schedules(store)) == 1_504


MOMENTS = [
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(1970, 1, 1, tzinfo=UTC),
    START,
    datetime(2300, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
    datetime.max.replace(tzinfo=UTC),
]


def test_keys_of_rows_are_in_the_order_of_their_times(store: Store, clock: VirtualClock) -> None:
    keys = [write_key(NO_ID, to_us(at), source) for at in MOMENTS for source in ("", "backfill:ä|b", "manual:a")]
    assert keys == sorted(keys)
    assert [read_key(key.encode()).nominal for key in keys[::3]] == [to_us(at) for at in MOMENTS]
    assert {read_key(key.encode()).source for key in keys} == {"", "backfill:ä|b", "manual:a"}
    envelope = every(60, clock.now(), generation=1)
    store.ledger.deliver([planned(envelope, clock.now() + MINUTE, *(missed(envelope, at) for at in MOMENTS))])
    assert [row.nominal for row in ledger(store, envelope.id)] == MOMENTS[::-1]


def test_what_is_far_ahead_keeps_each_microsecond(store: Store, clock: VirtualClock) -> None:
    at = datetime(9000, 1, 1, 0, 0, 0, 1, tzinfo=UTC)
    first, second = (stored(store, one_off(at + timedelta(microseconds=n))) for n in range(2))
    assert [each.next_run for each in store.schedules.upcoming(2)] == [first.next_run, second.next_run]
    assert store.schedules.advance([planned(first, at + 2 * timedelta(microseconds=1))]) == []
    moved = store.schedules.get(first.id)
    assert moved is not None
    assert moved.next_run == at + timedelta(microseconds=2)


def test_a_plan_of_many_schedules_is_written_in_several_scripts_so_that_none_holds_up_the_server(
    store: Store, server: redis.Redis, redis_url: str
) -> None:
    def scripts() -> int:
        calls: int = server.info("commandstats")["cmdstat_evalsha"]["calls"]
        return calls

    envelopes = [stored(store, every(60, START, task="count")) for _ in range(450)]
    gone = replace(envelopes[-1], generation=envelopes[-1].generation + 1)
    plan = [planned(each, START + MINUTE) for each in [*envelopes[:-1], gone]]
    store.schedules.due(START, 1)
    before = scripts()
    assert store.schedules.apply(plan) == [Refusal(gone.id, "generation")]
    assert scripts() - before == 3
    assert [each.id for each in store.schedules.due(START, 1_000)] == [gone.id]
    consistency.check(redis_url)

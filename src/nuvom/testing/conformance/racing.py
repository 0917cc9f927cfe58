"""Several callers at one instant: each job to one of them, each occurrence once, each name one schedule."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from threading import Barrier
from typing import TypeVar

from nuvom.stores.base import Store
from nuvom.stores.values import PlanItem
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import (
    MINUTE,
    a_job,
    a_worker,
    all_jobs,
    all_schedules,
    claimed,
    daily,
    every,
    ids,
    ledger,
    planned,
    stored,
    succeeded,
    the,
)

T = TypeVar("T")


def at_once(stores: Sequence[Store], call: Callable[[Store], T]) -> list[T]:
    """Have each store called from a thread of its own, all at one moment; returns the answers."""
    gate = Barrier(len(stores))

    def run(store: Store) -> T:
        gate.wait(10)
        return call(store)

    with ThreadPoolExecutor(len(stores)) as pool:
        return list(pool.map(run, stores))


def race_for_jobs(stores: Sequence[Store]) -> None:
    """Check that racing workers run each job once."""
    stores[0].jobs.push([a_job() for _ in range(400)])

    def work(store: Store) -> list[str]:
        worker, done = a_worker(store), []
        while taken := claimed(store, worker, 7):
            assert store.jobs.finish(worker, [succeeded(job) for job in taken]) == []
            done += ids(taken)
        return done

    done = [job_id for share in at_once(stores, work) for job_id in share]
    assert sorted(done) == sorted(ids(all_jobs(stores[0])))
    assert {(job.status, job.attempt) for job in all_jobs(stores[0])} == {("succeeded", 1)}


def race_to_push(stores: Sequence[Store]) -> None:
    """Check that one id pushed by many is one job, and that each batch is whole."""
    batch = [a_job() for _ in range(50)]
    answers = at_once(stores, lambda store: [answer.new for answer in store.jobs.push(batch)])
    assert [sum(new) for new in zip(*answers, strict=True)] == [1] * 50
    assert len(all_jobs(stores[0])) == 50


def race_with_keys(stores: Sequence[Store]) -> None:
    """Check that at no time two jobs of a key are open and not held."""

    def work(store: Store) -> None:
        worker = a_worker(store)
        for _ in range(10):
            store.jobs.push([a_job(key="k")])
            taken = claimed(store, worker)
            assert len(taken) <= 1
            store.jobs.finish(worker, [succeeded(job) for job in taken])

    at_once(stores, work)
    worker = a_worker(stores[0])
    while taken := claimed(stores[0], worker):
        assert len(taken) == 1
        stores[0].jobs.finish(worker, [succeeded(job) for job in taken])
    assert {job.status for job in all_jobs(stores[0])} == {"succeeded"}


def race_to_apply(stores: Sequence[Store], clock: VirtualClock) -> None:
    """Check that a plan applied by many schedulers is applied once."""
    envelopes = [stored(stores[0], every(60, clock.now())) for _ in range(30)]
    items = [planned(envelope, clock.now() + MINUTE) for envelope in envelopes]
    refused = at_once(stores, lambda store: store.schedules.apply(items))
    assert sum(len(items) - len(refusals) for refusals in refused) == len(items)
    assert len(all_jobs(stores[0])) == len(items)
    assert [len(ledger(stores[0], envelope.id)) for envelope in envelopes] == [1] * len(items)
    assert {envelope.run_count for envelope in all_schedules(stores[0])} == {1}


def race_to_upsert(stores: Sequence[Store], clock: VirtualClock) -> None:
    """Check that one schedule made by many at start-up is created once."""
    wanted = [daily(clock.now() + MINUTE, name=f"n{n}") for n in range(10)]
    answers = at_once(stores, lambda store: [store.schedules.upsert(envelope).change for envelope in wanted])
    for changes in zip(*answers, strict=True):
        assert sorted(changes) == ["created", *["unchanged"] * (len(stores) - 1)]
    assert len(all_schedules(stores[0])) == len(wanted)


def race_to_update(stores: Sequence[Store], clock: VirtualClock) -> None:
    """Check that of many updates of one reading one is kept."""
    read = stored(stores[0], daily(clock.now() + MINUTE))
    won = [
        after for after in at_once(stores, lambda store: store.schedules.update(replace(read, note=store.url))) if after
    ]
    assert [stores[0].schedules.get(read.id)] == won


def race_to_cancel(stores: Sequence[Store], clock: VirtualClock) -> None:
    """Check that a dispatch against a cancel either came first or is refused, and the cancel is final."""
    for _ in range(10):
        envelope = stored(stores[0], every(60, clock.now()))
        item = planned(envelope, clock.now() + MINUTE)
        turn = count()

        def act(store: Store, item: PlanItem = item, turn: Iterator[int] = turn) -> bool:
            if next(turn) % 2:
                return store.schedules.cancel(item.envelope.id)
            return store.schedules.apply([item]) == []

        at_once(stores, act)
        assert stores[0].schedules.get(envelope.id) is None
        rows = ledger(stores[0], envelope.id)
        assert len(rows) <= 1
        assert [the(stores[0], row.job_id or "").schedule_id for row in rows] == [envelope.id] * len(rows)


def race_to_raise_a_fence(stores: Sequence[Store], clock: VirtualClock) -> None:
    """Check that of many who raise a fence from one generation one succeeds."""
    envelope = every(60, clock.now(), generation=1)
    assert sorted(at_once(stores, lambda store: store.ledger.raise_fence(envelope, None)))[-2:] == [False, True]
    newer = replace(envelope, generation=2)
    assert sum(at_once(stores, lambda store: store.ledger.raise_fence(newer, 1))) == 1


def test_threads_that_claim_get_each_job_once(store: Store) -> None:
    race_for_jobs([store] * 4)


def test_threads_that_push_one_id_make_one_job(store: Store) -> None:
    race_to_push([store] * 4)


def test_threads_that_push_and_finish_one_key_keep_its_order(store: Store) -> None:
    race_with_keys([store] * 4)


def test_threads_that_apply_one_plan_apply_it_once(store: Store, clock: VirtualClock) -> None:
    race_to_apply([store] * 4, clock)


def test_threads_that_upsert_one_schedule_create_it_once(store: Store, clock: VirtualClock) -> None:
    race_to_upsert([store] * 4, clock)


def test_threads_that_update_one_reading_keep_one(store: Store, clock: VirtualClock) -> None:
    race_to_update([store] * 4, clock)


def test_threads_that_cancel_and_apply_agree(store: Store, clock: VirtualClock) -> None:
    race_to_cancel([store] * 4, clock)


def test_threads_that_raise_a_fence_raise_it_once(store: Store, clock: VirtualClock) -> None:
    race_to_raise_a_fence([store] * 4, clock)

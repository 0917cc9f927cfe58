"""Several callers at one instant: each job to one of them, each occurrence once, each name one schedule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from threading import Barrier
from typing import TypeVar

import pytest

from nuvom._job import JobState, TaskDefaults
from nuvom.stores.base import Store
from nuvom.stores.values import CancelAnswer, PlanItem, TaskRow
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
    failed,
    ids,
    ledger,
    planned,
    pushed,
    put_back,
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


def race_for_a_kind(stores: Sequence[Store], unique: str) -> None:
    """Check that of many pushes of one kind at once one is stored, and stands for all others."""
    kinds = [{"unique": unique, "kin": kin} for kin in "abcde"]
    pushes = at_once(stores, lambda store: [store.jobs.push([a_job(**kind)])[0] for kind in kinds])
    for answers in zip(*pushes, strict=True):
        assert sum(answer.new for answer in answers) == 1
        assert len({answer.id for answer in answers}) == 1
    assert len(all_jobs(stores[0])) == 5


def race_in_a_flow(stores: Sequence[Store]) -> None:
    """Check that never more jobs of a flow run than may, whoever pushes, claims, puts back, cancels and retries."""
    two = TaskDefaults(concurrency=2)

    def work(store: Store) -> None:
        worker = a_worker(store)
        for turn in range(8):
            batch = [a_job(defaults=two, priority=n) for n in range(3)]
            store.jobs.push(batch)
            taken = claimed(store, worker)
            assert sum(job.state is JobState.RUNNING for job in all_jobs(store)) <= 2
            ending = put_back if turn % 3 == 2 else succeeded
            assert store.jobs.finish(worker, [ending(job) for job in taken]) == []
            store.jobs.cancel(batch[0].id)
            store.jobs.retry(batch[0].id)

    at_once(stores, work)
    assert most_at_once(stores[0]) == 2
    assert {job.status for job in all_jobs(stores[0])} == {"succeeded"}


def race_against_a_rate(stores: Sequence[Store], clock: VirtualClock) -> None:
    """Check that no more jobs start within a time than may, whoever claims them."""
    hasty = TaskDefaults(rate="10/1m")

    def work(store: Store) -> int:
        worker, started = a_worker(store), 0
        for _ in range(6):
            store.jobs.push([a_job(defaults=hasty) for _ in range(2)])
            taken = claimed(store, worker, 3)
            store.jobs.finish(worker, [succeeded(job) for job in taken])
            store.jobs.promote(10)
            started += len(taken)
        return started

    assert sum(at_once(stores, work)) == 10
    clock.advance(2 * MINUTE)
    assert sum(at_once(stores, work)) == 10


def race_to_promote(stores: Sequence[Store], clock: VirtualClock) -> None:
    """Check that each delayed job becomes ready once, and each that gives up ends, whoever sees to it."""
    due = clock.now() + MINUTE
    one = TaskDefaults(concurrency=1)
    stores[0].jobs.push([a_job(run_at=due) for _ in range(40)])
    stores[0].jobs.push([a_job(run_at=due, defaults=one) for _ in range(20)])
    stores[0].jobs.push([a_job(key="k", expires_at=due) for _ in range(10)] + [a_job(key="k")])
    clock.advance(MINUTE)
    promoted = at_once(stores, lambda store: sum(store.jobs.promote(7) for _ in range(20)))
    assert sum(promoted) == 60
    assert Counter(job.status for job in all_jobs(stores[0])) == {"queued": 61, "expired": 10}
    assert Counter(job.state for job in all_jobs(stores[0]) if job.flow) == {"ready": 1, "held": 19}
    drain(stores[0])


def race_for_keys_that_change_hands(stores: Sequence[Store]) -> None:
    """Check that whoever ends or takes a key, nobody waits for it for ever, and never two of a key are loose."""

    def work(store: Store) -> None:
        worker = a_worker(store)
        for _ in range(8):
            mine = [a_job(key=key, expires_in=3600.0) for key in "ab"]
            store.jobs.push([a_job(key="c"), *mine])
            taken = claimed(store, worker, 2)
            loose = Counter(job.key for job in all_jobs(store) if not job.status.final and job.waits_for != "key")
            assert max(loose.values(), default=0) <= 1, loose
            store.jobs.cancel_many(ids(mine))
            store.jobs.finish(worker, [failed(job) for job in taken])
            store.jobs.retry_many(ids(taken)[:1])

    at_once(stores, work)
    drain(stores[0])


def race_for_an_id(stores: Sequence[Store]) -> None:
    """Check that nobody waits for a job that was not stored, because another had its id first and another key."""
    contested, turns = [a_job() for _ in range(10)], count()

    def work(store: Store) -> None:
        mine = next(turns)
        for number, job in enumerate(contested):
            key = f"{number} {mine}"
            store.jobs.push([job._replace(key=key), a_job(key=key)])

    at_once(stores, work)
    drain(stores[0])
    assert len(all_jobs(stores[0])) == 10 * (len(stores) + 1)


def race_to_retry(stores: Sequence[Store]) -> None:
    """Check that of many who let a job run again, or cancel it, one does."""
    jobs = [pushed(stores[0], key="k", defaults=TaskDefaults(concurrency=1)) for _ in range(5)]
    assert [sum(column) for column in zip(*cancelled(stores, jobs), strict=True)] == [1] * 5
    retried = at_once(stores, lambda store: store.jobs.retry_many(jobs))
    assert [sum(column) for column in zip(*retried, strict=True)] == [1] * 5
    drain(stores[0])


def race_with_new_limits(stores: Sequence[Store]) -> None:
    """Check that limits which change meanwhile are kept, and that nobody waits for ever for a place."""

    def work(store: Store) -> None:
        worker = a_worker(store)
        for turn in range(8):
            store.jobs.push([a_job(kin=kin) for kin in "abab"])
            limits = TaskDefaults(concurrency=1 + turn % 3)
            rows = [TaskRow(name="tasks.send", canonical="tasks.send", defaults=limits, signature="")]
            store.workers.remember_tasks(rows)
            store.jobs.finish(worker, [succeeded(job) for job in claimed(store, worker)])
            most = Counter(job.flow for job in all_jobs(store) if job.flow and job.state is JobState.RUNNING)
            assert max(most.values(), default=0) <= 3

    limited = TaskRow(name="tasks.send", canonical="tasks.send", defaults=TaskDefaults(concurrency=3), signature="")
    stores[0].workers.remember_tasks([limited])
    at_once(stores, work)
    stores[0].workers.remember_tasks([limited])
    stores[0].jobs.push([a_job(kin=kin) for kin in "aaabbb"])  # whatever the race has left, these fill all places
    assert most_at_once(stores[0]) == 6


def cancelled(stores: Sequence[Store], jobs: Sequence[str]) -> list[list[bool]]:
    """Have all cancel the same jobs; returns who did which."""
    answers = at_once(stores, lambda store: store.jobs.cancel_many(jobs))
    return [[answer is CancelAnswer.CANCELLED for answer in row] for row in answers]


def most_at_once(store: Store) -> int:
    """Run what is left, and return the largest number of jobs that could be claimed at once."""
    worker, most = a_worker(store), 0
    while taken := claimed(store, worker, 1_000):
        most = max(most, len(taken))
        assert store.jobs.finish(worker, [succeeded(job) for job in taken]) == []
    assert [job for job in all_jobs(store) if not job.status.final] == []
    return most


def drain(store: Store) -> None:
    """Run what is left, and check that nothing waits for ever."""
    most_at_once(store)


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


@pytest.mark.parametrize("unique", ["queued", "done", "10m"])
def test_threads_that_push_one_kind_make_one_job(store: Store, unique: str) -> None:
    race_for_a_kind([store] * 4, unique)


def test_threads_never_run_more_of_a_flow_than_may(store: Store) -> None:
    race_in_a_flow([store] * 4)


def test_threads_never_start_more_than_a_rate_lets(store: Store, clock: VirtualClock) -> None:
    race_against_a_rate([store] * 4, clock)


def test_threads_that_promote_do_it_once(store: Store, clock: VirtualClock) -> None:
    race_to_promote([store] * 4, clock)


def test_threads_that_end_and_take_keys_leave_nobody_waiting(store: Store) -> None:
    race_for_keys_that_change_hands([store] * 4)


def test_threads_that_push_one_id_with_other_keys_leave_nobody_waiting(store: Store) -> None:
    race_for_an_id([store] * 4)


def test_threads_that_cancel_and_retry_one_job_do_it_once(store: Store) -> None:
    race_to_retry([store] * 4)


def test_threads_that_change_limits_leave_nobody_waiting(store: Store) -> None:
    race_with_new_limits([store] * 4)


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

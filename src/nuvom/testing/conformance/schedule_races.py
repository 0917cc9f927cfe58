"""Several schedulers and callers at one instant: each occurrence once, each request one run, each name one schedule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count

from nuvom._schedule import Overlap, run_key
from nuvom.errors import NuvomError
from nuvom.stores.base import Store
from nuvom.stores.values import Once, PlanItem, Retention
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    a_job,
    a_worker,
    all_jobs,
    all_schedules,
    claimed,
    daily,
    dispatched,
    every,
    ids,
    ledger,
    one_off,
    planned,
    stored,
    succeeded,
)
from nuvom.testing.conformance.racing import at_once
from nuvom.testing.conformance.requests import asked


def race_for_a_name(stores: Sequence[Store], clock: VirtualClock) -> None:
    """Check that of many schedules that want one name at once one gets it, and the others are told."""

    def create(store: Store) -> bool:
        try:
            store.schedules.upsert(daily(clock.now() + MINUTE, name="n"))
        except (NuvomError, ValueError):
            return False
        return True

    assert sum(at_once(stores, create)) == 1
    assert [envelope.name for envelope in all_schedules(stores[0])] == ["n"]


def race_to_dispatch(stores: Sequence[Store], clock: VirtualClock) -> None:
    """Check that many schedulers dispatch all that is due, each occurrence once."""
    for _ in range(100):
        stored(stores[0], every(60, clock.now()))
    stored(stores[0], one_off(clock.now()))

    def serve(store: Store) -> int:
        applied = 0
        while due := store.schedules.due(clock.now(), 15):
            items = [planned(each, clock.now() + MINUTE if each.interval else None) for each in due]
            applied += len(items) - len(store.schedules.apply(items))
        return applied

    assert sum(at_once(stores, serve)) == len(all_jobs(stores[0])) == 101
    assert {envelope.run_count for envelope in all_schedules(stores[0])} == {1}


def race_to_request(stores: Sequence[Store], clock: VirtualClock) -> None:
    """Check that one request made by many is one run, though each asks for a time of its own."""
    envelope = stored(stores[0], every(60, clock.now() + HOUR))
    turn = count()

    def ask(store: Store) -> int:
        nominal = clock.now() + next(turn) * SECOND
        return len(store.ledger.request(asked(envelope, "manual:a", nominal), Once.REQUEST).jobs)

    assert sum(at_once(stores, ask)) == 1
    assert len(all_jobs(stores[0])) == len(ledger(stores[0], envelope.id)) == 1


def race_to_backfill(stores: Sequence[Store], clock: VirtualClock) -> None:
    """Check that a time which is dispatched just now is backfilled only if the backfill came first."""
    for number in range(10):
        envelope = stored(stores[0], every(60, clock.now()))
        fill, turn = asked(envelope, f"backfill:{number}", clock.now()), count()
        item = planned(envelope, clock.now() + MINUTE)

        def act(store: Store, item: PlanItem = item, fill: PlanItem = fill, turn: Iterator[int] = turn) -> bool:
            if next(turn) % 2:
                return bool(store.ledger.request(fill, Once.DISPATCH).jobs)
            return store.schedules.apply([item]) == []

        at_once(stores, act)
        rows = ledger(stores[0], envelope.id)
        assert len({row.source for row in rows}) == len(rows)
        assert (
            stores[0].ledger.request(asked(envelope, "backfill:late", clock.now()), Once.DISPATCH).jobs == frozenset()
        )


def race_to_deliver(stores: Sequence[Store], clock: VirtualClock) -> None:
    """Check that of many runs of a schedule elsewhere that must not overlap one is started."""
    envelope = every(60, clock.now(), generation=1, overlap=Overlap.SKIP)
    stores[0].ledger.raise_fence(envelope, None)
    turn = count()

    def deliver(store: Store) -> int:
        item = planned(envelope, None, dispatched(envelope, clock.now() + next(turn) * MINUTE))
        jobs = tuple(job._replace(key=run_key(envelope.id)) for job in item.jobs)
        return len(store.ledger.deliver([item._replace(jobs=jobs, blocked=False)]))

    assert sum(at_once(stores, deliver)) == len(stores) - 1
    assert stores[0].ledger.open_runs(envelope.id, 10) == 1


def race_to_prune(stores: Sequence[Store], clock: VirtualClock) -> None:
    """Check that what many forget at once is gone, with its end in the ledger."""
    envelope = stored(stores[0], every(60, clock.now()))
    stores[0].schedules.apply([planned(envelope, clock.now() + MINUTE)])
    stores[0].jobs.push([a_job() for _ in range(200)])
    worker = a_worker(stores[0])
    stores[0].jobs.finish(worker, [succeeded(job) for job in claimed(stores[0], worker, 1_000)])
    clock.advance(10 * DAY)
    newest = a_job()
    stores[0].jobs.push([newest])

    def prune(store: Store) -> None:
        while store.prune(Retention()):
            pass

    at_once(stores, prune)
    prune(stores[0])  # what one had locked the others left
    assert ids(all_jobs(stores[0])) == [newest.id]
    assert [row.job_status for row in ledger(stores[0], envelope.id)] == ["succeeded"]


def test_threads_that_want_one_name_give_it_to_one(store: Store, clock: VirtualClock) -> None:
    race_for_a_name([store] * 4, clock)


def test_threads_that_dispatch_a_herd_dispatch_it_once(store: Store, clock: VirtualClock) -> None:
    race_to_dispatch([store] * 4, clock)


def test_threads_that_make_one_request_make_one_run(store: Store, clock: VirtualClock) -> None:
    race_to_request([store] * 4, clock)


def test_threads_that_backfill_and_apply_one_time_agree(store: Store, clock: VirtualClock) -> None:
    race_to_backfill([store] * 4, clock)


def test_threads_that_deliver_runs_that_must_not_overlap_start_one(store: Store, clock: VirtualClock) -> None:
    race_to_deliver([store] * 4, clock)


def test_threads_that_prune_at_once_forget_what_is_over(store: Store, clock: VirtualClock) -> None:
    race_to_prune([store] * 4, clock)

"""Policies of schedules in a backend of five methods: what is judged beside the jobs holds there, too."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nuvom._job import Outcome, Verdict
from nuvom._schedule import Overlap, ScheduleEnvelope
from nuvom.errors import UnsupportedByBackend
from nuvom.scheduler.service import SchedulerService
from nuvom.scheduler.split import refuse_unkept, update_split
from nuvom.stores.base import Store
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import a_worker, claimed
from tests.scheduler.doubles import Five
from tests.scheduler.driving import enqueue, settle
from tests.scheduler.examples import NOON, at, interval, seconds


def outcomes(store: Store, envelope: ScheduleEnvelope) -> list[str]:
    return [row.outcome.value for row in store.ledger.occurrences(envelope.id, 100)][::-1]


def run_one(store: Store) -> None:
    worker = a_worker(store)
    [job] = claimed(store, worker, 1)
    store.jobs.finish(worker, [Outcome(job, Verdict.SUCCEEDED)])


def test_an_open_run_is_seen_beside_the_jobs(
    store: Store, five: Five, service: SchedulerService, clock: VirtualClock
) -> None:
    envelope = interval(60, overlap=Overlap.SKIP)
    enqueue(store, five, envelope)
    settle(service)
    clock.advance(60)
    settle(service)
    run_one(store)
    clock.advance(60)
    settle(service)
    assert outcomes(store, envelope) == ["dispatched", "skipped_overlap", "dispatched"]


def test_a_delivery_that_is_repeated_is_not_skipped_by_its_own_run(
    store: Store, five: Five, service: SchedulerService, clock: VirtualClock
) -> None:
    envelope = interval(60, overlap=Overlap.SKIP)
    enqueue(store, five, envelope)
    [shown] = five.kept.values()
    settle(service)
    five.kept[envelope.id] = shown  # the scheduler died before it moved it on
    settle(SchedulerService(store, five, clock=clock))
    assert outcomes(store, envelope) == ["dispatched"]


def test_queue_one_holds_one(store: Store, five: Five, service: SchedulerService, clock: VirtualClock) -> None:
    envelope = interval(60, overlap=Overlap.QUEUE_ONE)
    enqueue(store, five, envelope)
    for _ in range(3):
        settle(service)
        clock.advance(60)
    assert outcomes(store, envelope) == ["dispatched", "dispatched", "skipped_overlap"]
    run_one(store)
    run_one(store)
    assert claimed(store, a_worker(store)) == []


def test_grace_and_bounds_hold(store: Store, five: Five, service: SchedulerService, clock: VirtualClock) -> None:
    envelope = interval(60, grace=seconds(5), ends_at=at("2026-05-05T12:02"))
    enqueue(store, five, envelope)
    clock.advance(6)
    settle(service)
    clock.advance(54)
    settle(service)
    assert outcomes(store, envelope) == ["missed", "dispatched"]
    assert five.kept == {}, "its bounds have ended"


@pytest.mark.parametrize("option", [{"jitter": seconds(5)}, {"max_runs": 5}], ids=lambda option: next(iter(option)))
def test_what_five_methods_cannot_carry_is_refused_in_one_sentence(option: dict[str, object]) -> None:
    name = next(iter(option))
    with pytest.raises(UnsupportedByBackend, match=rf"a\.b:C cannot carry {name}=.*leave it out"):
        refuse_unkept(replace(interval(60), **option), "a.b:C")  # type: ignore[arg-type]  # one of two options


def test_an_update_wins_or_says_that_it_lost(store: Store, five: Five) -> None:
    enqueue(store, five, interval(60))
    [read] = five.kept.values()
    newer = update_split(five, store.ledger, replace(read, task="tasks.one"), NOON)
    assert newer is not None
    assert newer.generation > read.generation
    assert five.kept[read.id].task == "tasks.one"
    assert update_split(five, store.ledger, replace(read, task="tasks.two"), NOON) is None
    assert five.kept[read.id].task == "tasks.one"
    five.cancel(read.id)
    assert update_split(five, store.ledger, newer, NOON) is None

"""Paused queues: nothing of them is claimed, and all else goes on."""

from __future__ import annotations

import pytest

from nuvom.stores.base import Store
from nuvom.stores.values import Order, QueuePause
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import a_worker, claimed, ids, lose, pushed, running, succeeded, the
from nuvom.testing.conformance.harness import Harness


@pytest.mark.parametrize("queues", [None, ("slow",), ("slow", "fast")], ids=["all", "one", "both"])
@pytest.mark.parametrize("order", [Order.BEST, Order.FAIR])
def test_nothing_of_a_paused_queue_is_claimed(store: Store, order: Order, queues: tuple[str, ...] | None) -> None:
    slow, fast = pushed(store, queue="slow", priority=9), pushed(store, queue="fast")
    assert store.jobs.pause_queue("slow", None)
    served = [fast] if queues is None or "fast" in queues else []
    assert store.jobs.has_ready(queues) is bool(served)
    assert ids(claimed(store, a_worker(store), queues=queues, order=order)) == served
    assert not store.jobs.has_ready(queues)
    assert the(store, slow).state.value == "ready"


def test_a_queue_that_is_resumed_goes_on(store: Store) -> None:
    job = pushed(store, queue="slow")
    store.jobs.pause_queue("slow", None)
    assert store.jobs.resume_queue("slow")
    assert store.jobs.has_ready(None)
    assert ids(claimed(store, a_worker(store))) == [job]
    assert not store.jobs.resume_queue("slow")


def test_a_suspect_of_a_paused_queue_is_not_claimed(store: Store, clock: VirtualClock, harness: Harness) -> None:
    running(store, queue="slow")
    lose(store, clock, harness.lease)
    store.jobs.pause_queue("slow", None)
    assert not store.jobs.has_suspects(None)
    assert not store.jobs.has_suspects(("slow",))
    assert not store.jobs.has_ready(None)
    for queues in (None, ("slow",)):
        assert claimed(store, a_worker(store), queues=queues, order=Order.SUSPECT) == []
    store.jobs.resume_queue("slow")
    assert len(claimed(store, a_worker(store), order=Order.SUSPECT)) == 1


def test_a_paused_queue_can_be_told_from_others(store: Store, clock: VirtualClock) -> None:
    pushed(store, queue="fast")
    assert store.jobs.pause_queue("slow", "the printer burns")
    since = clock.now()
    clock.advance(5)
    assert not store.jobs.pause_queue("slow", "it burned down")
    fast, slow = store.jobs.queues()
    assert (fast.pause, slow.queue) == (None, "slow")
    assert slow.pause == QueuePause(since, "it burned down")


def test_what_runs_of_a_paused_queue_goes_on(store: Store) -> None:
    worker = a_worker(store)
    job = running(store, worker, queue="slow")
    store.jobs.pause_queue("slow", None)
    assert store.jobs.finish(worker, [succeeded(job)]) == []
    assert the(store, job.id).state.value == "succeeded"


def test_a_paused_queue_hides_no_other_one(store: Store) -> None:
    for _ in range(5):
        pushed(store, queue="slow")
    store.jobs.pause_queue("slow", None)
    other = pushed(store, queue="zzz")
    assert store.jobs.has_ready(None)
    assert ids(claimed(store, a_worker(store), limit=1)) == [other]

"""`JobStore.claim`, `has_ready` and `has_suspects`: who gets which jobs, and in which order."""

from __future__ import annotations

from datetime import timedelta

import pytest

from nuvom._job import JobState, Outcome, Verdict
from nuvom.stores.base import Store
from nuvom.stores.values import Order
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import (
    BOOM,
    DAY,
    MINUTE,
    SECOND,
    a_job,
    a_worker,
    claimed,
    fresh_id,
    ids,
    lose,
    pushed,
    running,
    the,
)
from nuvom.testing.conformance.harness import Harness


def a_suspect(store: Store, clock: VirtualClock, harness: Harness, queue: str = "default") -> str:
    """Have one job lost by its worker; returns its id."""
    job = running(store, queue=queue)
    assert lose(store, clock, harness.lease) == 1
    return job.id


def test_a_claim_makes_a_job_running_and_counts_the_attempt(store: Store, clock: VirtualClock) -> None:
    job_id, worker = pushed(store), a_worker(store)
    clock.advance(5)
    [claim] = claimed(store, worker)
    job = the(store, job_id)
    assert (job.state, job.worker, job.attempt, job.started_at) == (JobState.RUNNING, worker, 1, clock.now())
    assert (claim.id, claim.attempt, claim.started_at, claim.suspect) == (job_id, 1, clock.now(), False)


def test_a_claimed_job_carries_what_was_pushed(store: Store, clock: VirtualClock) -> None:
    new = a_job(
        arguments=b'[[1],{"k":2}]', queue="mail", priority=7, max_crashes=1, key="k", schedule_id=fresh_id(),
        schedule_name="nightly", scheduled_for=clock.now() - DAY, options=b'{"retries":2}', metadata=b'{"a":1}',
    )  # fmt: skip
    store.jobs.push([new])
    [job] = claimed(store, a_worker(store))
    for name in (
        "id", "task", "arguments", "queue", "priority", "max_crashes", "key", "schedule_id", "schedule_name",
        "scheduled_for", "options", "metadata",
    ):  # fmt: skip
        assert getattr(job, name) == getattr(new, name), name
    assert (job.run_at, job.created_at, job.errors, job.crashes, job.defers) == (clock.now(), clock.now(), 0, 0, 0)


def test_a_job_is_claimed_once(store: Store) -> None:
    pushed(store)
    first, second = a_worker(store), a_worker(store)
    assert len(claimed(store, first)) == 1
    assert claimed(store, second) == []
    assert claimed(store, first) == []


def test_a_claim_takes_at_most_its_limit(store: Store) -> None:
    worker = a_worker(store)
    store.jobs.push([a_job() for _ in range(5)])
    assert [len(claimed(store, worker, limit)) for limit in (0, 2, 2, 2, 2)] == [0, 2, 2, 1, 0]


def test_a_claim_takes_the_best_first(store: Store, clock: VirtualClock) -> None:
    """Higher priority, then earlier run_at, then earlier push; the same across queues."""
    now = clock.now()
    wanted = [(5, 9), (5, 3), (0, 9), (0, 3), (0, 3), (-7, 60)]
    batch = [a_job(priority=p, run_at=now - ago * SECOND, queue=f"q{n % 2}") for n, (p, ago) in enumerate(wanted)]
    for job in (batch[3], batch[5], batch[1], batch[4], batch[2], batch[0]):
        store.jobs.push([job])
    worker = a_worker(store)
    assert ids(claimed(store, worker, 2)) == ids(batch[:2])
    assert ids(claimed(store, worker, 10)) == ids(batch[2:])


def test_jobs_of_one_instant_are_claimed_in_the_order_of_their_pushes(store: Store) -> None:
    batch = [a_job() for _ in range(300)]
    store.jobs.push(batch)
    assert ids(claimed(store, a_worker(store), 300)) == ids(batch)


def test_a_fair_claim_begins_with_the_oldest_head_of_all_priorities(store: Store, clock: VirtualClock) -> None:
    poor = [a_job(priority=-5, run_at=clock.now() - n * MINUTE) for n in (3, 2)]
    rich = [a_job(priority=5, run_at=clock.now() - SECOND) for _ in range(20)]
    store.jobs.push([*rich, *poor])
    worker = a_worker(store)
    assert ids(claimed(store, worker, 1)) == [rich[0].id]
    assert ids(claimed(store, worker, 1, order=Order.FAIR)) == [poor[0].id]
    assert set(ids(claimed(store, worker, 2, order=Order.FAIR))) == {poor[1].id, rich[1].id}


def test_a_fair_claim_fills_up_with_the_best(store: Store, clock: VirtualClock) -> None:
    poor = [a_job(priority=-5, run_at=clock.now() - n * MINUTE) for n in (3, 2)]
    rich = [a_job(priority=5) for _ in range(20)]
    store.jobs.push([*rich, *poor])
    taken = ids(claimed(store, a_worker(store), 6, order=Order.FAIR))
    assert sorted(taken) == sorted([poor[0].id, *ids(rich[:5])])


def test_no_priority_starves_under_fair_claims(store: Store, clock: VirtualClock) -> None:
    poor = pushed(store, priority=-1000)
    worker = a_worker(store)
    for turn in range(3):
        clock.advance(1)
        store.jobs.push([a_job(priority=1000) for _ in range(50)])
        order = Order.FAIR if turn == 2 else Order.BEST
        taken = ids(claimed(store, worker, 10, order=order))
        assert (poor in taken) is (order is Order.FAIR)


def test_a_fair_claim_takes_its_limit_at_most_and_honours_its_filters(store: Store) -> None:
    store.jobs.push([a_job(priority=p, queue=q, task=t) for p in range(4) for q in "ab" for t in ("x", "y")])
    taken = claimed(store, a_worker(store), 3, order=Order.FAIR, queues=("a",), excluding=("x",))
    assert len(taken) == 3
    assert {(job.queue, job.task) for job in taken} == {("a", "y")}


@pytest.mark.parametrize("order", [Order.BEST, Order.FAIR])
def test_an_ordinary_claim_passes_over_suspects(
    store: Store, clock: VirtualClock, harness: Harness, order: Order
) -> None:
    suspect = a_suspect(store, clock, harness)
    other = pushed(store)
    assert ids(claimed(store, a_worker(store), order=order)) == [other]
    assert the(store, suspect).state is JobState.READY


def test_a_suspect_claim_takes_one_suspect_and_nothing_else(
    store: Store, clock: VirtualClock, harness: Harness
) -> None:
    worker = a_worker(store)
    store.jobs.push([a_job(), a_job()])
    lost = ids(claimed(store, worker))
    lose(store, clock, harness.lease)
    pushed(store, priority=9)
    taken = [claimed(store, a_worker(store), order=Order.SUSPECT) for _ in range(3)]
    assert [len(jobs) for jobs in taken] == [1, 1, 0]
    assert {jobs[0].id for jobs in taken[:2]} == set(lost)
    assert taken[0][0].suspect


def test_a_suspect_claim_honours_queues_and_exclusions(store: Store, clock: VirtualClock, harness: Harness) -> None:
    suspect = a_suspect(store, clock, harness, queue="a")
    worker = a_worker(store)
    assert claimed(store, worker, order=Order.SUSPECT, queues=("b",)) == []
    assert claimed(store, worker, order=Order.SUSPECT, excluding=("tasks.send",)) == []
    assert claimed(store, worker, 0, order=Order.SUSPECT) == []
    assert ids(claimed(store, worker, order=Order.SUSPECT, queues=("a",))) == [suspect]


@pytest.mark.parametrize(("queues", "expected"), [(None, "abc"), (("a",), "a"), (("a", "c", "x"), "ac"), (("x",), "")])
def test_a_claim_takes_only_from_its_queues(store: Store, queues: tuple[str, ...] | None, expected: str) -> None:
    store.jobs.push([a_job(queue=queue) for queue in "abc"])
    assert store.jobs.has_ready(queues) is bool(expected)
    assert sorted(job.queue for job in claimed(store, a_worker(store), queues=queues)) == list(expected)


def test_a_queue_named_twice_gives_its_jobs_once(store: Store) -> None:
    store.jobs.push([a_job(queue="a") for _ in range(3)])
    assert len(claimed(store, a_worker(store), queues=("a", "a"))) == 3


@pytest.mark.parametrize("queues", [None, ("default",), ("default", "other")])
@pytest.mark.parametrize("order", [Order.BEST, Order.FAIR])
def test_a_claim_can_leave_what_became_ready_later(
    store: Store, clock: VirtualClock, queues: tuple[str, ...] | None, order: Order
) -> None:
    first, bound = pushed(store), clock.now()
    clock.advance(SECOND)
    later = pushed(store, priority=9)
    worker = a_worker(store)
    assert store.jobs.has_ready(queues, (), bound)
    assert ids(claimed(store, worker, queues=queues, order=order, ready_by=bound)) == [first]
    assert not store.jobs.has_ready(queues, (), bound)
    assert claimed(store, worker, 1, queues=queues, order=order, ready_by=bound) == []
    assert ids(claimed(store, worker, queues=queues, order=order)) == [later]


def test_a_claim_can_leave_suspects_that_became_ready_later(
    store: Store, clock: VirtualClock, harness: Harness
) -> None:
    suspect = a_suspect(store, clock, harness)
    before, worker = the(store, suspect).run_at - SECOND, a_worker(store)
    assert not store.jobs.has_suspects(None, before)
    assert claimed(store, worker, order=Order.SUSPECT, ready_by=before) == []
    assert store.jobs.has_suspects(None, clock.now())
    assert ids(claimed(store, worker, order=Order.SUSPECT, ready_by=clock.now())) == [suspect]


def test_a_claim_passes_over_excluded_tasks_and_finds_the_rest_behind_them(store: Store) -> None:
    store.jobs.push([a_job(task="unknown", priority=9) for _ in range(50)])
    known = pushed(store, task="known")
    worker = a_worker(store)
    assert store.jobs.has_ready(None, ["unknown"])
    assert ids(claimed(store, worker, 10, excluding=("unknown", "else"))) == [known]
    assert not store.jobs.has_ready(None, ["unknown"])
    assert claimed(store, worker, 10, excluding=("unknown",)) == []


def test_attempts_never_go_down(store: Store, clock: VirtualClock, harness: Harness) -> None:
    worker = a_worker(store)
    job_id = pushed(store)
    for turn, verdict in enumerate((Verdict.PUT_BACK, Verdict.DEFER, Verdict.RETRY), 1):
        [job] = claimed(store, worker)
        assert job.attempt == turn
        store.jobs.finish(worker, [Outcome(job, verdict, error=BOOM, run_at=clock.now() + SECOND)])
        assert the(store, job_id).attempt == turn
        clock.advance(1)
        store.jobs.promote(10)
    [job] = claimed(store, worker)
    assert lose(store, clock, harness.lease) == 1
    assert the(store, job_id).attempt == job.attempt == 4
    [suspect] = claimed(store, a_worker(store), order=Order.SUSPECT)
    assert suspect.attempt == 5


def test_nothing_is_claimed_by_a_worker_without_a_row(store: Store) -> None:
    job_id = pushed(store)
    for order in Order:
        assert claimed(store, "nobody", order=order) == []
    assert the(store, job_id).attempt == 0


def test_nothing_is_claimed_by_a_worker_whose_lease_ran_out(
    store: Store, clock: VirtualClock, harness: Harness
) -> None:
    worker = a_worker(store)
    pushed(store)
    clock.advance(harness.lease + 1)
    assert claimed(store, worker) == []


def test_a_delayed_job_is_not_claimed_until_it_is_promoted(store: Store, clock: VirtualClock) -> None:
    job_id = pushed(store, run_at=clock.now() + SECOND)
    worker = a_worker(store)
    clock.advance(timedelta(microseconds=999_999))
    assert store.jobs.promote(10) == 0
    assert claimed(store, worker) == []
    clock.advance(timedelta(microseconds=1))
    assert store.jobs.promote(10) == 1
    assert ids(claimed(store, worker)) == [job_id]


def test_has_ready_sees_ready_jobs_only(store: Store, clock: VirtualClock) -> None:
    assert not store.jobs.has_ready(None)
    pushed(store, run_at=clock.now() + SECOND)
    assert not store.jobs.has_ready(None)
    pushed(store, queue="a")
    assert store.jobs.has_ready(None)
    assert store.jobs.has_ready(("b", "a"))
    assert not store.jobs.has_ready(("b",))
    assert not store.jobs.has_ready(("a",), {"tasks.send"})
    claimed(store, a_worker(store))
    assert not store.jobs.has_ready(None)


def test_has_ready_and_has_suspects_see_suspects(store: Store, clock: VirtualClock, harness: Harness) -> None:
    a_suspect(store, clock, harness, queue="a")
    assert [store.jobs.has_suspects(queues) for queues in (None, ("a",), ("c",))] == [True, True, False]
    assert [store.jobs.has_ready(queues) for queues in (None, ("a",), ("c",))] == [True, True, False]
    claimed(store, a_worker(store), order=Order.SUSPECT)
    pushed(store, queue="a")
    assert not store.jobs.has_suspects(None)


def test_a_claim_of_the_largest_size_is_one_batch(store: Store) -> None:
    store.jobs.push([a_job() for _ in range(1_000)])
    taken = claimed(store, a_worker(store), 1_000)
    assert len({job.id for job in taken}) == 1_000
    assert len({job.ref for job in taken}) == 1_000

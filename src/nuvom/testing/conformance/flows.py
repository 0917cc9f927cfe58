"""Limits: how many jobs of a flow run at once and start within a time, whatever becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from nuvom._job import ClaimedJob, JobState, Outcome, TaskDefaults
from nuvom.stores.base import Store
from nuvom.stores.values import Flow, Order, Retention, TaskRow
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import (
    HOUR,
    MINUTE,
    SECOND,
    a_job,
    a_worker,
    all_jobs,
    claimed,
    deferred,
    failed,
    ids,
    lose,
    lose_alone,
    put_back,
    retried,
    succeeded,
    the,
)
from nuvom.testing.conformance.harness import Harness

ONE, TWO = TaskDefaults(concurrency=1), TaskDefaults(concurrency=2)
TEN_A_MINUTE = TaskDefaults(rate="10/1m")


def pushed(store: Store, count: int, defaults: TaskDefaults, **said: object) -> list[str]:
    """Push jobs of one task and return their ids."""
    batch = [a_job(defaults=defaults, **said) for _ in range(count)]
    store.jobs.push(batch)
    return ids(batch)


def states(store: Store, job_ids: list[str]) -> list[str]:
    """Return the stored states, in order."""
    return [the(store, job_id).state.value for job_id in job_ids]


def limited(store: Store, **limits: object) -> None:
    """Let a worker report the task with these limits."""
    defaults = TaskDefaults(**limits)  # type: ignore[arg-type]  # the tests say them by name
    store.workers.remember_tasks([TaskRow(name="tasks.send", canonical="tasks.send", defaults=defaults, signature="")])


def running_now(store: Store) -> int:
    """Count the jobs that run."""
    return sum(job.state is JobState.RUNNING for job in all_jobs(store))


def test_no_more_jobs_than_its_concurrency_can_be_claimed(store: Store) -> None:
    batch = pushed(store, 5, TWO)
    assert states(store, batch) == ["ready", "ready", "held", "held", "held"]
    assert {the(store, job_id).waits_for for job_id in batch[2:]} == {"flow"}
    assert ids(claimed(store, a_worker(store))) == batch[:2]
    assert claimed(store, a_worker(store)) == []
    assert not store.jobs.has_ready(None)


@pytest.mark.parametrize("ending", [succeeded, failed])
def test_the_end_of_a_limited_job_lets_the_next_one_start(
    store: Store, ending: Callable[[ClaimedJob], Outcome]
) -> None:
    batch = pushed(store, 3, ONE)
    worker = a_worker(store)
    [first] = claimed(store, worker)
    assert store.jobs.finish(worker, [ending(first)]) == []
    assert states(store, batch)[1:] == ["ready", "held"]


def test_the_best_of_those_that_wait_starts_first(store: Store, clock: VirtualClock) -> None:
    worker = a_worker(store)
    pushed(store, 1, ONE)
    [first] = claimed(store, worker)
    [plain] = pushed(store, 1, ONE)
    [urgent] = pushed(store, 1, ONE, priority=5)
    [older] = pushed(store, 1, ONE, run_at=clock.now() - MINUTE)
    order = []
    while True:
        store.jobs.finish(worker, [succeeded(first)])
        taken = claimed(store, worker)
        if not taken:
            break
        [first] = taken
        order.append(first.id)
    assert order == [urgent, older, plain]


def test_each_key_has_a_limit_of_its_own(store: Store) -> None:
    batch = [a_job(defaults=ONE, kin=kin) for kin in ("a", "a", "b", None, None)]
    store.jobs.push(batch)
    assert states(store, ids(batch)) == ["ready", "held", "ready", "ready", "held"]
    assert [the(store, job.id).flow for job in batch[1:4]] == ["tasks.send:a", "tasks.send:b", "tasks.send"]


def test_what_workers_report_of_a_task_says_its_limits(store: Store) -> None:
    limited(store, concurrency=2)
    assert states(store, pushed(store, 3, ONE)) == ["ready", "ready", "held"]


def test_an_alias_counts_with_its_task(store: Store) -> None:
    rows = [TaskRow(name=name, canonical="tasks.send", defaults=ONE, signature="") for name in ("tasks.send", "old")]
    store.workers.remember_tasks(rows)
    assert states(store, pushed(store, 1, ONE) + pushed(store, 1, ONE, task="old")) == ["ready", "held"]


def test_a_delayed_job_takes_no_place_until_it_is_due(store: Store, clock: VirtualClock) -> None:
    [later] = pushed(store, 1, ONE, run_at=clock.now() + MINUTE)
    [now] = pushed(store, 1, ONE)
    assert states(store, [later, now]) == ["delayed", "ready"]
    clock.advance(MINUTE)
    assert store.jobs.promote(10) == 1
    assert states(store, [later, now]) == ["held", "ready"]


@pytest.mark.parametrize("leaving", ["retry", "defer"])
def test_a_job_that_is_to_run_later_gives_up_its_place(store: Store, clock: VirtualClock, leaving: str) -> None:
    first, second = pushed(store, 2, ONE)
    worker = a_worker(store)
    [job] = claimed(store, worker)
    later = clock.now() + MINUTE
    store.jobs.finish(worker, [retried(job, later) if leaving == "retry" else deferred(job, later)])
    assert states(store, [first, second]) == ["delayed", "ready"]
    clock.advance(MINUTE)
    store.jobs.promote(10)
    assert states(store, [first, second]) == ["held", "ready"]


def test_a_job_that_is_put_back_waits_for_its_place_again(store: Store) -> None:
    [plain] = pushed(store, 1, ONE)
    worker = a_worker(store)
    [job] = claimed(store, worker)
    [urgent] = pushed(store, 1, ONE, priority=9)
    store.jobs.finish(worker, [put_back(job)])
    assert states(store, [plain, urgent]) == ["held", "ready"]


def test_never_more_run_than_allowed_through_lost_processes(
    store: Store, clock: VirtualClock, harness: Harness
) -> None:
    pushed(store, 6, TWO)
    assert len(claimed(store, a_worker(store))) == 2
    lose(store, clock, harness.lease)
    assert sum(job.state is JobState.READY for job in all_jobs(store)) == 2
    lose_alone(store, clock, harness.lease)
    for _ in range(4):
        worker = a_worker(store)
        claimed(store, worker)
        claimed(store, worker, order=Order.SUSPECT)
        assert running_now(store) <= 2
        store.workers.unregister(worker)
        assert sum(job.state is JobState.READY for job in all_jobs(store)) == 2


def test_a_final_job_that_is_retried_waits_for_its_flow(store: Store) -> None:
    worker = a_worker(store)
    first, _ = pushed(store, 2, ONE)
    [job] = claimed(store, worker)
    store.jobs.finish(worker, [failed(job)])
    assert store.jobs.retry(first)
    assert states(store, [first]) == ["held"]


def test_final_jobs_that_are_retried_are_limited_though_their_flow_was_forgotten(store: Store) -> None:
    limited(store, concurrency=1)
    worker = a_worker(store)
    batch = pushed(store, 3, ONE)
    for _ in batch:
        store.jobs.finish(worker, [failed(job) for job in claimed(store, worker)])
    prune(store)
    assert store.jobs.flow("tasks.send") is None
    store.jobs.retry_many(batch)
    assert len(claimed(store, worker)) == 1


def test_new_limits_hold_for_what_waits_under_an_older_name_of_the_task(store: Store) -> None:
    limited(store, concurrency=1)
    batch = pushed(store, 3, ONE)
    names = "tasks.mail", "tasks.send"
    rows = [TaskRow(name=name, canonical="tasks.mail", defaults=TWO, signature="") for name in names]
    store.workers.remember_tasks(rows)
    assert states(store, batch) == ["ready", "ready", "held"]


def test_a_job_that_its_key_releases_waits_for_its_flow(store: Store) -> None:
    worker = a_worker(store)
    [holder] = pushed(store, 1, TaskDefaults(), key="k", task="tasks.other")
    [job] = claimed(store, worker)
    [follower] = pushed(store, 1, ONE, key="k")
    [other] = pushed(store, 1, ONE)
    assert states(store, [follower, other]) == ["held", "ready"]
    store.jobs.finish(worker, [succeeded(job)])
    assert (the(store, follower).state, the(store, follower).waits_for) == (JobState.HELD, "flow")
    assert states(store, [holder]) == ["succeeded"]
    store.jobs.cancel(other)
    assert states(store, [follower]) == ["ready"]


def test_a_job_that_waits_for_its_flow_holds_its_key(store: Store) -> None:
    pushed(store, 1, ONE)
    [waiting] = pushed(store, 1, ONE, key="k")
    [behind] = pushed(store, 1, TaskDefaults(), key="k", task="tasks.other")
    assert (the(store, waiting).waits_for, the(store, behind).waits_for) == ("flow", "key")


def test_cancelling_a_ready_job_frees_its_place(store: Store) -> None:
    first, second, third = pushed(store, 3, ONE)
    store.jobs.cancel(second)
    store.jobs.cancel(first)
    assert states(store, [first, second, third]) == ["cancelled", "cancelled", "ready"]


def test_a_job_that_gives_up_frees_its_place(store: Store, clock: VirtualClock) -> None:
    first, second = (pushed(store, 1, ONE, expires_at=end)[0] for end in (clock.now() + SECOND, None))
    clock.advance(2)
    store.jobs.promote(10)
    assert states(store, [first, second]) == ["expired", "ready"]


def test_a_higher_limit_lets_more_start_at_once(store: Store) -> None:
    limited(store, concurrency=1)
    batch = pushed(store, 4, ONE)
    limited(store, concurrency=3)
    assert states(store, batch) == ["ready", "ready", "ready", "held"]


def test_a_lower_limit_holds_back_what_has_not_started(store: Store) -> None:
    limited(store, concurrency=4)
    batch = pushed(store, 6, ONE)
    worker = a_worker(store)
    [first] = claimed(store, worker, limit=1)
    limited(store, concurrency=2)
    assert states(store, batch) == ["running", "ready", "held", "held", "held", "held"]
    limited(store, concurrency=1)
    assert states(store, batch)[:2] == ["running", "held"]
    store.jobs.finish(worker, [succeeded(first)])
    assert states(store, batch)[:3] == ["succeeded", "ready", "held"]


def test_a_lower_limit_holds_at_once_for_however_many_keys(store: Store) -> None:
    limited(store, concurrency=2)
    keys = range(1_100)
    for _ in range(2):
        for start in (0, 550):
            store.jobs.push([a_job(kin=str(kin)) for kin in keys[start : start + 550]])
    limited(store, concurrency=1)
    taken = claimed(store, a_worker(store), limit=3_000)
    assert len({job.flow for job in taken}) == len(taken)
    while store.jobs.promote(1_000):
        pass
    taken += claimed(store, a_worker(store), limit=3_000)
    assert len({job.flow for job in taken}) == len(taken) == 1_100


def test_a_limit_that_is_taken_away_holds_nobody(store: Store) -> None:
    limited(store, concurrency=1)
    batch = pushed(store, 5, ONE)
    limited(store)
    assert states(store, batch) == ["ready"] * 5


def test_a_rate_lets_as_many_start_and_no_more(store: Store, clock: VirtualClock) -> None:
    pushed(store, 25, TEN_A_MINUTE)
    worker = a_worker(store)
    assert len(claimed(store, worker)) == 10
    assert claimed(store, worker) == []
    wakeup = store.jobs.next_wakeup().delayed
    assert wakeup is not None
    assert 60 <= wakeup <= 60 / 0.95
    clock.advance(wakeup)
    assert store.jobs.promote(100) == 10
    assert len(claimed(store, a_worker(store))) == 10


def test_whoever_has_started_counts_by_the_rate_though_it_ended(store: Store) -> None:
    pushed(store, 12, TEN_A_MINUTE)
    worker = a_worker(store)
    store.jobs.finish(worker, [succeeded(job) for job in claimed(store, worker)])
    assert claimed(store, worker) == []


@pytest.mark.parametrize("pause", [0.1, 0.7, 3.0])
def test_no_window_of_the_period_has_more_starts_than_the_rate_and_nearly_as_many_come(
    store: Store, clock: VirtualClock, pause: float
) -> None:
    limited(store, rate="10/10s")
    pushed(store, 200, TEN_A_MINUTE)
    worker = a_worker(store)
    starts = []
    end = clock.now() + timedelta(seconds=100)
    while clock.now() < end:
        store.jobs.promote(1_000)
        store.workers.heartbeat([worker])
        jobs = claimed(store, worker, limit=3)
        starts += [clock.now()] * len(jobs)
        store.jobs.finish(worker, [succeeded(job) for job in jobs])
        clock.advance(pause)
    for i, start in enumerate(starts):
        assert sum(start <= other <= start + timedelta(seconds=10) for other in starts[i:]) <= 10
    if pause < 1:
        assert len(starts) >= 95


def test_a_rate_holds_when_the_clock_is_set_back_and_goes_on_afterwards(store: Store, clock: VirtualClock) -> None:
    pushed(store, 30, TEN_A_MINUTE)
    worker = a_worker(store)
    assert len(claimed(store, worker)) == 10
    clock.step(-3_600)
    assert store.jobs.next_wakeup().delayed is not None
    store.jobs.promote(100)
    assert claimed(store, worker) == []
    clock.advance(60 / 0.95)
    store.jobs.promote(100)
    assert len(claimed(store, a_worker(store))) == 10


def test_a_rate_and_a_concurrency_hold_together(store: Store, clock: VirtualClock) -> None:
    pushed(store, 9, TaskDefaults(concurrency=2, rate="3/1m"))
    worker = a_worker(store)
    taken = claimed(store, worker)
    assert len(taken) == 2
    store.jobs.finish(worker, [succeeded(job) for job in taken])
    assert len(claimed(store, worker)) == 1
    clock.advance(60 / 0.95)
    store.jobs.promote(10)
    assert len(claimed(store, a_worker(store))) == 1  # one runs still


def test_of_many_that_a_rate_allows_each_can_be_claimed(store: Store) -> None:
    for _ in range(3):
        pushed(store, 1_000, TaskDefaults(rate="2500/1m"))
    worker = a_worker(store)
    taken = [len(claimed(store, worker, limit=500)) for _ in range(6)]
    assert taken == [500] * 5 + [0]


def test_a_flow_says_how_full_it_is(store: Store, clock: VirtualClock) -> None:
    pushed(store, 4, TaskDefaults(concurrency=3, rate="2/1m"), kin="42")
    claimed(store, a_worker(store), limit=1)
    flow = store.jobs.flow("tasks.send:42")
    assert flow is not None
    assert flow == Flow("tasks.send:42", 3, "2/1m", 1, 1, flow.opens_at)
    assert flow.opens_at is not None
    assert flow.opens_at >= clock.now() + MINUTE
    assert store.jobs.flow("tasks.send") is None


def test_held_jobs_are_counted_in_their_queue(store: Store) -> None:
    pushed(store, 5, TWO, queue="slow")
    [queue] = store.jobs.queues()
    assert (queue.ready, queue.held) == (2, 3)


def test_a_flow_with_an_open_job_is_never_forgotten(store: Store) -> None:
    worker = a_worker(store)
    pushed(store, 1, ONE)
    [job] = claimed(store, worker)
    prune(store)
    assert store.jobs.flow("tasks.send") is not None
    store.jobs.finish(worker, [succeeded(job)])
    prune(store)
    assert store.jobs.flow("tasks.send") is None


def test_a_flow_is_kept_while_its_starts_count(store: Store) -> None:
    worker = a_worker(store)
    pushed(store, 1, TaskDefaults(rate="1/1h"))
    store.jobs.finish(worker, [succeeded(job) for job in claimed(store, worker)])
    prune(store)
    assert states(store, pushed(store, 1, TaskDefaults(rate="1/1h"))) == ["held"]


def prune(store: Store) -> None:
    """Prune all that can be, young jobs excepted."""
    while store.prune(Retention(jobs=HOUR, failed=HOUR)):
        pass


def test_no_priority_starves_among_those_that_wait(store: Store) -> None:
    worker = a_worker(store)
    pushed(store, 40, ONE, priority=10)
    low = [pushed(store, 1, ONE, priority=priority)[0] for priority in (-1, 0, 5)]
    order = []
    for _ in range(40):
        [job] = claimed(store, worker)
        order.append(job.id)
        store.jobs.finish(worker, [succeeded(job)])
    assert all(job_id in order for job_id in low)
    assert not any(job_id in order[:5] for job_id in low)

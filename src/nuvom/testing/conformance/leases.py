"""`WorkerStore`: leases from registration to their end, and the `tasks` rows."""

from __future__ import annotations

from nuvom._job import JobState, TaskDefaults
from nuvom.stores.base import Store
from nuvom.stores.values import TaskRow
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import (
    a_job,
    a_worker,
    claimed,
    ids,
    pushed,
    running,
    the,
)
from nuvom.testing.conformance.harness import Harness


def test_a_registered_worker_is_listed_as_it_reported_itself(store: Store, clock: VirtualClock) -> None:
    a_worker(store, "w1", host="db-7", pid=42, version="1.2", queues=("a", "b"), tasks=("x", "y"))
    a_worker(store, "w2", kind="scheduler")
    first, second = sorted(store.workers.list(), key=lambda worker: worker.id)
    assert (first.kind, first.host, first.pid, first.version) == ("worker", "db-7", 42, "1.2")
    assert (first.queues, first.tasks, first.alive, first.running) == (("a", "b"), ("x", "y"), True, 0)
    assert (first.started_at, first.beat_at) == (clock.now(), clock.now())
    assert (second.kind, second.queues, second.tasks) == ("scheduler", None, ())


def test_a_worker_shows_how_many_jobs_it_runs(store: Store) -> None:
    worker = a_worker(store)
    store.jobs.push([a_job() for _ in range(3)])
    claimed(store, worker, 2)
    assert [info.running for info in store.workers.list()] == [2]


def test_heartbeats_keep_a_lease(store: Store, clock: VirtualClock, harness: Harness) -> None:
    worker = a_worker(store)
    for _ in range(10):
        clock.advance(harness.lease / 3)
        assert store.workers.heartbeat([worker]) == frozenset()
    [info] = store.workers.list()
    assert (info.alive, info.beat_at) == (True, clock.now())
    assert store.workers.rescue() == 0
    pushed(store)
    assert len(claimed(store, worker)) == 1


def test_a_lease_lasts_as_long_as_it_says(store: Store, clock: VirtualClock, harness: Harness) -> None:
    job = running(store)
    clock.advance(harness.lease - 0.001)
    assert store.workers.rescue() == 0
    clock.advance(0.002)
    assert store.workers.rescue() == 1
    assert the(store, job.id).state is JobState.READY


def test_a_lease_that_ran_out_stays_dead(store: Store, clock: VirtualClock, harness: Harness) -> None:
    worker, other = a_worker(store), a_worker(store)
    clock.advance(harness.lease * 0.7)
    assert store.workers.heartbeat([other]) == frozenset()
    clock.advance(harness.lease * 0.7)
    for _ in range(3):
        assert store.workers.heartbeat([worker, other]) == {worker}
    pushed(store)
    assert claimed(store, worker) == []
    assert len(claimed(store, other)) == 1


def test_a_lease_that_ran_out_stays_dead_after_rescue(store: Store, clock: VirtualClock, harness: Harness) -> None:
    worker = a_worker(store)
    clock.advance(harness.lease + 1)
    store.workers.rescue()
    assert store.workers.heartbeat([worker]) == {worker}


def test_a_heartbeat_names_workers_that_never_were(store: Store) -> None:
    assert store.workers.heartbeat(["nobody"]) == {"nobody"}
    assert store.workers.heartbeat([]) == frozenset()


def test_the_list_shows_live_workers_first(store: Store, clock: VirtualClock, harness: Harness) -> None:
    dead = a_worker(store, "a")
    clock.advance(harness.lease + 1)
    live = a_worker(store, "b")
    listed = [(info.id, info.alive) for info in store.workers.list()]
    assert listed[0] == (live, True)
    assert listed[1:] in ([], [(dead, False)])


def test_an_orderly_end_puts_jobs_back_free_of_charge(store: Store) -> None:
    worker = a_worker(store)
    job = running(store, worker)
    store.workers.unregister(worker)
    back = the(store, job.id)
    assert (back.state, back.suspect, back.crashes, back.worker, back.attempt) == (JobState.READY, False, 0, None, 1)
    assert store.jobs.attempts(job.id) == []
    assert worker not in {info.id for info in store.workers.list() if info.alive}
    assert ids(claimed(store, a_worker(store))) == [job.id]


def test_an_orderly_end_leaves_the_jobs_of_others(store: Store) -> None:
    worker, other = a_worker(store), a_worker(store)
    job = running(store, other)
    store.workers.unregister(worker)
    store.workers.unregister("nobody")
    assert (the(store, job.id).state, the(store, job.id).worker) == (JobState.RUNNING, other)


def test_an_unregistered_worker_is_dead(store: Store) -> None:
    worker = a_worker(store)
    store.workers.unregister(worker)
    pushed(store)
    assert claimed(store, worker) == []
    assert store.workers.heartbeat([worker]) == {worker}


def test_tasks_rows_are_written_replaced_and_listed_by_name(store: Store) -> None:
    def row(name: str, priority: int) -> TaskRow:
        return TaskRow(name=name, canonical="b", defaults=TaskDefaults("q", priority, 2), signature="(x: int)")

    store.workers.remember_tasks([row("b", 1), row("a", 1)])
    store.workers.remember_tasks([row("b", 2), row("c", 2)])
    assert store.workers.tasks() == [row("a", 1), row("b", 2), row("c", 2)]
    store.workers.remember_tasks([])
    assert len(store.workers.tasks()) == 3

"""What a script does in bounded steps, so that none holds up the server: all of it is found, and nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from nuvom._job import JobStatus, Refused
from nuvom.stores.base import Store
from nuvom.stores.redis.store import RedisStore
from nuvom.stores.registry import open_store
from nuvom.stores.values import JobFilter, Order, Retention, Throughput
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import (
    MINUTE,
    SECOND,
    a_job,
    a_worker,
    claimed,
    failed,
    fresh_id,
    ids,
    pushed,
    put_back,
    running,
    succeeded,
    the,
)
from nuvom.testing.conformance.harness import START
from tests.stores.redis.consistency import check, read

MANY = 2_300  # more than the jobs that a script looks at, and than an answer holds


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def store(redis_url: str, clock: VirtualClock) -> Iterator[RedisStore]:
    """A store all of whose keys tell the same story in the end."""
    with closing(open_store(redis_url, clock=clock)) as opened:
        assert isinstance(opened, RedisStore)
        yield opened
    check(redis_url)


def push_many(store: Store, count: int, **said: object) -> list[str]:
    """Push jobs, a thousand at once; returns their ids, newest first."""
    made = [a_job(**said) for _ in range(count)]
    for start in range(0, count, 1_000):
        store.jobs.push(made[start : start + 1_000])
    return ids(made)[::-1]


def test_a_listing_finds_the_few_among_many_that_fit(store: Store) -> None:
    few = []
    for _ in range(3):
        few.append(pushed(store, task="rare"))
        push_many(store, MANY // 2)
    assert ids(store.jobs.list(JobFilter(task="rare"), 10)) == few[::-1]
    assert ids(store.jobs.list(JobFilter(task="rare"), 10, few[2])) == few[1::-1]


@pytest.mark.parametrize("wanted", [{}, {"schedule_id": fresh_id()}], ids=["all", "of a schedule"])
def test_a_listing_of_many_has_all_of_them_in_order(store: Store, wanted: dict[str, str]) -> None:
    newest_first = push_many(store, MANY, **wanted)
    assert ids(store.jobs.list(JobFilter(**wanted), MANY + 1)) == newest_first
    assert ids(store.jobs.list(JobFilter(**wanted), 500, newest_first[600])) == newest_first[601:1_101]


def test_the_running_jobs_of_many_workers_are_listed_in_order(store: Store) -> None:
    newest_first = push_many(store, 450)
    workers = [a_worker(store) for _ in range(150)]
    for worker in reversed(workers):
        assert len(claimed(store, worker, 3)) == 3
    running_ = JobFilter(status=JobStatus.RUNNING)
    assert ids(store.jobs.list(running_, 1_000)) == newest_first
    assert ids(store.jobs.list(running_, 250, newest_first[9])) == newest_first[10:260]


def test_thousands_of_queues_are_counted_once_each(store: Store) -> None:
    names = [f"q{number:04}" for number in range(MANY)]
    store.jobs.push([a_job(queue=name) for name in names[:1_000]])
    store.jobs.push([a_job(queue=name) for name in names[1_000:2_000]])
    store.jobs.push([a_job(queue=name) for name in names[2_000:]])
    assert [(stats.queue, stats.ready) for stats in store.jobs.queues()] == [(name, 1) for name in names]
    assert store.jobs.counts()[JobStatus.QUEUED] == MANY


def test_the_jobs_of_many_processes_that_died_at_once_are_freed_in_short_steps(
    store: RedisStore, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    push_many(store, 450)
    workers = [a_worker(store) for _ in range(4)]
    for worker, limit in zip(workers, (20, 420, 10, 0), strict=True):
        assert len(claimed(store, worker, limit)) == limit
    clock.advance(100)
    steps, write = [], store._database.write

    def counted(*words: Any) -> Any:
        steps.append(answer := write(*words))
        return answer

    monkeypatch.setattr(store._database, "write", counted)
    assert store.workers.rescue() == 450
    assert [freed for freed, _ in steps] == [200, 200, 50]
    assert {worker.running for worker in store.workers.list()} == {0}
    assert store.workers.heartbeat(workers) == set(workers)
    assert store.workers.rescue() == 0


def test_a_process_whose_jobs_are_being_freed_stays_dead_when_the_clock_is_set_back(
    store: RedisStore, clock: VirtualClock
) -> None:
    push_many(store, 300)
    assert len(claimed(store, worker := a_worker(store), 300)) == 300
    clock.advance(100)
    assert store._database.write("rescue", 0, 200)[1] == 1
    clock.step(-100)
    assert store.workers.heartbeat([worker]) == {worker}
    assert store.workers.rescue() == 100


def test_a_queue_with_nothing_left_is_forgotten_and_comes_back(store: Store) -> None:
    job = running(store, a_worker(store), queue="brief")
    store.prune(Retention())
    assert [stats.queue for stats in store.jobs.queues()] == ["brief"]
    store.jobs.cancel(job.id)
    worker = the(store, job.id).worker
    assert worker is not None
    store.jobs.finish(worker, [succeeded(job)])
    store.prune(Retention())
    again = pushed(store, queue="brief")
    assert [(stats.queue, stats.ready, stats.running) for stats in store.jobs.queues()] == [("brief", 1, 0)]
    assert ids(claimed(store, a_worker(store))) == [again]


def test_what_comes_while_a_queue_is_paused_goes_on_with_it_whatever_its_priority(
    store: Store, clock: VirtualClock
) -> None:
    before = pushed(store, queue="slow", priority=1)
    store.jobs.pause_queue("slow", "")
    clock.advance(1)
    ahead = pushed(store, queue="slow", priority=9, run_at=clock.now() - MINUTE)
    [slow] = store.jobs.queues()
    assert (slow.ready, slow.oldest) == (2, clock.now() - MINUTE)
    assert slow.pause is not None
    assert slow.pause.note == ""
    assert claimed(store, a_worker(store)) == []
    store.jobs.resume_queue("slow")
    assert ids(claimed(store, a_worker(store))) == [ahead, before]
    assert store.jobs.queues()[0].oldest is None


def test_the_oldest_ready_job_of_a_queue_may_be_a_suspect(store: Store, clock: VirtualClock) -> None:
    job = running(store, worker := a_worker(store), queue="q")
    store.workers.release(worker, "killed")
    clock.advance(10)
    pushed(store, queue="q")
    assert [(stats.ready, stats.oldest) for stats in store.jobs.queues()] == [(2, job.run_at)]


def test_each_slice_of_the_last_hour_is_counted_once(store: Store, clock: VirtualClock) -> None:
    for _ in range(130):
        worker = a_worker(store)
        job = running(store, worker)
        store.jobs.finish(worker, [succeeded(job)])
        clock.advance(25 * SECOND)
    [throughput] = store.jobs.throughput()
    assert throughput == Throughput("default", 2, 0, 130, 0)


def test_a_sweep_of_many_leaves_those_that_are_too_young(store: Store, clock: VirtualClock) -> None:
    worker = a_worker(store)
    push_many(store, 1_200)
    while taken := claimed(store, worker, 1_000):
        store.jobs.finish(worker, [failed(job) for job in taken[:1]] + [succeeded(job) for job in taken[1:]])
    clock.advance(100)
    young = running(store, worker := a_worker(store))
    store.jobs.finish(worker, [succeeded(young)])
    newest = pushed(store)
    steps = 0
    while store.prune(Retention(jobs=timedelta(seconds=50), failed=timedelta(seconds=50))):
        steps += 1
    assert steps >= 2
    assert ids(store.jobs.list(JobFilter(), 10)) == [newest, young.id]
    assert store.jobs.list(JobFilter(status=JobStatus.FAILED), 10) == []
    counts = store.jobs.counts()
    assert (counts[JobStatus.SUCCEEDED], counts[JobStatus.FAILED], counts[JobStatus.QUEUED]) == (1, 0, 1)


def test_the_failure_of_a_forgotten_job_is_told_nobody(store: Store, clock: VirtualClock) -> None:
    running(store, worker := a_worker(store), task="t", max_crashes=0)
    store.workers.release(worker, "killed")
    pushed(store)
    clock.advance(100)
    store.prune(Retention(failed=timedelta(seconds=1)))
    assert store.jobs.take_untold(["t"], 10) == []


def test_a_failure_that_nobody_was_told_of_is_forgotten_when_its_job_is_run_again(
    store: RedisStore, redis_url: str
) -> None:
    worker = a_worker(store)
    job = running(store, worker, task="t", max_crashes=0)
    store.workers.release(worker, "killed")
    store.jobs.retry(job.id)
    [again] = claimed(store, worker := a_worker(store))
    store.jobs.finish(worker, [failed(again)])
    assert "untold:t" not in read(redis_url).indexes
    assert store.jobs.take_untold(["t"], 10) == []


def test_jobs_alike_and_jobs_that_differ_are_claimed_in_the_order_of_their_pushes(store: Store) -> None:
    order = []
    for number in range(12):
        said = {} if number % 2 else {"key": f"k{number}"}
        order += ids(batch := [a_job(**said), a_job(**said)][: 1 if said else 2])
        store.jobs.push(batch)
    worker = a_worker(store)
    taken = claimed(store, worker, 50, order=Order.BEST)
    assert ids(taken) == order
    assert [job.created_at for job in taken] == [job.run_at for job in taken]
    assert store.jobs.finish(worker, [succeeded(job) for job in taken]) == []
    assert [the(store, each).worker for each in order] == [None] * len(order)
    assert not any(stats.running for stats in store.jobs.queues())


def test_an_id_twice_among_jobs_alike_is_one_job(store: Store) -> None:
    twice, other = a_job(), a_job()
    assert [answer.new for answer in store.jobs.push([twice, other, twice])] == [True, True, False]
    assert [answer.new for answer in store.jobs.push([other, a_job()])] == [False, True]
    assert len(claimed(store, a_worker(store))) == 3


def test_a_job_alike_that_was_cancelled_and_retried_keeps_when_it_was_pushed(store: Store, clock: VirtualClock) -> None:
    job_id, created = pushed(store), clock.now()
    store.jobs.cancel(job_id)
    clock.advance(60)
    store.jobs.retry(job_id)
    [job] = claimed(store, a_worker(store))
    assert (job.id, job.attempt, job.created_at, job.run_at) == (job_id, 1, created, clock.now())


@pytest.mark.parametrize("value", [None, b"1", b'"' + b"x" * 62 + b'"', b'"' + b"x" * 63 + b'"', b'{"a":1}'])
def test_any_value_of_a_job_alike_is_kept(store: Store, value: bytes | None) -> None:
    worker = a_worker(store)
    job = running(store, worker)
    assert store.jobs.finish(worker, [succeeded(job, value)]) == []
    assert the(store, job.id).value == value
    assert store.jobs.finish(worker, [succeeded(job, value)]) != []


@pytest.mark.parametrize("order", [Order.BEST, Order.FAIR])
@pytest.mark.parametrize("queues", [None, ("b", "a")], ids=["all", "two"])
def test_claims_of_many_bands_take_each_job_once_and_leave_the_others_where_they_were(
    store: Store, clock: VirtualClock, order: Order, queues: tuple[str, ...] | None
) -> None:
    expected = {}
    for number in range(60):
        said = {"queue": "abc"[number % 3], "priority": number % 4, "run_at": clock.now() - (number % 5) * SECOND}
        expected[pushed(store, **said)] = said["queue"]
    left = {job_id for job_id, queue in expected.items() if queues is None or queue in queues}
    worker = a_worker(store)
    while taken := claimed(store, worker, 7, queues=queues, order=order):
        assert set(ids(taken)) <= left
        left -= set(ids(taken))
        store.jobs.finish(worker, [succeeded(job) for job in taken[1:]])
    assert left == set()
    assert sum(stats.running for stats in store.jobs.queues()) >= len(expected) // 7 * 2 // 3


def test_a_late_outcome_of_a_job_alike_that_was_put_back_does_not_end_its_next_attempt(store: Store) -> None:
    worker = a_worker(store)
    first = running(store, worker)
    store.jobs.finish(worker, [put_back(first)])
    [again] = claimed(store, worker)
    assert again.attempt == 2
    assert store.jobs.finish(worker, [succeeded(first)]) == [Refused(first.id, 1, worker)]
    assert the(store, first.id).status is JobStatus.RUNNING
    assert store.jobs.finish(worker, [succeeded(again)]) == []

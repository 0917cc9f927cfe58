"""What the server threw away, or somebody deleted, is gone, and stands in nobody else's way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

import redis
from nuvom._job import JobStatus, TaskDefaults
from nuvom._schedule import Overlap
from nuvom.stores.base import Store
from nuvom.stores.registry import open_store
from nuvom.stores.values import Claim, JobFilter, Order, Retention, TaskRow
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import (
    MINUTE,
    a_job,
    a_worker,
    claimed,
    every,
    ids,
    pushed,
    running,
    succeeded,
    the,
)
from nuvom.testing.conformance.harness import START
from tests.faults.redis.proxy import Proxy
from tests.stores.redis import consistency

ONE = TaskDefaults(concurrency=1)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def store(redis_url: str, clock: VirtualClock) -> Iterator[Store]:
    with closing(open_store(redis_url, clock=clock)) as opened:
        yield opened


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with closing(redis.Redis.from_url(redis_url)) as opened:
        yield opened


def throw_away(client: redis.Redis, job_id: str, kind: str = "job") -> None:
    assert client.delete(f"{{nuvom}}:{kind}:{job_id}") == 1


def test_a_ready_job_that_is_gone_is_passed_over(store: Store, client: redis.Redis) -> None:
    gone, other = pushed(store), pushed(store)
    throw_away(client, gone)
    assert ids(claimed(store, a_worker(store))) == [other]
    assert not store.jobs.has_ready(None)
    assert [(queue.ready, queue.running) for queue in store.jobs.queues()] == [(0, 1)]


def test_where_all_ready_jobs_are_gone_none_is_claimed(store: Store, client: redis.Redis) -> None:
    throw_away(client, pushed(store))
    assert claimed(store, a_worker(store)) == []
    assert not store.jobs.has_ready(None)


def test_a_delayed_job_that_is_gone_keeps_nobody_from_coming_due(
    store: Store, client: redis.Redis, clock: VirtualClock
) -> None:
    gone, other = (pushed(store, run_at=clock.now() + MINUTE, expires_at=clock.now() + 2 * MINUTE) for _ in range(2))
    throw_away(client, gone)
    clock.advance(60)
    store.jobs.promote(10)
    assert the(store, other).state == "ready"
    clock.advance(60)
    store.jobs.promote(10)
    assert the(store, other).status is JobStatus.EXPIRED
    assert store.jobs.next_wakeup().delayed is None


def test_a_running_job_that_is_gone_keeps_no_other_of_a_lost_process_from_running_again(
    store: Store, client: redis.Redis
) -> None:
    worker = a_worker(store)
    gone, other = running(store, worker), running(store, worker)
    throw_away(client, gone.id)
    assert [refused.id for refused in store.jobs.finish(worker, [succeeded(gone)])] == [gone.id]
    assert store.workers.release(worker, "killed") == 1
    assert the(store, other.id).state == "ready"


def test_a_job_that_is_gone_and_waited_for_its_key_holds_nobody(store: Store, client: redis.Redis) -> None:
    worker = a_worker(store)
    holder = running(store, worker, key="k")
    gone, other = pushed(store, key="k"), pushed(store, key="k")
    throw_away(client, gone)
    store.jobs.finish(worker, [succeeded(holder)])
    assert the(store, other).state == "ready"


def test_a_job_that_is_gone_and_waited_for_its_flow_takes_no_place(store: Store, client: redis.Redis) -> None:
    worker = a_worker(store)
    batch = [a_job(defaults=ONE) for _ in range(3)]
    store.jobs.push(batch)
    [first] = claimed(store, worker)
    throw_away(client, batch[1].id)
    store.jobs.finish(worker, [succeeded(first)])
    assert ids(claimed(store, worker)) == [batch[2].id]


def test_a_job_whose_body_is_gone_fails_as_corrupt_and_the_rest_goes_on(store: Store, client: redis.Redis) -> None:
    gone, other = pushed(store, key="k"), pushed(store)
    held = pushed(store, key="k")
    throw_away(client, gone, "body")
    assert ids(claimed(store, a_worker(store))) == [other]
    ended = the(store, gone)
    assert ended.error is not None
    assert (ended.status, ended.error.kind) == (JobStatus.FAILED, "corrupt")
    assert the(store, held).state == "ready", "what its key held goes on"


def test_jobs_beside_one_that_is_corrupt_are_claimed_though_the_server_is_away_when_it_is_to_fail(
    redis_url: str, client: redis.Redis
) -> None:
    with Proxy(redis_url) as proxy, closing(open_store(proxy.url)) as store:
        corrupt, other = pushed(store), pushed(store)
        throw_away(client, corrupt, "body")
        worker = a_worker(store)
        proxy.cut_at(1, "before", "fail_corrupt")
        assert ids(claimed(store, worker)) == [other]
        store.workers.unregister(worker)
        assert ids(claimed(store, a_worker(store))) == [other]
        assert the(store, corrupt).status is JobStatus.FAILED


def test_a_job_that_was_asked_to_stop_and_is_gone_keeps_no_other_from_stopping(
    store: Store, client: redis.Redis
) -> None:
    worker = a_worker(store)
    gone, other = running(store, worker), running(store, worker)
    store.jobs.cancel_many([gone.id, other.id])
    throw_away(client, gone.id)
    assert store.jobs.asked_to_stop(worker) == [(other.ref, 1)]


@pytest.mark.parametrize("state", ["failed", "ready"])
def test_nothing_is_left_of_a_job_that_is_gone_after_the_next_sweep(
    store: Store, client: redis.Redis, redis_url: str, state: str
) -> None:
    gone = running(store, worker := a_worker(store), max_crashes=0).id if state == "failed" else pushed(store)
    if state == "failed":
        store.workers.release(worker, "killed")
    newest = pushed(store)
    throw_away(client, gone)
    store.prune(Retention())
    assert store.jobs.take_untold(["tasks.send"], 10) == []
    left = {name for name, index in consistency.read(redis_url).indexes.items() if any(gone in each for each in index)}
    assert left == (set() if state == "failed" else {"ready:0:default"})
    assert client.exists(f"{{nuvom}}:body:{gone}", f"{{nuvom}}:attempts:{gone}") == 0
    assert ids(store.jobs.list(JobFilter(), 10)) == [newest]


def test_a_process_whose_key_is_gone_hides_no_other(store: Store, client: redis.Redis) -> None:
    gone, other = a_worker(store), a_worker(store)
    throw_away(client, gone, "worker")
    assert [worker.id for worker in store.workers.list()] == [other]


def test_a_schedule_whose_key_is_gone_keeps_no_other_from_resting(
    store: Store, client: redis.Redis, clock: VirtualClock
) -> None:
    gone, other = (store.schedules.enqueue(every(60, clock.now() + MINUTE)) for _ in range(2))
    client.hdel("{nuvom}:schedule_heads", gone.id)
    store.schedules.pause_all("rest")
    head = client.hget("{nuvom}:schedule_heads", other.id)
    assert isinstance(head, bytes)
    assert head.split()[1] == b"paused"


def test_a_suspect_that_is_gone_keeps_no_other_from_being_claimed(store: Store, client: redis.Redis) -> None:
    worker = a_worker(store)
    gone, other = running(store, worker), running(store, worker)
    store.workers.release(worker, "killed")
    throw_away(client, gone.id)
    assert ids(store.jobs.claim(Claim(a_worker(store), 1, order=Order.SUSPECT))) == [other.id]


def test_a_lower_limit_holds_though_a_job_of_its_flow_is_gone(store: Store, client: redis.Redis) -> None:
    batch = [a_job(defaults=TaskDefaults(concurrency=3)) for _ in range(3)]
    store.jobs.push(batch)
    throw_away(client, batch[2].id)
    store.workers.remember_tasks([TaskRow(name="tasks.send", canonical="tasks.send", defaults=ONE, signature="")])
    assert len(claimed(store, a_worker(store))) == 1


@pytest.mark.parametrize("state", ["running", "ready"])
def test_the_place_that_a_job_had_in_its_flow_is_given_on_after_it_is_gone(
    store: Store, client: redis.Redis, state: str
) -> None:
    worker = a_worker(store)
    batch = [a_job(defaults=ONE) for _ in range(2)]
    store.jobs.push(batch)
    if state == "running":
        assert ids(claimed(store, worker)) == [batch[0].id]
    throw_away(client, batch[0].id)
    assert claimed(store, worker) == []
    while store.prune(Retention()):
        pass
    assert ids(claimed(store, worker)) == [batch[1].id]
    while store.prune(Retention()):
        pass
    assert store.jobs.push([a_job(defaults=ONE)])
    assert claimed(store, worker) == [], "its limit holds"


def test_a_job_that_is_gone_and_held_its_key_holds_nobody_from_the_next_push_on(
    store: Store, client: redis.Redis
) -> None:
    holder = running(store, key="k").id
    first = pushed(store, key="k")
    assert the(store, first).state == "held"
    throw_away(client, holder)
    second = pushed(store, key="k")
    assert (the(store, first).state, the(store, second).state) == ("ready", "held")
    throw_away(client, first)
    client.delete(f"{{nuvom}}:job:{second}", "{nuvom}:waiting:k")
    assert the(store, pushed(store, key="k")).state == "ready"


@pytest.mark.parametrize("overlap", [Overlap.SKIP, Overlap.QUEUE_ONE, Overlap.CANCEL_OTHER])
def test_a_run_that_is_gone_keeps_no_other_run_of_its_schedule_from_starting(
    store: Store, client: redis.Redis, overlap: Overlap
) -> None:
    schedule_id = every(60, START).id
    job = a_job(schedule_id=schedule_id)
    store.jobs.push([job])
    assert store.ledger.blocked({schedule_id: overlap}) == {schedule_id}
    throw_away(client, job.id)
    assert store.ledger.blocked({schedule_id: overlap}) == set()

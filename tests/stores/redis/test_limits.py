"""New limits of a task with many flows: they reach them step by step, and hold at once all the same."""

from __future__ import annotations

from collections import Counter
from contextlib import closing

import pytest

from nuvom._job import TaskDefaults
from nuvom.stores.registry import open_store
from nuvom.stores.values import Claim, Order, TaskRow
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import a_job, a_worker, claimed
from nuvom.testing.conformance.harness import START
from tests.stores.redis import consistency

FLOWS = 500  # more than one step reaches
TWO = TaskDefaults(concurrency=2)
ROW = TaskRow(name="tasks.send", canonical="tasks.send", defaults=TaskDefaults(concurrency=1), signature="")


@pytest.mark.parametrize("suspects", [False, True])
def test_none_of_a_flow_that_was_not_reached_yet_starts_beyond_its_new_limit(redis_url: str, suspects: bool) -> None:
    with closing(open_store(redis_url, clock=VirtualClock(START))) as store:
        store.jobs.push([a_job(defaults=TWO, kin=str(number % FLOWS)) for number in range(2 * FLOWS)])
        if suspects:
            worker = a_worker(store)
            claimed(store, worker, limit=2 * FLOWS)
            store.workers.release(worker, "killed")
        store.workers.remember_tasks([ROW])
        wakeup = store.jobs.next_wakeup().delayed
        assert wakeup == 0, "there is more to do"
        worker = a_worker(store)
        order = Order.SUSPECT if suspects else Order.BEST
        taken = [job.flow for _ in range(300) for job in store.jobs.claim(Claim(worker, 1, order=order))]
        consistency.check(redis_url)
        while store.jobs.next_wakeup().delayed == 0:
            store.jobs.promote(100)
            consistency.check(redis_url)
        while more := store.jobs.claim(Claim(worker, 100, order=order)):
            taken += [job.flow for job in more]
        assert Counter(taken) == dict.fromkeys((f"tasks.send:{number}" for number in range(FLOWS)), 1)
        consistency.check(redis_url)


def test_flows_whose_names_look_like_priorities_of_others_are_apart(redis_url: str) -> None:
    with closing(open_store(redis_url, clock=VirtualClock(START))) as store:
        one = TaskDefaults(concurrency=1)
        batch = [a_job(task="5", kin="x", defaults=one) for _ in range(3)]
        batch += [a_job(task="x", priority=5, defaults=one) for _ in range(3)]
        store.jobs.push(batch)
        consistency.check(redis_url)
        assert sorted(job.flow or "" for job in claimed(store, a_worker(store))) == ["5:x", "x"]

"""Waiting for results: the end of a job wakes who waits for it, at once where that can be and soon where it cannot."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from nuvom._job import ClaimedJob, Job, JobStatus
from nuvom.stores.redis import waiting
from nuvom.stores.redis.store import RedisStore
from nuvom.testing.conformance.examples import a_worker, pushed, running, succeeded
from tests.faults.redis.proxy import Proxy
from tests.stores.redis.conftest import Open
from tests.stores.redis.test_listener import SOON, listening
from tests.waiting import until

LONG = 20.0  # seconds that no test waits for when all is well
PROMPT = 2.0  # seconds, less than a sleeper takes to look who was not woken


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as opened:
        yield opened


def sleepers(store: RedisStore, job_id: str) -> list[bytes]:
    found: list[bytes] = store._database.command("ZRANGE", f"{{nuvom}}:waiters:{job_id}", 0, -1)
    return found


def asleep(pool: ThreadPoolExecutor, store: RedisStore, job: ClaimedJob) -> Future[Job | None]:
    """Wait for a job in a thread, of which the server knows when this returns."""
    future = pool.submit(store.jobs.wait_final, job.id, LONG)
    until(lambda: len(sleepers(store, job.id)) == 1)
    return future


def ends(wait: Future[Job | None], store: RedisStore, job: ClaimedJob, worker: str) -> float:
    """Let a job succeed; returns how many seconds it took who waits to know it."""
    began = time.monotonic()
    assert store.jobs.finish(worker, [succeeded(job)]) == []
    ended = wait.result(LONG)
    assert ended is not None
    assert ended.status is JobStatus.SUCCEEDED
    return time.monotonic() - began


def test_the_end_of_a_job_wakes_who_sleeps_and_leaves_nothing_of_him(
    live: RedisStore, pool: ThreadPoolExecutor
) -> None:
    worker = a_worker(live)
    job = running(live, worker)
    listening(live)
    wait = asleep(pool, live, job)
    assert ends(wait, live, job, worker) < PROMPT
    assert sleepers(live, job.id) == []


def test_a_wait_that_ends_with_its_time_leaves_nothing_of_who_slept(live: RedisStore) -> None:
    job_id = pushed(live)
    job = live.jobs.wait_final(job_id, 0.05)
    assert job is not None
    assert job.status is JobStatus.QUEUED
    assert sleepers(live, job_id) == []


def test_what_is_kept_of_a_sleeper_who_died_ends_by_itself(live: RedisStore) -> None:
    job_id = pushed(live)
    waiting._look(live._database, {job_id: job_id}, "somebody")
    assert sleepers(live, job_id) == [b"somebody"]
    left = [live._database.command("PTTL", f"{{nuvom}}:{name}") for name in (f"waiters:{job_id}", "waited")]
    assert all(0 < each <= 120_000 for each in left)


def test_a_sleeper_who_could_not_be_told_looks_himself(opened: Open, redis_url: str, pool: ThreadPoolExecutor) -> None:
    there = opened(redis_url)
    worker = a_worker(there)
    job = running(there, worker)
    with Proxy(redis_url) as proxy:
        here = opened(proxy.url)
        wait = pool.submit(here.jobs.wait_final, job.id, LONG)
        until(lambda: len(sleepers(there, job.id)) == 1 and here._hub._listening)
        there._database.write("unawait", f'["{job.id}"]', sleepers(there, job.id)[0])
        proxy.cut()
        assert ends(wait, there, job, worker) < SOON + 1
        here.close()


def test_who_waits_for_many_is_told_of_each_though_a_script_takes_a_thousand(live: RedisStore) -> None:
    worker = a_worker(live)
    jobs = [running(live, worker) for _ in range(5)]
    ids = [job.id.upper() for job in jobs]
    live.jobs.finish(worker, [succeeded(job) for job in jobs])
    assert next(live.jobs.ended(ids, 0)) == dict.fromkeys(ids, JobStatus.SUCCEEDED)

"""Waiting for results: the end of a job wakes who waits for it, at once where that can be and soon where it cannot."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest

from nuvom._job import ClaimedJob, Job, JobStatus
from nuvom.stores.postgres import waiting
from nuvom.stores.postgres.store import PostgresStore
from nuvom.testing.conformance.examples import a_worker, pushed, running, succeeded
from tests.stores.postgres.conftest import Open
from tests.stores.postgres.test_listener import SOON, end_session, listening, session_of
from tests.waiting import until

LONG = 20.0  # seconds that no test waits for when all is well
PROMPT = 2.0  # seconds, less than a sleeper takes to look who was not woken


@pytest.fixture
def soundly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits sleeps long from the beginning, so that only a wake-up ends it soon."""
    monkeypatch.setattr(waiting, "_FIRST", LONG)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as opened:
        yield opened


def rows(store: PostgresStore) -> list[int]:
    """Until when somebody sleeps, as the rows say."""
    with closing(store._database.connections.open()) as connection:
        found = connection.execute(f"SELECT until FROM {store._database.address.quoted}.waiters".encode()).fetchall()
    return [until for (until,) in found]


def asleep(pool: ThreadPoolExecutor, store: PostgresStore, job: ClaimedJob) -> Future[Job | None]:
    """Wait for a job in a thread, whose rows are there when this returns."""
    future = pool.submit(store.jobs.wait_final, job.id, LONG)
    until(lambda: len(rows(store)) == 1)
    return future


def ends(wait: Future[Job | None], store: PostgresStore, job: ClaimedJob, worker: str) -> float:
    """Let a job succeed; returns how many seconds it took who waits to know it."""
    began = time.monotonic()
    assert store.jobs.finish(worker, [succeeded(job)]) == []
    ended = wait.result(LONG)
    assert ended is not None
    assert ended.status is JobStatus.SUCCEEDED
    return time.monotonic() - began


@pytest.mark.usefixtures("soundly")
def test_the_end_of_a_job_wakes_who_sleeps_and_leaves_no_row(live: PostgresStore, pool: ThreadPoolExecutor) -> None:
    worker = a_worker(live)
    job = running(live, worker)
    listening(live)
    wait = asleep(pool, live, job)
    assert ends(wait, live, job, worker) < PROMPT
    assert rows(live) == []


def test_a_wait_that_ends_with_its_time_leaves_no_row(live: PostgresStore) -> None:
    job = live.jobs.wait_final(pushed(live), 0.05)
    assert job is not None
    assert job.status is JobStatus.QUEUED
    assert rows(live) == []


def test_who_waits_holds_no_connection_that_others_could_use(
    opened: Open, postgres_url: str, pool: ThreadPoolExecutor
) -> None:
    store = opened(f"{postgres_url}&pool=1")
    worker = a_worker(store)
    jobs = [running(store, worker) for _ in range(3)]
    waits = [pool.submit(store.jobs.wait_final, job.id, LONG) for job in jobs]
    until(lambda: len(rows(store)) == 3)
    assert store.jobs.finish(worker, [succeeded(job) for job in jobs]) == []
    assert all(wait.result(LONG) for wait in waits)


def test_an_end_that_was_under_way_when_the_wait_began_is_seen_soon(
    live: PostgresStore, postgres_url: str, pool: ThreadPoolExecutor
) -> None:
    job = running(live)
    schema = live._database.address.quoted
    with closing(psycopg.connect(postgres_url.partition("&schema")[0])) as connection:
        connection.execute(
            f"UPDATE {schema}.jobs SET state = 'succeeded', worker = NULL, finished_at = 1 WHERE id = %s".encode(),
            (job.id,),
        )
        wait = pool.submit(live.jobs.wait_final, job.id, LONG)
        until(lambda: len(rows(live)) == 1)
        began = time.monotonic()
        connection.commit()
        ended = wait.result(LONG)
    assert time.monotonic() - began < PROMPT
    assert ended is not None
    assert ended.status is JobStatus.SUCCEEDED


@pytest.mark.usefixtures("soundly")
def test_a_wait_outlives_the_session_that_would_have_told_it(
    live: PostgresStore, postgres_url: str, pool: ThreadPoolExecutor
) -> None:
    worker = a_worker(live)
    job = running(live, worker)
    listening(live)
    wait = asleep(pool, live, job)
    end_session(postgres_url, session_of(live))
    assert ends(wait, live, job, worker) < PROMPT


@pytest.mark.usefixtures("soundly")
def test_a_wait_ends_within_a_second_where_nobody_listens(
    opened: Open, postgres_url: str, pool: ThreadPoolExecutor
) -> None:
    store = opened(f"{postgres_url}&listen=no")
    worker = a_worker(store)
    job = running(store, worker)
    wait = asleep(pool, store, job)
    assert ends(wait, store, job, worker) < SOON


def test_the_rows_of_who_goes_on_waiting_are_renewed(
    live: PostgresStore, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "_ROUND", 0.4)
    monkeypatch.setattr(waiting, "_SIGN", 0.1)
    worker = a_worker(live)
    job = running(live, worker)
    wait = pool.submit(live.jobs.wait_final, job.id, LONG)
    until(lambda: rows(live))
    [first] = rows(live)
    until(lambda: rows(live)[0] > first + 400_000)
    assert ends(wait, live, job, worker) < PROMPT

"""Wake-ups: who sleeps is woken at once by those who can, and soon by those who cannot."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from nuvom._job import JobStatus
from nuvom.stores.registry import open_store
from nuvom.stores.sqlite.store import SqliteStore
from nuvom.stores.values import WorkerInfo
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import a_job, a_worker, claimed, pushed, running, succeeded
from tests.stores.sqlite import processes
from tests.waiting import until


@pytest.fixture
def live(path: Path) -> Iterator[SqliteStore]:
    """A store by the host's clock."""
    opened = open_store(f"sqlite:///{path}")
    assert isinstance(opened, SqliteStore)
    with closing(opened):
        opened.migrate()
        yield opened


def info(name: str, address: str | None, kind: str = "worker") -> WorkerInfo:
    return WorkerInfo(id=name, kind=kind, host="here", pid=1, version="1", address=address)


def test_a_push_from_another_process_wakes_a_worker_without_any_poll(
    live: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live._database.ears, "_changes", lambda: 0)
    with closing(live.listener("worker")) as ear:
        live.workers.register(info("w", ear.address))
        assert not ear.wait(0)
        processes.run("store().jobs.push([job()])", path)
        assert ear.wait(20)


def test_a_write_that_sends_nothing_is_noticed_by_the_safety_poll(live: SqliteStore, path: Path) -> None:
    with closing(live.listener("worker")) as ear, closing(sqlite3.connect(path)) as stranger:
        while ear.wait(0):
            pass
        stranger.execute("INSERT INTO tasks VALUES ('a', 'a', 'q', 0, 3, '()', 0, NULL, NULL, NULL, NULL, NULL)")
        stranger.commit()
        began = time.monotonic()
        assert ear.wait(10)
        assert time.monotonic() - began < 1


def test_the_ports_of_dead_processes_and_of_the_other_kind_are_not_used(
    store: SqliteStore, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    monkeypatch.setattr(store._database.ears, "send", sent.extend)
    store.workers.register(info("dead", "11"))
    clock.advance(31)
    store.workers.register(info("alive", "12"))
    store.workers.register(info("scheduler", "13", kind="scheduler"))
    store.workers.register(info("deaf", None))
    store.workers.register(info("released", "14"))
    store.workers.release("released", "gone")
    sent.clear()
    store.jobs.push([a_job()])
    assert sent == [12]
    clock.reboot()
    store.jobs.push([a_job()])
    assert sent == [12]


def test_a_delayed_or_held_job_wakes_nobody(
    store: SqliteStore, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushed(store, key="k")
    sent: list[int] = []
    monkeypatch.setattr(store._database.ears, "send", sent.extend)
    store.workers.register(info("alive", "12"))
    pushed(store, key="k")
    assert sent == []


def test_a_waiter_is_woken_by_the_outcome_and_leaves_no_row(live: SqliteStore) -> None:
    worker = a_worker(live)
    job = running(live, worker)
    with live._database.read() as connection:
        assert connection.execute("SELECT count(*) FROM waiters").fetchone() == (0,)
    found: list[object] = []
    waiting = threading.Thread(target=lambda: found.append(live.jobs.wait_final(job.id, 20)))
    waiting.start()
    until(lambda: _waiters(live) == 1, every=0.001)
    began = time.monotonic()
    live.jobs.finish(worker, [succeeded(job)])
    waiting.join()
    assert time.monotonic() - began < 5
    assert [getattr(ended, "status", None) for ended in found] == [JobStatus.SUCCEEDED]
    assert _waiters(live) == 0


def test_a_thousand_awaited_jobs_cost_a_few_looks_a_wakeup(live: SqliteStore) -> None:
    worker = a_worker(live)
    live.jobs.push([a_job() for _ in range(1_000)])
    jobs = claimed(live, worker, 1_000)
    seen: list[str] = []
    with closing(live.jobs.ended([job.id for job in jobs], 20)) as batches:
        assert [next(batches), next(batches)] == [{}, {}]
        assert _waiters(live) == 1_000
        live._database._connections["reader"].set_trace_callback(seen.append)
        live.jobs.finish(worker, [succeeded(job) for job in jobs[:300]])
        assert len(next(filter(None, batches))) == 300
        live._database._connections["reader"].set_trace_callback(None)
    assert len([statement for statement in seen if "JOIN jobs" in statement]) <= 3
    assert _waiters(live) == 0


def test_a_waiter_that_died_in_its_sleep_is_forgotten(store: SqliteStore, clock: VirtualClock, path: Path) -> None:
    with store._database.write(durable=False) as connection:
        connection.execute("INSERT INTO waiters VALUES (?, 9, ?)", (b"x" * 16, store._database.now_us() + 1_000_000))
    store.workers.rescue()
    assert _waiters(store) == 1
    clock.advance(2)
    store.workers.rescue()
    assert _waiters(store) == 0


def test_a_wait_that_times_out_returns_the_job_as_it_is(live: SqliteStore) -> None:
    job_id = pushed(live)
    job = live.jobs.wait_final(job_id, 0.05)
    assert job is not None
    assert job.status is JobStatus.QUEUED
    assert _waiters(live) == 0
    [claim] = claimed(live, a_worker(live))
    assert claim.id == job_id


def test_a_listener_survives_what_a_stranger_sends(live: SqliteStore) -> None:
    with closing(live.listener("worker")) as ear:
        live.workers.register(info("w", ear.address))
        while ear.wait(0.3):
            pass
        for _ in range(1_000):
            ear.wake()
        assert ear.wait(5)
        assert not ear.wait(0)


def _waiters(store: SqliteStore) -> int:
    with store._database.read() as connection:
        count: int = connection.execute("SELECT count(*) FROM waiters").fetchone()[0]
    return count

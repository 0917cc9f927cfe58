"""`JobStore.push`: all or nothing, idempotent by id, resolved beside the `tasks` rows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from nuvom._job import JobState, Pushed, TaskDefaults
from nuvom.errors import NuvomError
from nuvom.stores.base import Store
from nuvom.stores.values import MAX_BATCH, TaskRow
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import (
    HOUR,
    SECOND,
    a_job,
    a_worker,
    all_jobs,
    claimed,
    fresh_id,
    pushed,
    running,
    succeeded,
    the,
)


def test_push_keeps_every_field_of_a_job(store: Store, clock: VirtualClock) -> None:
    new = a_job(
        arguments=b'[[1,"a"],{"k":null}]', queue="mail", priority=7, max_crashes=1, schedule_id=fresh_id(),
        schedule_name="nightly", scheduled_for=clock.now() - HOUR, options=b'{"retries":2}', metadata=b'{"a":[1]}',
        context=b'{"tenant":"a"}',
    )  # fmt: skip
    store.jobs.push([new])
    job = the(store, new.id)
    for name in ("id", "task", "arguments", "queue", "priority", "max_crashes", "schedule_id", "schedule_name"):
        assert getattr(job, name) == getattr(new, name), name
    assert (job.scheduled_for, job.options, job.metadata) == (new.scheduled_for, b'{"retries":2}', {"a": [1]})
    assert job.context == {"tenant": "a"}
    assert (job.state, job.run_at, job.created_at) == (JobState.READY, clock.now(), clock.now())
    assert (job.attempt, job.errors, job.crashes, job.defers, job.suspect) == (0, 0, 0, 0, False)
    assert (job.worker, job.started_at, job.finished_at, job.value, job.error) == (None, None, None, None, None)


def test_push_answers_in_the_order_of_the_batch(store: Store) -> None:
    old = pushed(store)
    new = [a_job(), a_job(id=old), a_job()]
    assert store.jobs.push(new) == [Pushed(new[0].id, True), Pushed(old, False), Pushed(new[2].id, True)]


def test_push_of_nothing_is_nothing(store: Store) -> None:
    assert store.jobs.push([]) == []


def test_push_of_an_id_again_changes_nothing_and_says_so(store: Store) -> None:
    first = a_job(arguments=b"[[1],{}]", priority=1)
    store.jobs.push([first])
    before = the(store, first.id)
    again = first._replace(task="tasks.other", arguments=b"[[2],{}]", queue="q", priority=9)
    assert store.jobs.push([again]) == [Pushed(first.id, False)]
    assert the(store, first.id) == before


def test_push_of_an_id_twice_in_a_batch_keeps_the_first(store: Store) -> None:
    first = a_job(arguments=b"[[1],{}]")
    assert [p.new for p in store.jobs.push([first, first._replace(arguments=b"[[2],{}]")])] == [True, False]
    assert the(store, first.id).arguments == b"[[1],{}]"


def test_push_of_an_id_in_capitals_is_the_same_job(store: Store) -> None:
    job_id = pushed(store)
    assert [p.new for p in store.jobs.push([a_job(id=job_id.upper())])] == [False]


def test_push_of_an_id_again_does_not_wake_a_final_job(store: Store) -> None:
    worker = a_worker(store)
    job = running(store, worker)
    store.jobs.finish(worker, [succeeded(job)])
    before = the(store, job.id)
    assert store.jobs.push([a_job(id=job.id)]) == [Pushed(job.id, False)]
    assert the(store, job.id) == before


def test_push_stores_all_jobs_or_none(store: Store) -> None:
    good = a_job()
    with pytest.raises((NuvomError, ValueError)):
        store.jobs.push([good, a_job(priority=5_000)])
    assert store.jobs.get(good.id) is None
    assert all_jobs(store) == []


def test_push_takes_a_batch_of_the_largest_size(store: Store) -> None:
    batch = [a_job() for _ in range(MAX_BATCH)]
    assert [p.new for p in store.jobs.push(batch)] == [True] * MAX_BATCH
    assert [p.new for p in store.jobs.push(batch)] == [False] * MAX_BATCH
    assert len(all_jobs(store)) == MAX_BATCH


def test_a_job_whose_run_at_lies_ahead_is_delayed(store: Store, clock: VirtualClock) -> None:
    at = clock.now() + timedelta(microseconds=1)
    job_id = pushed(store, run_at=at)
    assert (the(store, job_id).state, the(store, job_id).run_at) == (JobState.DELAYED, at)
    assert claimed(store, a_worker(store)) == []


@pytest.mark.parametrize("ago", [timedelta(0), SECOND, 1_000 * HOUR])
def test_a_job_whose_run_at_has_come_is_ready(store: Store, clock: VirtualClock, ago: timedelta) -> None:
    job_id = pushed(store, run_at=clock.now() - ago)
    assert (the(store, job_id).state, the(store, job_id).run_at) == (JobState.READY, clock.now() - ago)


@pytest.mark.parametrize(
    ("said", "row", "expected"),
    [
        ({}, None, ("mine", 1, 2)),
        ({}, TaskDefaults("theirs", 5, 6), ("theirs", 5, 6)),
        ({"queue": "said"}, TaskDefaults("theirs", 5, 6), ("said", 5, 6)),
        ({"priority": 0}, TaskDefaults("theirs", 5, 6), ("theirs", 0, 6)),
        ({"max_crashes": 0}, TaskDefaults("theirs", 5, 6), ("theirs", 5, 0)),
        ({"queue": "said", "priority": -3, "max_crashes": 9}, None, ("said", -3, 9)),
    ],
)
def test_the_call_decides_else_the_tasks_row_else_the_code_at_hand(
    store: Store, said: dict[str, Any], row: TaskDefaults | None, expected: tuple[str, int, int]
) -> None:
    if row:
        store.workers.remember_tasks([TaskRow(name="tasks.send", canonical="tasks.send", defaults=row, signature="()")])
    job = the(store, pushed(store, defaults=TaskDefaults("mine", 1, 2), **said))
    assert (job.queue, job.priority, job.max_crashes) == expected

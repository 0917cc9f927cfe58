"""Unique jobs: while one stands for its kind, another is not pushed, whoever pushes it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from nuvom._job import Pushed, TaskDefaults
from nuvom._schedule import OccurrenceOutcome
from nuvom.stores.base import Store
from nuvom.stores.values import Once, PlanItem, Retention, TaskRow
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import (
    HOUR,
    MINUTE,
    SECOND,
    a_job,
    a_worker,
    all_jobs,
    all_schedules,
    claimed,
    dispatched,
    every,
    fresh_id,
    ids,
    job_of,
    ledger,
    planned,
    retried,
    stored,
    succeeded,
)

QUEUED, DONE, TEN_MINUTES = (TaskDefaults(unique=unique) for unique in ("queued", "done", "10m"))


def push(store: Store, defaults: TaskDefaults = QUEUED, **said: object) -> Pushed:
    """Push one job."""
    [answer] = store.jobs.push([a_job(defaults=defaults, **said)])
    return answer


def test_a_job_is_not_pushed_while_another_of_its_kind_waits(store: Store, clock: VirtualClock) -> None:
    first = push(store, run_at=clock.now() + MINUTE)
    assert first.new
    assert push(store) == Pushed(first.id, new=False)
    assert ids(all_jobs(store)) == [first.id]


def test_a_job_is_pushed_when_the_one_before_has_started(store: Store) -> None:
    push(store)
    claimed(store, a_worker(store))
    assert push(store).new


@pytest.mark.parametrize("defaults", [QUEUED, DONE])
def test_a_job_that_waits_to_be_tried_again_stands_for_its_kind(
    store: Store, clock: VirtualClock, defaults: TaskDefaults
) -> None:
    first = push(store, defaults)
    worker = a_worker(store)
    store.jobs.finish(worker, [retried(job, clock.now() + MINUTE) for job in claimed(store, worker)])
    assert push(store, defaults) == Pushed(first.id, new=False)


def test_a_job_that_waits_for_its_key_or_its_flow_stands_for_its_kind(store: Store) -> None:
    defaults = TaskDefaults(unique="queued", concurrency=1)
    push(store, defaults)
    claimed(store, a_worker(store))
    second = push(store, defaults)
    assert second.new
    assert push(store, defaults) == Pushed(second.id, new=False)


def test_a_job_that_runs_stands_for_its_kind_until_it_is_done(store: Store) -> None:
    first = push(store, DONE)
    worker = a_worker(store)
    [job] = claimed(store, worker)
    assert push(store, DONE) == Pushed(first.id, new=False)
    store.jobs.finish(worker, [succeeded(job)])
    assert push(store, DONE).new


def test_a_job_stands_for_its_kind_for_a_while_whatever_became_of_it(store: Store, clock: VirtualClock) -> None:
    first = push(store, TEN_MINUTES)
    store.jobs.cancel(first.id)
    clock.advance(599)
    assert push(store, TEN_MINUTES) == Pushed(first.id, new=False)
    clock.advance(1)
    assert push(store, TEN_MINUTES).new


def test_a_job_that_still_stands_for_its_kind_is_not_pruned(store: Store, clock: VirtualClock) -> None:
    first = push(store, TaskDefaults(unique="2h"))
    store.jobs.cancel(first.id)
    store.jobs.push([a_job(task="tasks.other")])
    clock.advance(HOUR)
    keep = Retention(jobs=MINUTE, failed=MINUTE)
    while store.prune(keep):
        pass
    assert push(store, TaskDefaults(unique="2h")) == Pushed(first.id, new=False)
    clock.advance(HOUR)
    while store.prune(keep):
        pass
    assert first.id not in ids(all_jobs(store))


def test_each_key_and_task_is_a_kind_of_its_own(store: Store) -> None:
    assert [push(store, kin=kin).new for kin in ("a", "b", "a", None, None)] == [True, True, False, True, False]
    assert push(store, task="tasks.other").new


def test_of_two_of_a_kind_in_one_batch_the_first_stands_for_the_second(store: Store) -> None:
    batch = [a_job(defaults=QUEUED, kin=kin) for kin in ("a", "a", "b", "a")]
    first, other = batch[0].id, batch[2].id
    assert store.jobs.push(batch) == [
        Pushed(first, new=True),
        Pushed(first, new=False),
        Pushed(other, new=True),
        Pushed(first, new=False),
    ]


def test_an_id_that_is_there_says_more_than_its_kind(store: Store) -> None:
    first = push(store, DONE, kin="a")
    second = push(store, DONE, kin="b")
    assert push(store, DONE, kin="a", id=second.id) == Pushed(second.id, new=False)
    assert push(store, DONE, kin="a", id=first.id) == Pushed(first.id, new=False)


def test_what_a_call_says_of_uniqueness_counts_more_than_its_task(store: Store) -> None:
    first = push(store, TaskDefaults(), unique="done")
    assert push(store, TaskDefaults(), unique="queued") == Pushed(first.id, new=False)
    assert push(store, TaskDefaults()).new


def test_what_workers_report_of_a_task_says_whether_it_is_unique(store: Store) -> None:
    store.workers.remember_tasks([TaskRow(name="tasks.send", canonical="tasks.send", defaults=DONE, signature="")])
    first = push(store, TaskDefaults())
    assert push(store, TaskDefaults()) == Pushed(first.id, new=False)
    [row] = store.workers.tasks()
    assert row.defaults == DONE


def test_an_occurrence_whose_kind_is_there_is_skipped_with_a_reason(store: Store, clock: VirtualClock) -> None:
    standing = push(store, QUEUED)
    schedule = stored(store, every(60.0, clock.now(), defaults=QUEUED))
    assert store.schedules.apply([planned(schedule, clock.now() + MINUTE)]) == []
    [row] = ledger(store, schedule.id)
    assert (row.outcome, row.job_id) == (OccurrenceOutcome.SKIPPED_UNIQUE, None)
    assert standing.id in (row.reason or "")
    assert ids(all_jobs(store)) == [standing.id]
    [kept] = all_schedules(store)
    assert kept.run_count == 0


def test_a_run_by_hand_whose_kind_is_there_is_skipped_too(store: Store, clock: VirtualClock) -> None:
    push(store, QUEUED)
    schedule = stored(store, every(60.0, clock.now() + MINUTE, defaults=QUEUED))
    row = dispatched(schedule, clock.now(), source="manual:x")
    item = PlanItem(schedule, (row,), (job_of(schedule, row),), None, None)
    answer = store.ledger.request(item, Once.REQUEST)
    assert (answer.jobs, answer.refusal) == (frozenset(), None)
    kept = store.ledger.requested(schedule.id, "manual:x")
    assert kept is not None
    assert kept.outcome is OccurrenceOutcome.SKIPPED_UNIQUE


@pytest.mark.parametrize("said", [{"expires_in": 5.0}, {"defaults": TaskDefaults(expires_in=5.0)}])
def test_a_job_gives_up_so_long_after_it_was_due(store: Store, clock: VirtualClock, said: dict[str, object]) -> None:
    store.jobs.push([a_job(id=(late := fresh_id()), run_at=clock.now() + MINUTE, **said)])
    job = store.jobs.get(late)
    assert job is not None
    assert job.expires_at == clock.now() + MINUTE + 5 * SECOND


@pytest.mark.parametrize("grace", [3, 9])
def test_a_run_gives_up_by_its_grace_or_what_its_task_says_whichever_is_earlier(
    store: Store, clock: VirtualClock, grace: int
) -> None:
    end = clock.now() + timedelta(seconds=grace)
    store.jobs.push([a_job(id=(run := fresh_id()), run_at=clock.now(), expires_at=end, expires_in=5.0)])
    job = store.jobs.get(run)
    assert job is not None
    assert job.expires_at == clock.now() + min(grace, 5) * SECOND

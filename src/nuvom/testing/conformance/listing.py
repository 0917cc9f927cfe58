"""`JobStore.get`, `list`, `counts`, `queues`, `cancel` and `retry`: what people see of jobs and do to them."""

from __future__ import annotations

from collections import Counter
from itertools import product

import pytest

from nuvom._ids import new_id
from nuvom._job import Job, JobState, JobStatus
from nuvom.stores.base import Store
from nuvom.stores.values import CancelAnswer, JobFilter, Retention
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import (
    DAY,
    HOUR,
    NO_ID,
    SECOND,
    a_job,
    a_worker,
    all_jobs,
    claimed,
    failed,
    fresh_id,
    ids,
    pushed,
    retried,
    running,
    succeeded,
    the,
)


def one_of_each(store: Store, clock: VirtualClock) -> dict[JobState, str]:
    """Leave a job in each state that calls lead to; returns their ids."""
    worker = a_worker(store)
    done, broken = running(store, worker), running(store, worker)
    store.jobs.finish(worker, [succeeded(done), failed(broken)])
    cancelled = pushed(store)
    store.jobs.cancel(cancelled)
    runs = running(store, worker, key="k")
    return {
        JobState.SUCCEEDED: done.id,
        JobState.FAILED: broken.id,
        JobState.CANCELLED: cancelled,
        JobState.RUNNING: runs.id,
        JobState.HELD: pushed(store, key="k"),
        JobState.DELAYED: pushed(store, run_at=clock.now() + HOUR),
        JobState.READY: pushed(store),
    }


def test_an_unknown_id_is_none(store: Store) -> None:
    assert store.jobs.get(NO_ID) is None
    assert store.jobs.attempts(NO_ID) == []
    assert store.jobs.wait_final(NO_ID, 5) is None


def test_jobs_are_listed_newest_first(store: Store) -> None:
    batch = [a_job() for _ in range(5)]
    store.jobs.push(batch[:3])
    store.jobs.push(batch[3:])
    assert ids(all_jobs(store)) == ids(batch)[::-1]
    assert ids(store.jobs.list(JobFilter(), 2)) == ids(batch)[:2:-1]
    assert store.jobs.list(JobFilter(), 0) == []


def test_a_listed_job_is_the_job(store: Store, clock: VirtualClock) -> None:
    for job_id in one_of_each(store, clock).values():
        assert the(store, job_id) in all_jobs(store)


def test_a_listing_finds_what_it_is_asked_for(store: Store, clock: VirtualClock) -> None:
    schedules = (None, fresh_id())
    for t, q, s in product(("t1", "t2"), ("q1", "q2"), schedules):
        store.jobs.push([a_job(task=t, queue=q, schedule_id=s) for _ in range(4)])
    worker = a_worker(store)
    taken = claimed(store, worker, 20)
    store.jobs.finish(worker, [failed(job) for job in taken[::3]] + [succeeded(job) for job in taken[1::3]])
    jobs = all_jobs(store)
    for status, task, queue, schedule_id in product(
        [None, *JobStatus], [None, "t1", "none"], [None, "q2", "none"], [None, schedules[1], NO_ID]
    ):
        wanted = JobFilter(status=status, task=task, queue=queue, schedule_id=schedule_id)
        assert store.jobs.list(wanted, 100) == [job for job in jobs if fits(job, wanted)], wanted
    assert {job.status for job in jobs} == {"queued", "running", "succeeded", "failed"}


def fits(job: Job, wanted: JobFilter) -> bool:
    """Tell whether a job is what a filter wants."""
    pairs = [
        (wanted.status, job.status), (wanted.task, job.task), (wanted.queue, job.queue),
        (wanted.schedule_id, job.schedule_id),
    ]  # fmt: skip
    return all(asked is None or asked == found for asked, found in pairs)


@pytest.mark.parametrize("wanted", [JobFilter(), JobFilter(status=JobStatus.QUEUED, task="tasks.send")])
def test_pages_have_no_gaps_and_no_repeats_while_jobs_are_added(store: Store, wanted: JobFilter) -> None:
    old = [a_job() for _ in range(25)]
    store.jobs.push(old)
    seen: list[str] = []
    while page := store.jobs.list(wanted, 4, seen[-1] if seen else None):
        seen += ids(page)
        store.jobs.push([a_job() for _ in range(3)])
    assert seen == ids(old)[::-1]


def test_pages_by_status_go_on_behind_a_job_that_changed_since(store: Store) -> None:
    batch = [a_job() for _ in range(6)]
    store.jobs.push(batch)
    wanted = JobFilter(status=JobStatus.QUEUED)
    page = ids(store.jobs.list(wanted, 3))
    store.jobs.cancel(page[-1])
    assert page + ids(store.jobs.list(wanted, 10, page[-1])) == ids(batch)[::-1]


def test_pages_go_on_behind_a_job_that_was_forgotten_since(store: Store, clock: VirtualClock) -> None:
    order = []
    for _ in range(6):
        order.append(pushed(store, id=new_id(clock.now())))
        clock.advance(1)
    last = order[3]
    store.jobs.cancel(last)
    clock.advance(100 * DAY)
    while store.prune(Retention()):
        pass
    assert store.jobs.get(last) is None
    assert ids(store.jobs.list(JobFilter(), 10, last)) == order[2::-1]


def test_counts_have_each_status(store: Store, clock: VirtualClock) -> None:
    assert not any(store.jobs.counts().values())
    one_of_each(store, clock)
    counts = {status: n for status, n in store.jobs.counts().items() if n}
    assert counts == Counter(job.status for job in all_jobs(store))
    assert counts == {"queued": 3, "running": 1, "succeeded": 1, "failed": 1, "cancelled": 1}


def test_queues_show_what_waits_and_runs(store: Store, clock: VirtualClock) -> None:
    assert store.jobs.queues() == []
    worker = a_worker(store)
    store.jobs.finish(worker, [succeeded(running(store, worker, queue="over"))])
    running(store, worker, queue="busy")
    for ago in (5, 9, 1):
        pushed(store, queue="busy", run_at=clock.now() - ago * SECOND)
    pushed(store, queue="later", run_at=clock.now() + SECOND)
    pushed(store, queue="held", key="k")
    pushed(store, queue="held", key="k")
    found = {stats.queue: tuple(stats)[1:6] for stats in store.jobs.queues()}
    assert found == {
        "busy": (3, 0, 0, 1, clock.now() - 9 * SECOND),
        "later": (0, 1, 0, 0, None),
        "held": (1, 0, 1, 0, clock.now()),
    }


def test_cancel_ends_a_job_that_waits(store: Store, clock: VirtualClock) -> None:
    clock.advance(3)
    jobs = one_of_each(store, clock)
    clock.advance(3)
    for state in (JobState.READY, JobState.DELAYED, JobState.HELD):
        assert store.jobs.cancel(jobs[state]) is CancelAnswer.CANCELLED
        job = the(store, jobs[state])
        assert (job.status, job.finished_at, job.worker) == (JobStatus.CANCELLED, clock.now(), None)
        assert store.jobs.cancel(jobs[state]) is CancelAnswer.FINISHED
    clock.advance(HOUR)
    assert store.jobs.promote(10) == 0
    assert claimed(store, a_worker(store)) == []


def test_a_running_job_that_is_cancelled_is_asked_to_stop_once_and_its_worker_is_told(
    store: Store, clock: VirtualClock
) -> None:
    worker = a_worker(store)
    job = running(store, worker)
    assert store.jobs.asked_to_stop(worker) == []
    asked = clock.now()
    assert store.jobs.cancel(job.id) is CancelAnswer.REQUESTED
    clock.advance(HOUR)
    assert store.jobs.cancel(job.id) is CancelAnswer.REQUESTED
    assert (the(store, job.id).status, the(store, job.id).cancel_at) == (JobStatus.RUNNING, asked)
    assert store.jobs.asked_to_stop(worker) == [(job.ref, job.attempt)]
    assert store.jobs.asked_to_stop("another") == []


def test_cancel_leaves_final_jobs_as_they_are(store: Store, clock: VirtualClock) -> None:
    jobs = one_of_each(store, clock)
    answers = {
        JobState.SUCCEEDED: CancelAnswer.FINISHED,
        JobState.FAILED: CancelAnswer.FINISHED,
        JobState.CANCELLED: CancelAnswer.FINISHED,
    }
    for state, answer in answers.items():
        before = the(store, jobs[state])
        assert store.jobs.cancel(jobs[state]) is answer
        assert the(store, jobs[state]) == before
    assert store.jobs.cancel(NO_ID) is CancelAnswer.NOT_FOUND


def test_cancel_ends_a_job_that_waits_to_retry(store: Store, clock: VirtualClock) -> None:
    worker = a_worker(store)
    job = running(store, worker)
    store.jobs.finish(worker, [retried(job, clock.now() + SECOND)])
    assert store.jobs.cancel(job.id) is CancelAnswer.CANCELLED
    assert len(store.jobs.attempts(job.id)) == 1


def test_retry_starts_a_final_job_anew(store: Store, clock: VirtualClock) -> None:
    jobs = one_of_each(store, clock)
    clock.advance(60)
    for state in (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED):
        before = the(store, jobs[state])
        assert store.jobs.retry(jobs[state])
        job = the(store, jobs[state])
        assert (job.state, job.attempt) == (JobState.READY, before.attempt)
        assert (job.errors, job.crashes, job.suspect) == (0, 0, False)
        assert (job.finished_at, job.value, job.error) == (None, None, None)
        assert job.run_at <= clock.now()
    taken = {job.id: job.attempt for job in claimed(store, a_worker(store))}
    assert [taken[jobs[state]] for state in (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)] == [2, 2, 1]


def test_retry_leaves_a_job_that_is_not_final(store: Store, clock: VirtualClock) -> None:
    jobs = one_of_each(store, clock)
    for state in (JobState.RUNNING, JobState.HELD, JobState.DELAYED, JobState.READY):
        before = the(store, jobs[state])
        assert store.jobs.retry(jobs[state]) is False
        assert the(store, jobs[state]) == before
    assert store.jobs.retry(NO_ID) is False


def test_retry_of_a_cancelled_delayed_job_runs_it_now(store: Store, clock: VirtualClock) -> None:
    job_id = pushed(store, run_at=clock.now() + HOUR)
    store.jobs.cancel(job_id)
    assert store.jobs.retry(job_id)
    assert ids(claimed(store, a_worker(store))) == [job_id]


def test_the_history_of_earlier_lives_stays_after_a_retry(store: Store) -> None:
    worker = a_worker(store)
    job = running(store, worker)
    for number in (1, 2, 3):
        store.jobs.finish(worker, [failed(job)])
        assert [a.number for a in store.jobs.attempts(job.id)] == list(range(1, number + 1))
        store.jobs.retry(job.id)
        [job] = claimed(store, worker)

"""`JobStore.cancel_many` and `retry_many`: what is asked of many jobs is done to all in one transaction."""

from __future__ import annotations

from nuvom._job import JobState
from nuvom.stores.base import Store
from nuvom.stores.values import CancelAnswer
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import (
    NO_ID,
    SECOND,
    a_job,
    a_worker,
    all_jobs,
    claimed,
    failed,
    ids,
    pushed,
    running,
    succeeded,
    the,
)
from nuvom.testing.conformance.listening import heard, listening


def test_many_are_cancelled_and_each_has_its_answer_in_their_order(store: Store, clock: VirtualClock) -> None:
    worker = a_worker(store)
    over, runs = running(store, worker), running(store, worker)
    store.jobs.finish(worker, [succeeded(over)])
    ready, delayed = pushed(store), pushed(store, run_at=clock.now() + SECOND)
    asked = [ready, "nonsense", over.id, delayed, NO_ID, runs.id, ready]
    assert store.jobs.cancel_many(asked) == [
        CancelAnswer.CANCELLED,
        CancelAnswer.NOT_FOUND,
        CancelAnswer.FINISHED,
        CancelAnswer.CANCELLED,
        CancelAnswer.NOT_FOUND,
        CancelAnswer.REQUESTED,
        CancelAnswer.FINISHED,
    ]
    assert [the(store, job_id).state for job_id in (ready, delayed)] == [JobState.CANCELLED] * 2
    assert store.jobs.asked_to_stop(worker) == [(runs.ref, 1)]


def test_a_cancel_of_many_lets_those_go_on_that_their_keys_held(store: Store) -> None:
    first, second, third = (pushed(store, key="k") for _ in range(3))
    other, next_other = pushed(store, key="l"), pushed(store, key="l")
    store.jobs.cancel_many([first, second, other])
    assert sorted(ids(claimed(store, a_worker(store)))) == sorted([third, next_other])


def test_many_are_made_ready_again_and_each_has_its_answer_in_their_order(store: Store) -> None:
    worker = a_worker(store)
    bad, good, runs = (running(store, worker) for _ in range(3))
    store.jobs.finish(worker, [failed(bad), succeeded(good)])
    waits = pushed(store)
    asked = [good.id, waits, NO_ID, bad.id, runs.id, "nonsense"]
    assert store.jobs.retry_many(asked) == [True, False, False, True, False, False]
    assert {job.id for job in all_jobs(store) if job.state is JobState.READY} == {good.id, bad.id, waits}


def test_of_many_that_share_a_key_one_goes_first_again(store: Store) -> None:
    jobs = [pushed(store, key="k") for _ in range(3)]
    store.jobs.cancel_many(jobs)
    assert store.jobs.retry_many(jobs) == [True] * 3
    assert [the(store, job_id).state for job_id in jobs] == [JobState.READY, JobState.HELD, JobState.HELD]


def test_nothing_is_asked_of_no_jobs(store: Store) -> None:
    assert store.jobs.cancel_many([]) == []
    assert store.jobs.retry_many([]) == []


def test_a_worker_hears_that_many_are_ready_again(store: Store) -> None:
    jobs = [a_job() for _ in range(3)]
    store.jobs.push(jobs)
    store.jobs.cancel_many(ids(jobs))
    with listening(store, "worker") as listener:
        heard(listener, lambda: store.jobs.retry_many(ids(jobs)))

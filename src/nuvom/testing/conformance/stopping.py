"""Running jobs that are asked to stop, that say how far they are, and whose process is ended for another's sake."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nuvom._job import ClaimedJob, Holding, JobError, JobState, JobStatus, Outcome, Progress, Report, Verdict
from nuvom.stores.base import Store
from nuvom.stores.values import CancelAnswer, Order
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import HOUR, a_worker, claimed, pushed, retried, running, succeeded, the

Leave = Callable[[Store, str, ClaimedJob, VirtualClock], object]


def _retries(store: Store, worker: str, job: ClaimedJob, clock: VirtualClock) -> object:
    return store.jobs.finish(worker, [retried(job, clock.now() + HOUR)])


def _defers(store: Store, worker: str, job: ClaimedJob, clock: VirtualClock) -> object:
    return store.jobs.finish(worker, [Outcome(job, Verdict.DEFER, run_at=clock.now() + HOUR)])


def _puts_back(store: Store, worker: str, job: ClaimedJob, clock: VirtualClock) -> object:
    return store.jobs.finish(worker, [Outcome(job, Verdict.PUT_BACK)])


def _dies(store: Store, worker: str, job: ClaimedJob, clock: VirtualClock) -> object:
    return store.workers.release(worker, "its process was killed")


def _is_ended(store: Store, worker: str, job: ClaimedJob, clock: VirtualClock) -> object:
    return store.workers.release(worker, "its process was replaced", charged=False)


def _leaves(store: Store, worker: str, job: ClaimedJob, clock: VirtualClock) -> None:
    store.workers.unregister(worker)


def _is_lost(store: Store, worker: str, job: ClaimedJob, clock: VirtualClock) -> object:
    clock.advance(1_000)
    return store.workers.rescue()


@pytest.mark.parametrize("leave", [_retries, _defers, _puts_back, _dies, _is_ended, _leaves, _is_lost])
def test_a_job_that_was_asked_to_stop_goes_on_no_further_whatever_ends_its_attempt(
    store: Store, clock: VirtualClock, leave: Leave
) -> None:
    worker = a_worker(store)
    job = running(store, worker, key="k")
    following = pushed(store, key="k")
    store.jobs.cancel(job.id)
    leave(store, worker, job, clock)
    found = the(store, job.id)
    assert (found.state, found.worker) == (JobState.CANCELLED, None)
    assert found.finished_at == clock.now()
    assert store.jobs.asked_to_stop(worker) == []
    assert the(store, following).state is JobState.READY, "what its key held goes on"


def test_a_job_that_was_asked_to_stop_and_returns_has_succeeded(store: Store) -> None:
    worker = a_worker(store)
    job = running(store, worker)
    store.jobs.cancel(job.id)
    store.jobs.finish(worker, [succeeded(job)])
    assert the(store, job.id).status is JobStatus.SUCCEEDED
    assert store.jobs.cancel(job.id) is CancelAnswer.FINISHED


def test_a_cancelled_attempt_is_final_clears_the_suspect_and_is_kept_in_the_history(store: Store) -> None:
    worker = a_worker(store)
    job = running(store, worker)
    store.workers.release(worker, "killed")
    worker = a_worker(store)
    [job] = claimed(store, worker, order=Order.SUSPECT)
    error = JobError("cancelled", message="it was asked to stop")
    store.jobs.finish(worker, [Outcome(job, Verdict.CANCELLED, error=error)])
    found = the(store, job.id)
    assert (found.status, found.suspect, found.error) == (JobStatus.CANCELLED, False, error)
    assert (found.errors, found.crashes) == (0, 0)
    last = store.jobs.attempts(job.id)[-1]
    assert (last.number, last.error) == (2, error)


def test_a_retry_of_a_cancelled_job_is_not_asked_to_stop(store: Store) -> None:
    worker = a_worker(store)
    job = running(store, worker)
    store.jobs.cancel(job.id)
    store.jobs.finish(worker, [Outcome(job, Verdict.CANCELLED)])
    assert store.jobs.retry(job.id)
    [again] = claimed(store, worker)
    assert again.id == job.id
    assert store.jobs.asked_to_stop(worker) == []
    assert the(store, job.id).cancel_at is None


def test_an_outcome_is_accepted_from_who_knows_no_more_of_a_job_than_that_it_is_held(store: Store) -> None:
    worker = a_worker(store)
    job = running(store, worker)
    holding = Holding(job.ref, job.id, job.attempt, job.queue, job.key, job.flow)
    error = JobError("timeout", message="too long")
    stale = holding._replace(attempt=job.attempt + 1)
    assert [refused.id for refused in store.jobs.finish(worker, [Outcome(stale, Verdict.FAILED)])] == [job.id]
    assert store.jobs.finish(worker, [Outcome(holding, Verdict.FAILED, error=error)]) == []
    found = the(store, job.id)
    assert (found.status, found.error, found.errors) == (JobStatus.FAILED, error, 1), (
        "a timeout is an error of the task"
    )


def test_what_a_worker_holds_is_told_and_may_be_put_back_free_of_charge(store: Store) -> None:
    worker, other = a_worker(store), a_worker(store)
    jobs = [running(store, worker, key="k"), running(store, worker, max_crashes=0)]
    running(store, other)
    store.jobs.finish(worker, [Outcome(running(store, worker), Verdict.SUCCEEDED)])
    held = sorted(store.jobs.held_by(worker), key=lambda each: each.id)
    assert held == [
        Holding(job.ref, job.id, job.attempt, job.queue, job.key, job.flow, may_repeat=job.max_crashes > 0)
        for job in sorted(jobs, key=lambda job: job.id)
    ]
    assert store.jobs.finish(worker, [Outcome(job, Verdict.PUT_BACK) for job in held]) == []
    assert store.jobs.held_by(worker) == []
    for job in jobs:
        found = the(store, job.id)
        assert (found.state, found.suspect, found.crashes, found.errors) == (JobState.READY, False, 0, 0)


def test_what_a_process_ran_that_is_ended_for_another_job_is_ready_and_nothing_is_charged(store: Store) -> None:
    worker = a_worker(store)
    jobs = [running(store, worker) for _ in range(3)]
    once = running(store, worker, max_crashes=0)
    assert store.workers.release(worker, "job x did not stop", charged=False) == 4
    for job in jobs:
        found = the(store, job.id)
        assert (found.state, found.suspect, found.crashes, found.errors) == (JobState.READY, False, 0, 0)
    failed = the(store, once.id)
    assert failed.status is JobStatus.FAILED, "at most once: it is not run again"
    assert failed.error is not None
    assert "job x did not stop" in failed.error.message
    assert claimed(store, worker) == [], "the lease has ended"


def test_a_report_is_kept_only_from_who_holds_the_job(store: Store, clock: VirtualClock) -> None:
    worker = a_worker(store)
    job, other = running(store, worker), running(store, worker)
    assert the(store, job.id).progress is None
    said = Progress(3, 10.5, "übrig \ud800", clock.now())
    store.jobs.report(worker, [Report(job.ref, job.attempt, said), Report(other.ref, other.attempt + 1, said)])
    store.jobs.report("another", [Report(other.ref, other.attempt, said)])
    store.jobs.report(worker, [])
    assert the(store, job.id).progress == said._replace(note="übrig ?")
    assert the(store, other.id).progress is None
    store.jobs.finish(worker, [succeeded(job)])
    assert the(store, job.id).progress is not None, "the last report stays"


def test_a_context_travels_with_a_job(store: Store) -> None:
    assert running(store, context=b'{"trace":"1"}').context == b'{"trace":"1"}'
    assert running(store).context is None

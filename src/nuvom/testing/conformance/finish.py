"""`JobStore.finish`: what each verdict comes to, and the fence that keeps stale holders out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nuvom._job import ClaimedJob, JobError, JobState, JobStatus, Outcome, Refused
from nuvom.stores.base import Store
from nuvom.stores.values import Order
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import (
    BOOM,
    SECOND,
    a_job,
    a_worker,
    claimed,
    deferred,
    failed,
    fresh_id,
    lose,
    lose_alone,
    put_back,
    retried,
    running,
    succeeded,
    the,
)
from nuvom.testing.conformance.harness import START, Harness

Ending = Callable[[ClaimedJob], Outcome]
VERDICTS: dict[str, Ending] = {
    "succeeded": succeeded,
    "failed": failed,
    "retry": lambda job: retried(job, START + 3600 * SECOND),
    "defer": lambda job: deferred(job, START + 3600 * SECOND),
    "put_back": put_back,
}
every_verdict: pytest.MarkDecorator = pytest.mark.parametrize("ending", VERDICTS.values(), ids=VERDICTS.keys())


def test_a_success_is_final_with_its_value(store: Store, clock: VirtualClock) -> None:
    worker = a_worker(store)
    job = running(store, worker)
    clock.advance(2)
    assert store.jobs.finish(worker, [succeeded(job, b'{"a":1}')]) == []
    ended = the(store, job.id)
    assert (ended.status, ended.value, ended.error) == (JobStatus.SUCCEEDED, b'{"a":1}', None)
    assert (ended.finished_at, ended.started_at, ended.worker) == (clock.now(), job.started_at, None)
    assert (ended.attempt, ended.errors, ended.crashes) == (1, 0, 0)


def test_a_success_whose_value_was_dropped_says_why(store: Store) -> None:
    worker = a_worker(store)
    job = running(store, worker)
    dropped = JobError("result", "TypeError", "a lock is not JSON")
    store.jobs.finish(worker, [succeeded(job, None)._replace(error=dropped)])
    ended = the(store, job.id)
    assert (ended.status, ended.value, ended.error) == (JobStatus.SUCCEEDED, None, dropped)


def test_a_failure_is_final_with_its_error(store: Store, clock: VirtualClock) -> None:
    worker = a_worker(store)
    job = running(store, worker)
    clock.advance(2)
    assert store.jobs.finish(worker, [failed(job)]) == []
    ended = the(store, job.id)
    assert (ended.status, ended.error, ended.finished_at) == (JobStatus.FAILED, BOOM, clock.now())
    assert (ended.worker, ended.value) == (None, None)


def test_a_retry_adds_an_error_and_waits_until_its_time(store: Store, clock: VirtualClock) -> None:
    worker = a_worker(store)
    job = running(store, worker)
    at = clock.now() + 5 * SECOND
    assert store.jobs.finish(worker, [retried(job, at, retries=3)]) == []
    waiting = the(store, job.id)
    assert (waiting.state, waiting.run_at, waiting.errors, waiting.retries) == (JobState.DELAYED, at, 1, 3)
    assert (waiting.worker, waiting.finished_at, waiting.crashes, waiting.defers) == (None, None, 0, 0)


def test_a_deferral_is_no_error(store: Store, clock: VirtualClock) -> None:
    worker = a_worker(store)
    job = running(store, worker)
    at = clock.now() + 5 * SECOND
    assert store.jobs.finish(worker, [deferred(job, at)]) == []
    waiting = the(store, job.id)
    assert (waiting.state, waiting.run_at, waiting.errors, waiting.defers) == (JobState.DELAYED, at, 0, 1)
    assert store.jobs.attempts(job.id) == []
    clock.advance(5)
    store.jobs.promote(1)
    [again] = claimed(store, worker)
    assert (again.defers, again.errors) == (1, 0)


def test_a_job_that_is_put_back_is_ready_at_once_and_pays_nothing(store: Store) -> None:
    worker = a_worker(store)
    job = running(store, worker)
    assert store.jobs.finish(worker, [put_back(job)]) == []
    back = the(store, job.id)
    assert (back.state, back.run_at, back.worker, back.suspect) == (JobState.READY, job.run_at, None, False)
    assert (back.errors, back.crashes, back.defers) == (0, 0, 0)
    assert store.jobs.attempts(job.id) == []
    assert [again.attempt for again in claimed(store, worker)] == [2]


def test_each_error_leaves_a_history_row(store: Store, clock: VirtualClock) -> None:
    worker = a_worker(store)
    job = running(store, worker)
    for number in (1, 2):
        clock.advance(1)
        store.jobs.finish(worker, [retried(job, clock.now() + SECOND)])
        attempt = store.jobs.attempts(job.id)[-1]
        assert (attempt.number, attempt.worker, attempt.error) == (number, worker, BOOM)
        assert (attempt.started_at, attempt.ended_at) == (job.started_at, clock.now())
        clock.advance(1)
        store.jobs.promote(1)
        [job] = claimed(store, worker)
    store.jobs.finish(worker, [succeeded(job)])
    assert [attempt.number for attempt in store.jobs.attempts(job.id)] == [1, 2]


def test_the_attempt_that_failed_for_good_is_in_the_history(store: Store) -> None:
    worker = a_worker(store)
    job = running(store, worker)
    store.jobs.finish(worker, [failed(job)])
    assert [(a.number, a.worker, a.error) for a in store.jobs.attempts(job.id)] == [(1, worker, BOOM)]


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_errors_never_exceed_retries_and_one(store: Store, clock: VirtualClock, retries: int) -> None:
    worker = a_worker(store)
    job = running(store, worker)
    for _ in range(retries):
        store.jobs.finish(worker, [retried(job, clock.now(), retries=retries)])
        store.jobs.promote(1)
        [job] = claimed(store, worker)
    store.jobs.finish(worker, [failed(job, retries=retries)])
    ended = the(store, job.id)
    assert ended.status is JobStatus.FAILED
    assert ended.errors == retries + 1


def test_an_outcome_is_recorded_although_a_new_release_allows_fewer_retries(store: Store, clock: VirtualClock) -> None:
    worker = a_worker(store)
    job = running(store, worker)
    for _ in range(3):
        store.jobs.finish(worker, [retried(job, clock.now(), retries=5)])
        store.jobs.promote(1)
        [job] = claimed(store, worker)
    assert job.errors == 3
    neighbour = running(store, worker)
    assert store.jobs.finish(worker, [failed(job, retries=0), succeeded(neighbour)]) == []
    assert (the(store, job.id).status, the(store, neighbour.id).status) == (JobStatus.FAILED, JobStatus.SUCCEEDED)


@every_verdict
def test_an_outcome_of_a_lost_lease_is_refused(
    store: Store, clock: VirtualClock, harness: Harness, ending: Ending
) -> None:
    stale = running(store, a_worker(store, "w1"))
    lose(store, clock, harness.lease)
    freed = the(store, stale.id)
    assert store.jobs.finish("w1", [ending(stale)]) == [Refused(stale.id, 1, "w1")]
    assert the(store, stale.id) == freed
    [fresh] = claimed(store, a_worker(store, "w2"), order=Order.SUSPECT)
    held = the(store, fresh.id)
    assert store.jobs.finish("w1", [ending(stale)]) == [Refused(stale.id, 1, "w1")]
    assert the(store, fresh.id) == held
    assert store.jobs.finish("w2", [succeeded(fresh)]) == []


@every_verdict
def test_an_outcome_of_a_released_worker_is_refused(store: Store, ending: Ending) -> None:
    worker = a_worker(store)
    stale = running(store, worker)
    store.workers.release(worker, "killed by signal 9")
    freed = the(store, stale.id)
    assert store.jobs.finish(worker, [ending(stale)]) == [Refused(stale.id, 1, worker)]
    assert the(store, stale.id) == freed


@every_verdict
def test_an_outcome_from_another_worker_is_refused(store: Store, ending: Ending) -> None:
    job = running(store)
    other = a_worker(store)
    held = the(store, job.id)
    assert store.jobs.finish(other, [ending(job)]) == [Refused(job.id, 1, other)]
    assert the(store, job.id) == held


@every_verdict
def test_an_outcome_of_an_earlier_attempt_of_the_same_worker_is_refused(store: Store, ending: Ending) -> None:
    worker = a_worker(store)
    stale = running(store, worker)
    store.jobs.finish(worker, [put_back(stale)])
    [fresh] = claimed(store, worker)
    held = the(store, fresh.id)
    assert store.jobs.finish(worker, [ending(stale)]) == [Refused(stale.id, 1, worker)]
    assert the(store, fresh.id) == held
    assert store.jobs.finish(worker, [succeeded(fresh)]) == []


@every_verdict
def test_an_outcome_after_the_end_is_refused_and_changes_nothing(store: Store, ending: Ending) -> None:
    worker = a_worker(store)
    job = running(store, worker)
    store.jobs.finish(worker, [succeeded(job, b"1")])
    ended = the(store, job.id)
    assert store.jobs.finish(worker, [ending(job)]) == [Refused(job.id, 1, worker)]
    assert the(store, job.id) == ended


@every_verdict
def test_an_outcome_from_before_an_explicit_retry_is_refused(store: Store, ending: Ending) -> None:
    worker = a_worker(store)
    stale = running(store, worker)
    store.jobs.finish(worker, [failed(stale)])
    store.jobs.retry(stale.id)
    waiting = the(store, stale.id)
    assert store.jobs.finish(worker, [ending(stale)]) == [Refused(stale.id, 1, worker)]
    assert the(store, stale.id) == waiting


def test_of_two_outcomes_of_one_job_in_a_batch_the_first_counts(store: Store) -> None:
    worker = a_worker(store)
    job = running(store, worker)
    assert store.jobs.finish(worker, [succeeded(job, b"1"), failed(job)]) == [Refused(job.id, 1, worker)]
    assert (the(store, job.id).status, the(store, job.id).value) == (JobStatus.SUCCEEDED, b"1")
    assert store.jobs.attempts(job.id) == []


def test_a_refused_outcome_leaves_no_history_row(store: Store, clock: VirtualClock) -> None:
    worker = a_worker(store)
    stale = running(store, worker)
    store.jobs.finish(worker, [put_back(stale)])
    store.jobs.finish(worker, [retried(stale, clock.now()), failed(stale)])
    assert store.jobs.attempts(stale.id) == []


def test_the_rest_of_a_batch_is_recorded_beside_a_refused_outcome(store: Store, clock: VirtualClock) -> None:
    worker = a_worker(store)
    store.jobs.push([a_job() for _ in range(5)])
    jobs = claimed(store, worker)
    store.jobs.finish(worker, [succeeded(jobs[2])])
    outcomes = [VERDICTS[name](job) for name, job in zip(VERDICTS, jobs, strict=True)]
    assert store.jobs.finish(worker, outcomes) == [Refused(jobs[2].id, 1, worker)]
    states = [the(store, job.id).state for job in jobs]
    assert states == ["succeeded", "failed", "succeeded", "delayed", "ready"]


def test_an_outcome_of_a_job_that_is_not_there_is_refused(store: Store) -> None:
    worker = a_worker(store)
    ghost = running(store, worker)._replace(id=fresh_id(), ref=2**40)
    assert store.jobs.finish(worker, [succeeded(ghost)]) == [Refused(ghost.id, 1, worker)]


def test_finish_of_nothing_is_nothing(store: Store) -> None:
    assert store.jobs.finish(a_worker(store), []) == []


def test_a_batch_of_the_largest_size_is_recorded(store: Store) -> None:
    worker = a_worker(store)
    store.jobs.push([a_job() for _ in range(1_000)])
    jobs = claimed(store, worker, 1_000)
    assert store.jobs.finish(worker, [succeeded(job) for job in jobs]) == []
    assert store.jobs.counts()[JobStatus.SUCCEEDED] == 1_000


@pytest.mark.parametrize(("verdict", "cleared"), [*zip(VERDICTS, (True, True, True, False, False), strict=True)])
def test_an_outcome_clears_the_suspect_mark_and_an_orderly_return_does_not(
    store: Store, clock: VirtualClock, harness: Harness, verdict: str, cleared: bool
) -> None:
    running(store)
    lose(store, clock, harness.lease)
    worker = a_worker(store)
    [suspect] = claimed(store, worker, order=Order.SUSPECT)
    assert store.jobs.finish(worker, [VERDICTS[verdict](suspect)]) == []
    assert the(store, suspect.id).suspect is not cleared


def test_a_suspect_that_answers_with_an_error_is_no_longer_alone(
    store: Store, clock: VirtualClock, harness: Harness
) -> None:
    running(store)
    lose(store, clock, harness.lease)
    lost = lose_alone(store, clock, harness.lease)
    worker = a_worker(store)
    [suspect] = claimed(store, worker, order=Order.SUSPECT)
    assert suspect.crashes == 1
    store.jobs.finish(worker, [retried(suspect, clock.now())])
    store.jobs.promote(1)
    [job] = claimed(store, worker)
    assert (job.id, job.crashes, job.errors, job.suspect) == (lost.id, 1, 1, False)

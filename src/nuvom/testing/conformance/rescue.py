"""`WorkerStore.rescue` and `release`: the first loss is free, a suspect pays, neighbours never do."""

from __future__ import annotations

import pytest

from nuvom._job import Holding, JobError, JobState, JobStatus, Outcome, Verdict
from nuvom.stores.base import Store
from nuvom.stores.values import Order
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import (
    a_job,
    a_worker,
    claimed,
    failed,
    lose,
    lose_alone,
    pushed,
    running,
    succeeded,
    the,
)
from nuvom.testing.conformance.harness import Harness


def test_the_first_loss_is_free_and_makes_a_suspect(store: Store, clock: VirtualClock, harness: Harness) -> None:
    job = running(store)
    assert lose(store, clock, harness.lease) == 1
    freed = the(store, job.id)
    assert (freed.state, freed.suspect, freed.worker, freed.finished_at) == (JobState.READY, True, None, None)
    assert (freed.crashes, freed.errors, freed.attempt, freed.run_at) == (0, 0, 1, job.run_at)
    [attempt] = store.jobs.attempts(job.id)
    assert (attempt.number, attempt.started_at, attempt.ended_at) == (1, job.started_at, clock.now())
    assert attempt.error is not None
    assert (attempt.error.kind, freed.error) == ("lost", None)


def test_a_second_rescue_finds_nothing(store: Store, clock: VirtualClock, harness: Harness) -> None:
    job = running(store)
    lose(store, clock, harness.lease)
    freed = the(store, job.id)
    assert store.workers.rescue() == 0
    assert the(store, job.id) == freed


def test_rescue_leaves_the_jobs_of_live_workers(store: Store, clock: VirtualClock, harness: Harness) -> None:
    job = running(store)
    clock.advance(harness.lease + 1)
    live = running(store)
    assert store.workers.rescue() == 1
    assert (the(store, job.id).state, the(store, live.id).state) == (JobState.READY, JobState.RUNNING)


@pytest.mark.parametrize("max_crashes", [1, 2, 3])
def test_a_lost_job_is_run_again_max_crashes_times_and_then_fails(
    store: Store, clock: VirtualClock, harness: Harness, max_crashes: int
) -> None:
    job = running(store, max_crashes=max_crashes)
    lose(store, clock, harness.lease)
    for crash in range(1, max_crashes + 1):
        assert the(store, job.id).state is JobState.READY
        lose_alone(store, clock, harness.lease)
        assert the(store, job.id).crashes == crash
    ended = the(store, job.id)
    assert (ended.status, ended.crashes, ended.attempt) == (JobStatus.FAILED, max_crashes, max_crashes + 1)
    assert (ended.errors, ended.finished_at, ended.worker) == (0, clock.now(), None)
    assert ended.error is not None
    assert ended.error.kind == "lost"
    assert not store.jobs.has_suspects(None)


def test_a_suspect_that_is_lost_leaves_a_history_row(store: Store, clock: VirtualClock, harness: Harness) -> None:
    job = running(store, max_crashes=5)
    lose(store, clock, harness.lease)
    for number in (2, 3):
        clock.advance(1)
        worker = a_worker(store)
        [suspect] = claimed(store, worker, order=Order.SUSPECT)
        lose(store, clock, harness.lease)
        attempt = store.jobs.attempts(job.id)[-1]
        assert (attempt.number, attempt.worker, attempt.started_at) == (number, worker, suspect.started_at)
        assert attempt.ended_at == clock.now()
        assert attempt.error is not None
        assert attempt.error.kind == "lost"


def test_at_most_once_fails_at_its_first_loss(store: Store, clock: VirtualClock, harness: Harness) -> None:
    job = running(store, max_crashes=0)
    assert lose(store, clock, harness.lease) == 1
    ended = the(store, job.id)
    assert (ended.status, ended.crashes, ended.attempt, ended.suspect) == (JobStatus.FAILED, 0, 1, False)
    assert ended.error is not None
    assert ended.error.kind == "lost"
    assert claimed(store, a_worker(store), order=Order.SUSPECT) == []


def test_neighbours_of_a_poison_job_pay_nothing(store: Store, clock: VirtualClock, harness: Harness) -> None:
    batch = [a_job() for _ in range(5)]
    poison = batch[2].id
    store.jobs.push(batch)
    claimed(store, a_worker(store))
    assert lose(store, clock, harness.lease) == 5
    for _ in range(40):
        worker = a_worker(store)
        for suspect in claimed(store, worker, order=Order.SUSPECT):
            if suspect.id != poison:
                store.jobs.finish(worker, [succeeded(suspect)])
        lose(store, clock, harness.lease)
    for new in batch:
        ended = the(store, new.id)
        if new.id == poison:
            assert (ended.status, ended.crashes) == (JobStatus.FAILED, ended.max_crashes)
        else:
            assert (ended.status, ended.crashes, ended.attempt) == (JobStatus.SUCCEEDED, 0, 2)


def test_release_frees_the_jobs_of_a_dead_process_at_once(store: Store) -> None:
    worker, other = a_worker(store), a_worker(store)
    store.jobs.push([a_job(), a_job(max_crashes=0)])
    again, never = claimed(store, worker)
    live = running(store, other)
    assert store.workers.release(worker, "killed by signal 9") == 2
    assert (the(store, again.id).state, the(store, again.id).suspect) == (JobState.READY, True)
    ended = the(store, never.id)
    assert ended.status is JobStatus.FAILED
    assert ended.error is not None
    assert (ended.error.kind, "signal 9" in ended.error.message) == ("crash", True)
    assert the(store, live.id).state is JobState.RUNNING


def test_release_of_a_suspect_counts_a_crash_with_its_cause(store: Store, clock: VirtualClock) -> None:
    worker = a_worker(store)
    job = running(store, worker)
    store.workers.release(worker, "first")
    second = a_worker(store)
    claimed(store, second, order=Order.SUSPECT)
    assert store.workers.release(second, "exit code 7") == 1
    assert (the(store, job.id).crashes, the(store, job.id).suspect) == (1, True)
    error = store.jobs.attempts(job.id)[-1].error
    assert error is not None
    assert (error.kind, "exit code 7" in error.message) == ("crash", True)


def test_a_released_worker_is_dead(store: Store) -> None:
    worker = a_worker(store)
    assert store.workers.release(worker, "gone") == 0
    pushed(store)
    assert claimed(store, worker) == []
    assert store.workers.heartbeat([worker]) == {worker}
    assert store.workers.release(worker, "gone") == 0
    assert store.workers.release("nobody", "gone") == 0


def test_a_job_is_not_freed_twice_by_release_and_rescue(store: Store, clock: VirtualClock, harness: Harness) -> None:
    worker = a_worker(store)
    job = running(store, worker)
    assert store.workers.release(worker, "gone") == 1
    freed = the(store, job.id)
    assert lose(store, clock, harness.lease) == 0
    assert the(store, job.id) == freed


def test_an_outcome_ends_the_suspicion_for_the_next_life(store: Store, clock: VirtualClock, harness: Harness) -> None:
    job = running(store, max_crashes=1)
    lose(store, clock, harness.lease)
    worker = a_worker(store)
    [suspect] = claimed(store, worker, order=Order.SUSPECT)
    store.jobs.finish(worker, [failed(suspect)])
    assert store.jobs.retry(job.id)
    [again] = claimed(store, worker)
    assert (again.id, again.crashes, again.errors, again.attempt) == (job.id, 0, 0, 3)
    lose(store, clock, harness.lease)
    assert (the(store, job.id).state, the(store, job.id).crashes) == (JobState.READY, 0)


def test_what_failed_without_its_worker_is_told_once_to_who_has_its_task(
    store: Store, clock: VirtualClock, harness: Harness
) -> None:
    lost, other = running(store, max_crashes=0), running(store, max_crashes=0, task="tasks.other")
    open_one = running(store)
    lose(store, clock, harness.lease)
    assert the(store, open_one.id).state is JobState.READY
    assert store.jobs.take_untold(["tasks.unknown"], 10) == []
    assert store.jobs.take_untold([lost.task, "tasks.unknown"], 10) == [lost.id]
    assert store.jobs.take_untold([lost.task, other.task], 10) == [other.id]
    assert store.jobs.take_untold([lost.task, other.task], 10) == []


def test_a_failure_that_a_supervisor_records_is_told_and_one_of_its_own_worker_is_not(store: Store) -> None:
    worker = a_worker(store)
    ended, own, later = running(store, worker), running(store, worker), running(store, worker)
    error = JobError("timeout", message="it took too long")
    for job, verdict in ((ended, Verdict.FAILED), (later, Verdict.RETRY)):
        holding = Holding(job.ref, job.id, job.attempt, job.queue, job.key, job.flow)
        store.jobs.finish(worker, [Outcome(holding, verdict, None, error, None, 1)])
    store.jobs.finish(worker, [failed(own)])
    assert store.jobs.take_untold([own.task], 10) == [ended.id]


def test_at_most_so_many_failures_are_told_at_once_and_what_runs_again_is_not(
    store: Store, clock: VirtualClock, harness: Harness
) -> None:
    jobs = [running(store, max_crashes=0) for _ in range(3)]
    lose(store, clock, harness.lease)
    store.jobs.retry(jobs[0].id)
    told = [store.jobs.take_untold([jobs[0].task], 1) for _ in range(4)]
    assert sorted(job_id for each in told for job_id in each) == sorted(job.id for job in jobs[1:])
    assert max(len(each) for each in told) == 1

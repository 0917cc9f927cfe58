"""`Store.prune`: what is over is forgotten in small steps, and its end stays in the ledger."""

from __future__ import annotations

from datetime import timedelta

import pytest

from nuvom._job import JobStatus, Refused
from nuvom.stores.base import Store
from nuvom.stores.values import Retention
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    a_job,
    a_worker,
    all_jobs,
    claimed,
    every,
    failed,
    ids,
    ledger,
    missed,
    one_off,
    planned,
    pushed,
    retried,
    running,
    stored,
    succeeded,
    the,
)

KEEP = Retention()


def pruned(store: Store, keep: Retention = KEEP) -> int:
    """Prune until nothing is left to do; returns how many steps that took."""
    for step in range(1, 1_000):
        if not store.prune(keep):
            return step
    raise AssertionError("pruning does not come to an end")


def test_jobs_are_kept_as_long_as_it_is_said(store: Store, clock: VirtualClock) -> None:
    worker = a_worker(store)
    fine, broken = running(store, worker), running(store, worker)
    cancelled = pushed(store)
    store.jobs.cancel(cancelled)
    store.jobs.finish(worker, [succeeded(fine), failed(broken)])
    everything = {fine.id, broken.id, cancelled}
    newest = pushed(store)
    for elapsed, left in ((KEEP.jobs - SECOND, everything), (2 * SECOND, {broken.id}), (KEEP.failed, set())):
        clock.advance(elapsed)
        pruned(store)
        assert set(ids(all_jobs(store))) == {*left, newest}


def test_a_job_that_is_not_final_is_never_forgotten(store: Store, clock: VirtualClock) -> None:
    runs = running(store, key="k")
    others = [pushed(store), pushed(store, key="k"), pushed(store, run_at=clock.now() + 1000 * DAY)]
    clock.advance(500 * DAY)
    pruned(store)
    assert set(ids(all_jobs(store))) == {runs.id, *others}


def test_a_job_is_kept_from_its_end_and_not_from_its_beginning(store: Store, clock: VirtualClock) -> None:
    pushed(store)
    clock.advance(100 * DAY)
    worker = a_worker(store)
    [job] = claimed(store, worker)
    store.jobs.finish(worker, [succeeded(job)])
    pruned(store)
    assert store.jobs.get(job.id) is not None


def test_the_history_goes_with_its_job(store: Store, clock: VirtualClock) -> None:
    worker = a_worker(store)
    job = running(store, worker)
    store.jobs.finish(worker, [retried(job, clock.now())])
    store.jobs.promote(1)
    store.jobs.finish(worker, [succeeded(again) for again in claimed(store, worker)])
    pushed(store)
    clock.advance(KEEP.jobs + DAY)
    pruned(store)
    assert store.jobs.attempts(job.id) == []
    assert [answer.new for answer in store.jobs.push([a_job(id=job.id)])] == [True]
    assert the(store, job.id).attempt == 0
    assert store.jobs.attempts(job.id) == []


def test_an_outcome_of_a_forgotten_job_is_not_taken_for_anothers(store: Store) -> None:
    worker = a_worker(store)
    forgotten, newest = running(store, worker), running(store, worker)
    store.jobs.finish(worker, [succeeded(forgotten), succeeded(newest)])
    pruned(store, Retention(jobs=timedelta(microseconds=-1)))
    assert store.jobs.get(forgotten.id) is None
    other = running(store, worker)
    assert store.jobs.finish(worker, [succeeded(forgotten)]) == [Refused(forgotten.id, 1, worker)]
    assert the(store, other.id).status is JobStatus.RUNNING


def test_pruning_goes_in_small_steps(store: Store, clock: VirtualClock) -> None:
    worker = a_worker(store)
    for _ in range(3):
        store.jobs.push([a_job() for _ in range(1_000)])
        store.jobs.finish(worker, [succeeded(job) for job in claimed(store, worker, 1_000)])
    newest = pushed(store)
    clock.advance(KEEP.jobs + DAY)
    left = 3_001
    while store.prune(KEEP):
        before, left = left, len(all_jobs(store))
        assert before - left <= 1_000
    assert ids(all_jobs(store)) == [newest]


@pytest.mark.parametrize("ending", [JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED])
def test_the_end_of_a_forgotten_job_stays_in_its_row(store: Store, clock: VirtualClock, ending: JobStatus) -> None:
    envelope = stored(store, every(60, clock.now()))
    store.schedules.apply([planned(envelope, clock.now() + MINUTE)])
    clock.advance(1)
    worker = a_worker(store)
    if ending is JobStatus.CANCELLED:
        store.jobs.cancel(all_jobs(store)[0].id)
    else:
        [job] = claimed(store, worker)
        clock.advance(2)
        store.jobs.finish(worker, [succeeded(job) if ending is JobStatus.SUCCEEDED else failed(job)])
    before = ledger(store, envelope.id)
    assert before[0].job_status is ending
    newest = pushed(store)
    clock.advance(10 * DAY)
    pruned(store, Retention(failed=DAY))
    assert ids(all_jobs(store)) == [newest]
    assert ledger(store, envelope.id) == before


def test_an_occurrence_whose_job_was_forgotten_is_still_dispatched_once(store: Store, clock: VirtualClock) -> None:
    envelope = every(60, clock.now(), generation=1)
    item = planned(envelope, clock.now() + MINUTE)
    store.ledger.deliver([item])
    store.jobs.cancel(item.jobs[0].id)
    newest = pushed(store)
    clock.advance(10 * DAY)
    pruned(store)
    assert store.ledger.deliver([item]) == []
    assert ids(all_jobs(store)) == [newest]
    assert len(ledger(store, envelope.id)) == 1


def test_the_ledger_keeps_the_last_rows_of_a_living_schedule(store: Store, clock: VirtualClock) -> None:
    start = clock.now()
    envelope = stored(store, every(3600, start))
    rows = [missed(envelope, start + n * HOUR) for n in range(150)]
    store.schedules.apply([planned(envelope, start + 150 * HOUR, *rows)])
    clock.advance(300 * DAY)
    pruned(store)
    assert [row.nominal for row in ledger(store, envelope.id)] == [row.nominal for row in rows[:49:-1]]
    pruned(store, Retention(rows=10))
    assert len(ledger(store, envelope.id)) == 10


def test_the_ledger_keeps_young_rows_whatever_their_number(store: Store, clock: VirtualClock) -> None:
    start = clock.now()
    envelope = stored(store, every(60, start))
    rows = [missed(envelope, start + n * MINUTE) for n in range(150)]
    store.schedules.apply([planned(envelope, start + 150 * MINUTE, *rows)])
    clock.advance(29 * DAY)
    pruned(store)
    assert len(ledger(store, envelope.id)) == 150


def test_unremarkable_rows_of_frequent_schedules_go_sooner(store: Store, clock: VirtualClock) -> None:
    start = clock.now()
    often = stored(store, every(1, start))
    rows = [missed(often, start)]
    store.schedules.apply([planned(often, start + SECOND, *rows)])
    for n in range(1, 6):
        envelope = store.schedules.get(often.id)
        assert envelope is not None
        store.schedules.apply([planned(envelope, start + (n + 1) * SECOND)])
    worker = a_worker(store)
    jobs = claimed(store, worker)
    store.jobs.finish(worker, [failed(jobs[0]), *map(succeeded, jobs[1:])])
    clock.advance(3 * DAY)
    pruned(store, Retention(jobs=DAY, failed=DAY, rows=0))
    assert {row.nominal for row in ledger(store, often.id)} >= {start}
    assert len(ledger(store, often.id)) <= 2


def test_a_tombstone_stays_as_long_as_its_rows_and_then_goes(store: Store, clock: VirtualClock) -> None:
    envelope = stored(store, one_off(clock.now()))
    store.schedules.apply([planned(envelope, None)])
    clock.advance(20 * DAY)
    pruned(store)
    assert store.ledger.fence(envelope.id) is not None
    assert store.schedules.upsert(envelope).change == "done"
    store.jobs.cancel(all_jobs(store)[0].id)
    clock.advance(40 * DAY)
    pruned(store)
    assert ledger(store, envelope.id) == []
    assert store.ledger.fence(envelope.id) is None


def test_a_row_whose_job_is_still_open_stays(store: Store, clock: VirtualClock) -> None:
    envelope = stored(store, one_off(clock.now()))
    store.schedules.apply([planned(envelope, None)])
    clock.advance(400 * DAY)
    pruned(store)
    [row] = ledger(store, envelope.id)
    assert row.job_status is JobStatus.QUEUED


def test_the_fence_of_a_living_schedule_elsewhere_stays(store: Store, clock: VirtualClock) -> None:
    envelope = every(60, clock.now(), generation=5)
    store.ledger.raise_fence(envelope, None)
    clock.advance(400 * DAY)
    pruned(store)
    assert store.ledger.fence(envelope.id) is not None


def test_pruning_an_empty_store_is_done_at_once(store: Store) -> None:
    assert store.prune(KEEP) is False
    assert store.prune(Retention(jobs=timedelta(0), failed=timedelta(0), occurrences=timedelta(0), rows=0)) is False
    store.maintain()

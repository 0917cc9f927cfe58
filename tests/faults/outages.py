"""What services must do whose store goes away: go on by themselves, lose nothing that was accepted, and say it once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta

import pytest

from nuvom._job import JobStatus
from nuvom.errors import StoreUnavailable
from nuvom.stores.base import Store
from nuvom.stores.registry import open_store
from nuvom.testing.conformance.examples import a_job, every, one_off
from tests.faults.proxy import Proxy
from tests.faults.services import AWAY, BACK, DISPATCHING, STUCK, Place, Service
from tests.waiting import until

BACK_WITHIN = 3.0 + 5.0  # seconds from the store's return until a service works again; five for a machine that is busy


def often_and_once(store: Store) -> list[str]:
    """Schedule what comes due all the time, and what comes due once; returns their ids."""
    now = store.now()
    envelopes = [every(0.3, now + timedelta(seconds=0.3), task="count")]
    envelopes += [one_off(now + timedelta(seconds=n / 2), task="count") for n in range(1, 9)]
    return [store.schedules.upsert(envelope).envelope.id for envelope in envelopes]


def work_goes_on(store: Store, place: Place, schedule_id: str) -> None:
    """Wait until a job has ended and an occurrence was dispatched that were not before."""
    ran, rows = len(place.lines("ran")), len(store.ledger.occurrences(schedule_id, 9_999))
    until(
        lambda: len(place.lines("ran")) > ran and len(store.ledger.occurrences(schedule_id, 9_999)) > rows,
        timeout=BACK_WITHIN,
    )


def drained(store: Store, accepted: list[str]) -> None:
    """Wait until all that was accepted has ended well."""
    left = set(accepted)

    def empty() -> bool:
        left.difference_update([job for job in left if _status(store, job) is JobStatus.SUCCEEDED])
        return not left

    until(empty, timeout=30)


def ended(store: Store, schedule_ids: Sequence[str]) -> None:
    """Let nothing more come due, and wait until all that did has run."""
    for schedule_id in schedule_ids:
        store.schedules.cancel(schedule_id)
    until(lambda: settled(store))


def settled(store: Store) -> bool:
    """Tell whether every job is final and no schedule is due."""
    counts, due_in = store.jobs.counts(), store.schedules.next_due()
    return not counts.get(JobStatus.QUEUED) and not counts.get(JobStatus.RUNNING) and (due_in is None or due_in > 0)


def wait(services: list[Service]) -> None:
    """Wait until each service has said that it cannot work, and has not said since that it goes on."""
    until(lambda: all(_outages(service) > _returns(service) for service in services))


def are_back(services: list[Service]) -> None:
    """Wait until each service that said it cannot work has said, too, that it goes on.

    Work goes on as soon as one of them does; who still waits has nothing new to say of another outage.
    """
    until(lambda: all(_outages(service) == _returns(service) for service in services))


def assert_told_once(services: list[Service], outages: int) -> None:
    """Each process of a service says at most once for each outage that it waits, and then that it goes on."""
    are_back(services)
    for service in services:
        assert service.lives
        said, at_most = (AWAY, 2 * outages) if service.command == "runworker" else (STUCK, outages)
        assert 0 < service.told(said) <= at_most, service.said()


def assert_a_stall_is_waited_for(place: Place, proxy: Proxy, store: Store, said: str) -> None:
    """Stall the network for longer than a lease: a caller is told as `said` in time, and services go on afterwards."""
    often = often_and_once(store)[0]
    services = place.start("runscheduler", "runworker")
    place.ready(store)
    work_goes_on(store, place, often)
    with closing(open_store(proxy.url, busy_timeout=2.0)) as caller:
        job = a_job(task="count")
        caller.jobs.push([a_job(task="count")])
        proxy.stall()
        began = time.monotonic()
        with pytest.raises(StoreUnavailable, match=said) as error:
            caller.jobs.push([job])
        assert error.value.unknown
        with pytest.raises(StoreUnavailable, match=f"connection timeout|{said}"):
            caller.jobs.get(job.id)
        assert time.monotonic() - began < 2 * 2.0 + 1
        until(lambda: time.monotonic() - began > 2 * place.lease, timeout=30)
        proxy.go_on()
        work_goes_on(store, place, often)
        assert caller.jobs.push([job])[0].id == job.id
        drained(store, [job.id])
    ended(store, [often])
    assert all(service.lives for service in services)


def assert_a_lost_answer_costs_nothing(place: Place, proxy: Proxy, store: Store, request: str) -> None:
    """Keep answers to such requests from a worker, whose lease does not run out: each job runs once, and soon."""
    place.lease = 60.0
    [worker] = place.start("runworker")
    place.ready(store)
    for _ in range(4):
        cut = proxy.cut_at(1, "after", request)
        jobs = [a_job(task="count") for _ in range(5)]
        store.jobs.push(jobs)
        assert cut.came.wait(10)
        drained(store, [job.id for job in jobs])
    ran = Counter(place.lines("ran"))
    assert len(ran) == 20
    assert set(ran.values()) == {1}
    assert all(job.crashes == 0 and not job.suspect for job in map(store.jobs.get, ran) if job)
    assert worker.lives
    assert "too late" not in worker.said()


def _status(store: Store, job_id: str) -> JobStatus | None:
    job = store.jobs.get(job_id)
    return job and job.status


def _outages(service: Service) -> int:
    return service.told(AWAY) + service.told(STUCK)


def _returns(service: Service) -> int:
    return service.told(BACK) + service.told(DISPATCHING)

"""The server is killed, stopped, emptied and cut off: services and callers go on by themselves."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import redis

from nuvom._job import JobStatus
from nuvom.stores.base import Store
from nuvom.stores.registry import open_store
from nuvom.testing.conformance.examples import every, pushed
from tests.faults import invariants, outages
from tests.faults.outages import BACK_WITHIN, drained, ended, often_and_once, work_goes_on
from tests.faults.redis.proxy import Proxy
from tests.faults.services import AWAY, STUCK, Place, pushing
from tests.valkey import Server
from tests.waiting import until

EMPTIED = "lost all that it kept since this process began"


def outcomes(store: Store, schedule_id: str) -> list[JobStatus | None]:
    """Return what became of each occurrence of a schedule."""
    return [row.job_status for row in store.ledger.occurrences(schedule_id, 10)]


def test_a_server_that_is_killed_loses_nothing_of_what_was_accepted_where_it_syncs_always_and_services_go_on(
    server: Server, place: Place, direct: Store
) -> None:
    schedule_ids = often_and_once(direct)
    services = place.start("runscheduler", "runscheduler", "runworker", "runworker")
    place.ready(direct)
    with pushing(server.url) as pusher:
        for _ in range(2):
            work_goes_on(direct, place, schedule_ids[0])
            server.kill()
            outages.wait(services)
            server.start()
            work_goes_on(direct, place, schedule_ids[0])
            outages.are_back(services)
    assert pusher.longest < 6
    assert pusher.failures
    drained(direct, pusher.accepted)
    ended(direct, schedule_ids[:1])
    outages.assert_told_once(services, 2)
    assert all(not service.told(EMPTIED) for service in services)
    for each in schedule_ids[1:]:  # the last of them is due four seconds after they were made
        until(lambda each=each: outcomes(direct, each) == [JobStatus.SUCCEEDED])


def test_every_answer_of_a_server_that_syncs_always_survives_its_death(server: Server) -> None:
    with closing(open_store(server.url)) as store, pushing(server.url, batch=20) as pusher:
        schedules = []
        for _ in range(4):
            accepted = len(pusher.accepted)
            until(lambda accepted=accepted: len(pusher.accepted) > accepted + 100)
            schedules += [store.schedules.upsert(every(60, store.now() + timedelta(hours=1))).envelope.id]
            server.kill()
            server.start()
    with closing(open_store(server.url)) as store:
        assert [job for job in pusher.accepted if store.jobs.get(job) is None] == []
        assert [each for each in schedules if store.schedules.get(each) is None] == []


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[tuple[Server, Place, Store]]:
    """A server with settings of its own, and a place for services on it."""
    made = Server(**settings)
    try:
        with Place(folder, made.url, made.url) as place, closing(open_store(made.url)) as store:
            yield made, place, store
    finally:
        made.remove()


def test_a_server_that_keeps_nothing_loses_all_and_that_is_said_by_everybody_and_work_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(tmp_path) as (server, place, store):
        often = often_and_once(store)[0]
        services = place.start("runscheduler", "runworker")
        place.ready(store)
        work_goes_on(store, place, often)
        server.kill()
        server.start()
        for service in services:
            service.waits_for(EMPTIED, timeout=30)
        assert store.schedules.get(often) is None
        until(lambda: sum(worker.alive for worker in store.workers.list()) >= 2)
        drained(store, [pushed(store, task="count")])
        work_goes_on(store, place, store.schedules.upsert(every(0.3, store.now(), task="count")).envelope.id)
        store._database.look()  # type: ignore[attr-defined]  # as every caller does now and then
        assert [each.levelname for each in caplog.records if EMPTIED in each.getMessage()] == ["ERROR"]
        assert all(service.lives for service in services)


def test_a_server_that_syncs_each_second_loses_at_most_what_came_within_the_last_and_work_goes_on(
    tmp_path: Path,
) -> None:
    with serving(tmp_path, appendonly="yes", appendfsync="everysec") as (server, place, store):
        services = place.start("runworker")
        place.ready(store)
        early = [pushed(store, task="count", run_at=store.now() + timedelta(seconds=6)) for _ in range(50)]
        time.sleep(2.1)  # what is older than that is on disk, by the server's own promise
        with pushing(server.url, batch=5) as pusher:
            until(lambda: len(pusher.accepted) > 50)
            server.kill()
            server.start()
            until(lambda: len(pusher.accepted) > 100)
        kept = [job for job in pusher.accepted if store.jobs.get(job) is not None]
        drained(store, early + kept)
        assert all(service.lives for service in services)
        assert sum(service.told(EMPTIED) for service in services) == 0
        invariants.check(server.url)


def test_a_store_that_is_emptied_while_services_work_is_said_once_by_each_and_is_used_anew(
    server: Server, place: Place, direct: Store
) -> None:
    often = often_and_once(direct)[0]
    services = place.start("runscheduler", "runworker")
    place.ready(direct)
    work_goes_on(direct, place, often)
    with closing(redis.Redis.from_url(server.url)) as client:
        client.flushall()
    for service in services:
        service.waits_for(EMPTIED, timeout=30)
    until(lambda: {each.kind for each in direct.workers.list() if each.alive} == {"scheduler", "worker"})
    until(lambda: {row.name for row in direct.workers.tasks()} >= {"count", "slow"})
    drained(direct, [pushed(direct, task="count")])
    again = direct.schedules.upsert(every(0.3, direct.now(), task="count")).envelope.id
    work_goes_on(direct, place, again)
    ended(direct, [again])
    assert all(1 <= service.told(EMPTIED) <= 2 for service in services)  # a worker's supervisor may meet it, too
    assert all(service.lives for service in services)


def test_scripts_that_the_server_forgets_under_load_cost_nothing(server: Server, place: Place, direct: Store) -> None:
    often = often_and_once(direct)[0]
    services = place.start("runscheduler", "runworker")
    place.ready(direct)
    with closing(redis.Redis.from_url(server.url)) as client, pushing(server.url) as pusher:
        for _ in range(20):
            accepted = len(pusher.accepted)
            client.script_flush()
            until(lambda accepted=accepted: len(pusher.accepted) > accepted + 2)
    assert pusher.failures == []
    drained(direct, pusher.accepted)
    ended(direct, [often])
    assert all(service.told(AWAY) == service.told(STUCK) == 0 for service in services)


def test_connections_that_are_ended_while_services_work_cost_nothing_but_the_work_of_that_moment(
    server: Server, place: Place, direct: Store
) -> None:
    often = often_and_once(direct)[0]
    services = place.start("runscheduler", "runworker")
    place.ready(direct)
    with closing(redis.Redis.from_url(server.url)) as client, pushing(server.url) as pusher:
        for _ in range(10):
            ran = len(place.lines("ran"))
            for kind in ("normal", "pubsub"):
                client.client_kill_filter(_type=kind, skipme=True)
            until(lambda ran=ran: len(place.lines("ran")) > ran, timeout=BACK_WITHIN)
    drained(direct, pusher.accepted)
    ended(direct, [often])
    assert all(service.lives for service in services)


def test_a_network_that_stalls_holds_up_callers_for_as_long_as_they_wait_and_services_until_it_goes_on(
    place: Place, proxy: Proxy, direct: Store
) -> None:
    outages.assert_a_stall_is_waited_for(place, proxy, direct, "Timeout")


def test_a_server_that_stops_for_longer_than_a_lease_and_goes_on_runs_what_was_accepted_once_or_says_why(
    server: Server, place: Place, direct: Store
) -> None:
    often = often_and_once(direct)[0]
    services = place.start("runscheduler", "runworker")
    place.ready(direct)
    jobs = [pushed(direct, task="count") for _ in range(5)]
    drained(direct, jobs)
    slow = pushed(direct, task="slow", arguments=b"[[0.5],{}]")
    until(lambda: slow in place.lines("began"))
    os.kill(server.pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        until(lambda: time.monotonic() - began > 2 * place.lease, timeout=30)
    finally:
        os.kill(server.pid, signal.SIGCONT)
    drained(direct, [slow])
    work_goes_on(direct, place, often)
    ended(direct, [often])
    found = direct.jobs.get(slow)
    assert found is not None
    assert place.lines("began").count(slow) == found.attempt == 1 + len(direct.jobs.attempts(slow))
    assert all(service.lives for service in services)


@pytest.mark.parametrize("script", ["claim", "finish"])
def test_an_answer_that_a_worker_does_not_get_leaves_no_job_lying_and_runs_none_twice(
    place: Place, proxy: Proxy, direct: Store, script: str
) -> None:
    outages.assert_a_lost_answer_costs_nothing(place, proxy, direct, script)

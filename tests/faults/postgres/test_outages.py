"""The server is killed, the network stalls, sessions are ended: services and callers go on by themselves."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from nuvom.errors import StoreUnavailable
from nuvom.stores.base import Store
from nuvom.stores.registry import open_store
from tests.faults import outages
from tests.faults.outages import BACK_WITHIN, drained, ended, often_and_once, work_goes_on
from tests.faults.postgres.proxy import Proxy
from tests.faults.services import Place, pushing
from tests.servers import Server
from tests.waiting import until


@pytest.fixture
def place(tmp_path: Path, proxy: Proxy, straight: str) -> Iterator[Place]:
    with Place(tmp_path, proxy.url, straight) as place:
        yield place


def test_a_server_that_is_killed_loses_nothing_of_what_was_accepted_and_services_go_on(
    server: Server, place: Place, direct: Store, straight: str
) -> None:
    schedule_ids = often_and_once(direct)
    services = place.start("runscheduler", "runscheduler", "runworker", "runworker")
    place.ready(direct)
    with pushing(straight) as pusher:
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


def test_sessions_that_are_ended_while_services_work_cost_nothing_but_the_work_of_that_moment(
    server: Server, place: Place, direct: Store, straight: str
) -> None:
    schedule_ids = often_and_once(direct)
    services = place.start("runscheduler", "runworker")
    place.ready(direct)
    with closing(psycopg.connect(server.url, autocommit=True)) as admin, pushing(straight) as pusher:
        for _ in range(10):
            ran = len(place.lines("ran"))
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'nuvom'")
            until(lambda ran=ran: len(place.lines("ran")) > ran, timeout=BACK_WITHIN)
    drained(direct, pusher.accepted)
    ended(direct, schedule_ids[:1])
    assert all(service.lives for service in services)


def test_a_network_that_stalls_holds_up_callers_for_as_long_as_they_wait_and_services_until_it_goes_on(
    place: Place, proxy: Proxy, direct: Store
) -> None:
    outages.assert_a_stall_is_waited_for(place, proxy, direct, "no answer within")


def test_a_service_that_gets_no_answer_takes_the_network_for_dead_and_no_other_connection_for_alive(
    proxy: Proxy, direct: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nuvom.stores.postgres.connections._PATIENCE", 1.0)
    with closing(open_store(proxy.url, busy_timeout=None)) as service, ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: service.jobs.has_ready(None), range(40)))
        assert proxy.connections > 1
        proxy.stall()
        began = time.monotonic()
        with pytest.raises(StoreUnavailable, match=r"is away: no answer within 1\.0 s"):
            service.jobs.has_ready(None)
        assert time.monotonic() - began < 2
        proxy.go_on()
        assert not service.jobs.has_ready(None)


def test_a_connection_that_was_given_up_does_not_take_a_place_of_the_server_when_the_network_goes_on(
    proxy: Proxy, schema: str
) -> None:
    gc.disable()
    try:
        with closing(open_store(proxy.url, busy_timeout=2.0)) as store:
            proxy.stall()
            with pytest.raises(StoreUnavailable, match="connection timeout"):
                store.jobs.has_ready(None)
            proxy.go_on()
            assert not store.jobs.has_ready(None)
            until(lambda: proxy.connections == 1, timeout=5)
    finally:
        gc.enable()


@pytest.mark.parametrize("statement", ["SET state = 'running'", "SET state = 'succeeded'"], ids=["claim", "finish"])
def test_an_answer_that_a_worker_does_not_get_leaves_no_job_lying_and_runs_none_twice(
    place: Place, proxy: Proxy, direct: Store, statement: str
) -> None:
    outages.assert_a_lost_answer_costs_nothing(place, proxy, direct, statement)

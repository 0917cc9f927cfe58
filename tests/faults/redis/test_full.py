"""The server has no memory or no disk left: callers are told, nothing is lost, services go on when there is room."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
import redis

from nuvom.errors import StoreFull
from nuvom.stores.base import Store
from nuvom.stores.registry import open_store
from nuvom.testing.conformance.examples import a_job, every
from tests.faults import invariants
from tests.faults.outages import drained, ended, work_goes_on
from tests.faults.services import DISPATCHING, STUCK, Place
from tests.valkey import Server
from tests.waiting import until

Act = Callable[[], None]


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server(appendonly="yes", appendfsync="everysec")
    yield made
    invariants.check(made.url)
    made.remove()


@pytest.fixture
def client(server: Server) -> Iterator[redis.Redis]:
    with closing(redis.Redis.from_url(server.url)) as made:
        yield made


@pytest.fixture
def memory(client: redis.Redis) -> tuple[Act, Act, Act]:
    """What takes the memory away, all of it too, and what gives more."""

    def take() -> None:
        client.config_set("maxmemory", str(client.info("memory")["used_memory"] + 200_000))

    def press() -> None:  # who pushes much at once is refused for his own buffer, while little still finds room
        client.config_set("maxmemory", str(client.info("memory")["used_memory"] // 2))

    return take, press, lambda: client.config_set("maxmemory", "0")


@pytest.fixture
def disk(server: Server, client: redis.Redis) -> tuple[Act, Act, Act]:
    """What takes the disk away, what need not be done then, and what gives it back."""
    if sys.platform == "linux":
        [log] = (server.folder / "appendonlydir").glob("*.incr.aof")

        def take() -> None:
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (log.stat().st_size + 50_000, -1))

        return take, _nothing, lambda: resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (-1, -1)) and None

    def fail_to_save() -> None:
        client.config_set("save", "900 1")
        (server.folder / "dump.rdb").mkdir()
        client.bgsave()

    def save() -> None:
        (server.folder / "dump.rdb").rmdir()
        client.bgsave()

    return fail_to_save, _nothing, save


def _nothing() -> None:
    """Do nothing: there is no room at all already."""


@pytest.mark.parametrize("what", ["memory", "disk"])
def test_a_server_that_is_full_refuses_callers_and_services_go_on_when_there_is_room_again(
    what: str, server: Server, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    take, press, give = request.getfixturevalue(what)
    with closing(open_store(server.url)) as store, Place(tmp_path, server.url, server.url) as place:
        often = store.schedules.upsert(every(0.3, store.now() + timedelta(seconds=0.3), task="count")).envelope.id
        services = place.start("runscheduler", "runworker")
        place.ready(store)
        work_goes_on(store, place, often)
        take()
        accepted = filled(store)
        press()
        until(lambda: services[0].told(STUCK))
        give()
        work_goes_on(store, place, often)
        drained(store, accepted)
        ended(store, [often])
        until(lambda: services[0].told(STUCK) == services[0].told(DISPATCHING))
        assert all(service.lives for service in services)


def filled(store: Store) -> list[str]:
    """Push until there is no room left; returns the ids of what was accepted, and sees that the rest is not there."""
    accepted: list[str] = []
    refused: list[str] = []

    def is_full() -> bool:
        job = a_job(task="count", metadata=b'{"note": "' + 5_000 * b"x" + b'"}')
        try:
            store.jobs.push([job])
        except StoreFull as error:
            refused.append(job.id)
            return len(refused) > 3 or error.unknown
        accepted.append(job.id)
        return False

    until(is_full, timeout=30, every=0)
    assert len(refused) > 3, "it did not say whether it took the job"
    assert [job for job in refused if store.jobs.get(job) is not None] == []
    return accepted

"""Behind a pooler that lends a connection for one transaction, nothing is kept in sessions and work is looked for."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from nuvom._job import JobStatus
from nuvom.stores.base import Store
from nuvom.stores.registry import open_store
from nuvom.testing.conformance.examples import a_job, every
from tests.faults.postgres.pooler import Pooler
from tests.faults.services import Place
from tests.servers import Server, with_parameters
from tests.waiting import until

CLIENTS = 6


@pytest.fixture
def pooler(server: Server, schema: str) -> Iterator[Pooler]:
    """Two connections for everybody; its URL is that of the store."""
    with Pooler(with_parameters(server.tcp_url, schema=schema), size=2) as made:
        yield made


def test_many_callers_share_few_connections_and_rely_on_nothing_of_a_session(pooler: Pooler, direct: Store) -> None:
    with closing(open_store(pooler.url)) as store, ThreadPoolExecutor(CLIENTS) as threads:
        assert store.now() - direct.now() < timedelta(seconds=5)

        def use(number: int) -> list[str]:
            jobs = [a_job(key=f"{number % 3}"), a_job(task="one", unique="done")]
            answers = store.jobs.push(jobs)
            store.jobs.cancel(jobs[0].id)
            assert store.jobs.get(jobs[0].id) is not None
            return [answer.id for answer in answers[1:]]

        unique = {job for jobs in threads.map(use, range(30)) for job in jobs}
    assert len(unique) == 1
    assert direct.jobs.counts()[JobStatus.CANCELLED] == 30
    assert pooler.lent > 60


def test_services_behind_a_pooler_say_once_that_they_look_for_work_and_do_it(
    tmp_path: Path, pooler: Pooler, straight: str, direct: Store
) -> None:
    often = every(0.3, direct.now() + timedelta(seconds=0.3), task="count")
    direct.schedules.upsert(often)
    with Place(tmp_path, pooler.url, straight) as place:
        services = place.start("runscheduler", "runworker")
        until(lambda: len(place.lines("ran")) > 3)
        jobs = [a_job(task="count") for _ in range(50)]
        direct.jobs.push(jobs)
        until(lambda: direct.jobs.get(jobs[-1].id).status is JobStatus.SUCCEEDED, timeout=10)  # type: ignore[union-attr]
        direct.schedules.cancel(often.id)
        for service in services:
            assert service.lives
            assert service.told("is reached through a pooler, which does not pass wake-ups on") == 1, service.said()
            assert "away" not in service.said()


def test_wake_ups_come_through_a_pooler_of_sessions_where_the_url_says_so(
    server: Server, schema: str, direct: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nuvom.stores.ears.SAFETY", 60.0)
    monkeypatch.setattr("nuvom.stores.ears.POLL", 60.0)
    url = with_parameters(server.tcp_url, schema=schema, listen="yes")
    with (
        Pooler(url, size=5, sessions=True) as pooler,
        closing(open_store(pooler.url)) as store,
        closing(store.listener("worker")) as ear,
    ):
        assert ear.wait(10)  # it has begun to listen
        direct.jobs.push([a_job()])
        assert ear.wait(10)

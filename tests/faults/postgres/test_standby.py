"""A standby refuses what changes anything and says so; when it takes over, services named both go on with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from nuvom._job import JobStatus
from nuvom.errors import StoreUnavailable
from nuvom.stores.registry import open_store
from nuvom.testing.conformance.examples import a_job, every, pushed, the
from tests.faults import invariants
from tests.faults.services import Place
from tests.servers import QUICK, Server
from tests.waiting import until


@pytest.fixture
def pair() -> Iterator[tuple[Server, Server]]:
    """A primary with a migrated store, and its standby."""
    primary = Server(**QUICK)
    with closing(open_store(primary.tcp_url)) as store:
        store.migrate()
    standby = Server(primary, **QUICK)
    yield primary, standby
    standby.remove()
    primary.remove()


def has_all_of(standby: Server, primary: Server) -> bool:
    """Tell whether a standby has replayed what its primary has written."""
    with closing(psycopg.connect(primary.url)) as first, closing(psycopg.connect(standby.url)) as second:
        written = first.execute("SELECT pg_current_wal_flush_lsn()::text").fetchone()
        found = second.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", written).fetchone()
    return found == (True,)


def test_after_a_failover_services_and_callers_that_named_both_hosts_go_on_with_the_other(
    pair: tuple[Server, Server], tmp_path: Path
) -> None:
    primary, standby = pair
    hosts = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
    both = f"postgresql://postgres@{hosts}/postgres?target_session_attrs=read-write"
    with closing(open_store(standby.tcp_url)) as reader, closing(open_store(both)) as store:
        until(lambda: has_all_of(standby, primary))
        with pytest.raises(StoreUnavailable, match=r"read-only, a standby .*target_session_attrs=read-write") as error:
            reader.jobs.push([a_job()])
        assert not error.value.unknown
        often = every(0.3, store.now() + timedelta(seconds=0.3), task="count")
        store.schedules.upsert(often)
        with Place(tmp_path, both, standby.tcp_url) as place:
            services = place.start("runscheduler", "runworker")
            until(lambda: len(place.lines("ran")) > 1)
            before = pushed(store, task="slow", arguments=b"[[0.1],{}]")
            until(lambda: has_all_of(standby, primary))
            primary.kill()
            for service in services:
                service.waits_for("away|cannot dispatch")
            standby.promote()
            ran = len(place.lines("ran"))
            until(lambda: len(place.lines("ran")) > ran, timeout=15)
            after = pushed(store, task="count")
            until(lambda: all(the(store, job).status is JobStatus.SUCCEEDED for job in (before, after)))
            assert all(service.lives for service in services)
        store.schedules.cancel(often.id)
    invariants.check(standby.tcp_url)

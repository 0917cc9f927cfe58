"""A replica that lags takes over: what it lacks is done again under the same ids, and nothing is there twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis

from nuvom._job import JobStatus
from nuvom._schedule import CatchUp
from nuvom.stores.registry import open_store
from nuvom.testing.conformance.examples import a_job, every, pushed, the
from tests.faults import invariants
from tests.faults.outages import ended
from tests.faults.redis.proxy import Proxy
from tests.faults.redis.test_outages import EMPTIED
from tests.faults.services import Place
from tests.valkey import Server
from tests.waiting import until

LEASE = 10.0  # seconds: it is not to run out because the replica lacks heartbeats, too


class Pair:
    """A primary, a replica, and what leads to the one that callers mean."""

    def __init__(self, stack: ExitStack) -> None:
        self.primary = Server(repl_diskless_sync_delay="0")
        stack.callback(self.primary.remove)
        self.between = stack.enter_context(Proxy(self.primary.url, opaque=True))
        self.replica = Server(replicaof=f"127.0.0.1 {urlsplit(self.between.url).port}")
        stack.callback(self.replica.remove)
        self.front = stack.enter_context(Proxy(self.primary.url))
        until(lambda: self.follower().info("replication")["master_link_status"] == "up")

    def follower(self) -> redis.Redis:
        """A client of the replica."""
        return redis.Redis.from_url(self.replica.url)

    def in_step(self) -> bool:
        """Tell whether the replica has all that the primary has."""
        with closing(redis.Redis.from_url(self.primary.url)) as first, closing(self.follower()) as second:
            return first.info("replication")["master_repl_offset"] <= second.info("replication")["slave_repl_offset"]

    def fail_over(self) -> None:
        """End the primary, and lead everybody to the replica, which lacks what did not reach it."""
        self.primary.kill()
        self.between.refuse()
        with closing(self.follower()) as client:
            client.execute_command("REPLICAOF", "NO", "ONE")
        self.front.lead_to(self.replica.url)


@pytest.fixture
def pair() -> Iterator[Pair]:
    with ExitStack() as stack:
        yield Pair(stack)


def test_what_a_replica_lacks_that_takes_over_runs_again_under_its_id_and_has_one_row(
    pair: Pair, tmp_path: Path
) -> None:
    url = pair.front.url
    with closing(open_store(url)) as store, Place(tmp_path, url, url, lease=LEASE) as place:
        services = place.start("runscheduler", "runworker")
        place.ready(store)
        first = store.now() + timedelta(seconds=0.3)
        often = store.schedules.upsert(every(0.3, first, task="count", catch_up=CatchUp.ALL)).envelope.id
        until(lambda: len(place.lines("ran")) > 3)
        kept = [pushed(store, task="count") for _ in range(3)]
        until(lambda: set(kept) <= set(place.lines("ran")))
        until(pair.in_step)
        pair.between.stall()
        lacking, ran = a_job(task="count"), len(place.lines("ran"))
        store.jobs.push([lacking])
        until(lambda: len(place.lines("ran")) > ran + 5 and lacking.id in place.lines("ran"))
        before = Counter(place.lines("ran"))
        pair.fail_over()
        until(lambda: len(place.lines("ran")) > before.total() + 8, timeout=30)
        assert store.jobs.get(lacking.id) is None, "it was accepted by one who did not wait for a replica"
        assert store.jobs.push([lacking])[0].new
        until(lambda: the(store, lacking.id).status is JobStatus.SUCCEEDED)
        ended(store, [often])
        rows = store.ledger.occurrences(often, 100_000)
        assert len({row.nominal for row in rows}) == len({row.job_id for row in rows}) == len(rows)
        again = [job for job, times in Counter(place.lines("ran")).items() if times > 1]
        assert again, "nothing ran twice: the replica lacked nothing"
        assert set(again) <= {row.job_id for row in rows} | {lacking.id} | set(kept)
        assert max(Counter(place.lines("ran")).values()) == 2
        assert set(place.lines("ran")) == {row.job_id for row in rows} | {lacking.id} | set(kept)
        assert all(service.lives and not service.told(EMPTIED) for service in services)
    invariants.check(pair.replica.url)


def test_a_server_that_waits_for_replicas_accepts_nothing_that_it_alone_has(pair: Pair) -> None:
    with closing(open_store(pair.front.url)) as store, closing(redis.Redis.from_url(pair.primary.url)) as client:
        client.config_set("min-replicas-to-write", "1")
        client.config_set("min-replicas-max-lag", "1")
        job_id = pushed(store)
        until(pair.in_step)
        pair.fail_over()
        assert the(store, job_id).id == job_id

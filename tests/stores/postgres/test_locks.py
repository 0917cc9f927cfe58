"""Who waits for whom in PostgreSQL: rows are locked in one order, so that nobody waits in a circle."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from nuvom.stores.base import Store
from nuvom.testing.conformance.examples import a_worker, claimed, pushed, succeeded
from tests.stores.postgres.looks import behind
from tests.waiting import until


def test_outcomes_in_any_order_lock_their_jobs_in_that_of_their_pushes(live: Store, postgres_url: str) -> None:
    first, second = pushed(live), pushed(live)
    worker = a_worker(live)
    jobs = {job.id: job for job in claimed(live, worker)}
    with behind(postgres_url) as other, ThreadPoolExecutor() as threads:
        with other.transaction():
            other.execute("SELECT FROM jobs WHERE id = %s FOR UPDATE", (first,))
            refused = threads.submit(live.jobs.finish, worker, [succeeded(jobs[second]), succeeded(jobs[first])])
            waiting = b"SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            until(lambda: other.execute(waiting).fetchone() is not None)
            other.execute("SELECT FROM jobs WHERE id = %s FOR UPDATE NOWAIT", (second,))
        assert refused.result(5) == []

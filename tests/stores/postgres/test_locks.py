"""Who waits for whom in PostgreSQL: rows are locked in one order, so that nobody waits in a circle."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from nuvom.stores.base import Store
from nuvom.testing.conformance.examples import a_worker, claimed, every, pushed, succeeded
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


def test_a_cancel_that_waited_for_a_dispatch_is_later_than_that(live: Store, postgres_url: str) -> None:
    kept = live.schedules.upsert(every(60, live.now())).envelope
    with behind(postgres_url) as other, ThreadPoolExecutor() as threads:
        with other.transaction():
            other.execute("SELECT FROM schedules WHERE id = %s FOR UPDATE", (kept.id,))
            cancelled = threads.submit(live.schedules.cancel, kept.id)
            waiting = b"SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            until(lambda: other.execute(waiting).fetchone() is not None)
            (released,) = other.execute("SELECT clock_timestamp()").fetchone() or (None,)
        assert cancelled.result(5)
    fence = live.ledger.fence(kept.id)
    assert fence is not None
    assert fence.ended_at is not None
    assert fence.ended_at >= released

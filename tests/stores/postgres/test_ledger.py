"""The ledger in PostgreSQL: what an index answers among many rows, and what a sweep leaves to others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from uuid import uuid4

import pytest

from nuvom.stores.base import Store
from nuvom.stores.postgres.columns import columns
from nuvom.stores.registry import open_store
from nuvom.stores.values import Retention
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import (
    DAY,
    MINUTE,
    a_worker,
    all_jobs,
    claimed,
    every,
    ids,
    ledger,
    missed,
    planned,
    pushed,
    stored,
    succeeded,
)
from nuvom.testing.conformance.harness import START
from tests.stores.postgres.looks import behind, plan_of

ID = str(uuid4())
ALL = Retention(jobs=timedelta(0), failed=timedelta(0), occurrences=timedelta(0), rows=0)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def store(postgres_url: str, clock: VirtualClock) -> Iterator[Store]:
    with closing(open_store(postgres_url, clock=clock)) as opened:
        yield opened


def fill(url: str, *, analyze: bool) -> None:
    """Store many runs of one schedule that ended, and as many occurrences."""
    with behind(url) as connection:
        connection.execute(
            """
            INSERT INTO jobs (id, task, queue, run_at, created_at, finished_at, state, arguments, schedule_id)
            SELECT gen_random_uuid(), 'tasks.send', 'default', 0, 0, 0, 'succeeded', '[[],{}]', %s
            FROM generate_series(1, 30000)
            """,
            (ID,),
        )
        connection.execute(
            """
            INSERT INTO occurrences (schedule_id, nominal, outcome, job_id, recorded_at, source)
            SELECT %s, n, 'dispatched', gen_random_uuid(), 0, CASE n %% 10 WHEN 0 THEN 'manual:' || n ELSE '' END
            FROM generate_series(1, 30000) AS n
            """,
            (ID,),
        )
        if analyze:
            connection.execute("ANALYZE jobs, occurrences")


ROWS = [(ID, n, "manual:x", "dispatched", None, str(uuid4()), 0, None, 1, None) for n in range(500)]
NAMES = (
    "schedule_id", "nominal", "source", "outcome", "reason", "job_id", "lateness", "last", "count", "utc_offset",
)  # fmt: skip
INSERT = {**columns(NAMES, ROWS), "now": 1, "wanted": 500}


LOOKS: dict[str, Mapping[str, object] | Sequence[object]] = {
    "blocked": ([ID], ["skip"]),
    "open_runs": (ID, 11),
    "occurrence": (ID, 1, ""),
    "occurrences": (ID, 0, 2**62, 100),
    "requested": (ID, "manual:10"),
    "insert_backfill": INSERT,
    "insert_request": INSERT,
    "oldest_kept": ([ID], 99),
    "prunable_jobs": (0, 500),
    "prunable_occurrences": (ID, 100, "", 500),
    "forget_jobs": columns(("seq", "before"), [(n, 1) for n in range(500)]),
    "forget_occurrences": columns(NAMES[:3], [row[:3] for row in ROWS]),
    "forget_flows": (["tasks.send"],),
}


@pytest.mark.parametrize("analyze", [False, True], ids=["never analyzed", "analyzed"])
def test_no_look_at_the_ledger_reads_a_whole_table(postgres_url: str, *, analyze: bool) -> None:
    fill(postgres_url, analyze=analyze)
    plans = {statement: plan_of(postgres_url, statement, parameters) for statement, parameters in LOOKS.items()}
    whole = ("Seq Scan on jobs", "Seq Scan on occurrences")
    assert {name: plan for name, plan in plans.items() if any(scan in plan for scan in whole)} == {}


def swept(store: Store, keep: Retention) -> None:
    while store.prune(keep):
        pass


def test_a_sweep_leaves_a_job_that_somebody_holds_for_the_next(
    postgres_url: str, store: Store, clock: VirtualClock
) -> None:
    worker = a_worker(store)
    held, other = pushed(store), pushed(store)
    store.jobs.finish(worker, [succeeded(job) for job in claimed(store, worker)])
    newest = pushed(store)
    clock.advance(10 * DAY)
    with behind(postgres_url) as connection, connection.transaction():
        connection.execute("SELECT 1 FROM jobs WHERE id = %s FOR UPDATE", (held,))
        swept(store, Retention())
        assert ids(all_jobs(store)) == [newest, held]
    assert store.jobs.get(other) is None
    swept(store, Retention())
    assert ids(all_jobs(store)) == [newest]


@pytest.mark.parametrize("definition", ["[]", '"text"', '{"interval": "often", "cron": 5, "origin": "\\ud800"}'])
def test_a_fence_that_says_nothing_stops_no_sweep(
    postgres_url: str, store: Store, clock: VirtualClock, definition: str
) -> None:
    envelope = stored(store, every(60, clock.now()))
    store.schedules.apply([planned(envelope, clock.now() + MINUTE, missed(envelope, clock.now()))])
    store.schedules.cancel(envelope.id)
    with behind(postgres_url) as connection:
        connection.execute("UPDATE fences SET definition = %s", (definition,))
    clock.advance(100 * DAY)
    swept(store, ALL)
    assert ledger(store, envelope.id) == []
    assert store.ledger.fence(envelope.id) is None

"""Runs that somebody asks for: once for a request, none of what was dispatched, and nothing of what has ended."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from nuvom._clock import to_us
from nuvom._ids import occurrence_job_id
from nuvom._schedule import ScheduleEnvelope
from nuvom.stores.base import Store
from nuvom.stores.values import Once, PlanItem
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import (
    HOUR,
    MINUTE,
    all_jobs,
    dispatched,
    every,
    job_of,
    ledger,
    missed,
    planned,
    stored,
)


def asked(envelope: ScheduleEnvelope, source: str, *nominals: datetime) -> PlanItem:
    """Return what a request comes to."""
    rows = [
        dispatched(envelope, nominal, source=source, job_id=occurrence_job_id(envelope.id, to_us(nominal), source))
        for nominal in nominals
    ]
    return PlanItem(envelope, tuple(rows), tuple(job_of(envelope, row) for row in rows), None, None)


def test_a_request_is_one_run_whenever_it_is_repeated(store: Store, clock: VirtualClock) -> None:
    envelope = stored(store, every(60, clock.now() + HOUR))
    first = store.ledger.request(asked(envelope, "manual:a", clock.now()), Once.REQUEST)
    clock.advance(MINUTE)
    again = store.ledger.request(asked(envelope, "manual:a", clock.now()), Once.REQUEST)
    other = store.ledger.request(asked(envelope, "manual:b", clock.now()), Once.REQUEST)
    assert [len(answer.jobs) for answer in (first, again, other)] == [1, 0, 1]
    row = store.ledger.requested(envelope.id, "manual:a")
    assert row is not None
    assert row.job_id in first.jobs
    assert len(all_jobs(store)) == 2
    assert store.schedules.get(envelope.id) == envelope, "its next run stays where it is"


def test_a_request_that_was_not_made_has_no_row(store: Store, clock: VirtualClock) -> None:
    envelope = stored(store, every(60, clock.now()))
    store.schedules.apply([planned(envelope, clock.now() + MINUTE)])
    assert store.ledger.requested(envelope.id, "manual:a") is None
    assert store.ledger.requested(envelope.id, "") is None, "the plan's own rows are nobody's request"
    assert store.ledger.requested("no id at all", "manual:a") is None


def test_what_was_dispatched_is_not_backfilled_and_what_was_missed_is(store: Store, clock: VirtualClock) -> None:
    now = clock.now()
    envelope = stored(store, every(60, now))
    rows = [missed(envelope, now - MINUTE), dispatched(envelope, now)]
    store.schedules.apply([planned(envelope, now + MINUTE, *rows)])
    backfill = asked(envelope, "backfill:x", now - 2 * MINUTE, now - MINUTE, now)
    answer = store.ledger.request(backfill, Once.DISPATCH)
    assert answer.jobs == {row.job_id for row in backfill.occurrences[:2]}
    assert store.ledger.request(asked(envelope, "backfill:y", now - MINUTE), Once.DISPATCH).jobs == frozenset()
    kept = store.ledger.occurrence(envelope.id, now - MINUTE)
    assert kept is not None
    assert kept.outcome == "missed", "what was said of it stays"
    assert len(ledger(store, envelope.id)) == 4


def test_again_repeats_all_but_the_same_request(store: Store, clock: VirtualClock) -> None:
    now = clock.now()
    envelope = stored(store, every(60, now))
    store.schedules.apply([planned(envelope, now + MINUTE)])
    answers = [store.ledger.request(asked(envelope, f"backfill:{name}", now), Once.ROW) for name in ("x", "x", "y")]
    assert [len(answer.jobs) for answer in answers] == [1, 0, 1]


@pytest.mark.parametrize("once", list(Once))
def test_nothing_is_run_of_what_was_cancelled(store: Store, clock: VirtualClock, once: Once) -> None:
    envelope = stored(store, every(60, clock.now()))
    store.schedules.cancel(envelope.id)
    answer = store.ledger.request(asked(envelope, "manual:a", clock.now()), once)
    assert answer.refusal == (envelope.id, "gone")
    assert (answer.jobs, all_jobs(store), ledger(store, envelope.id)) == (frozenset(), [], [])


def test_a_backfill_with_a_key_runs_one_after_the_other(store: Store, clock: VirtualClock) -> None:
    now = clock.now()
    envelope = stored(store, every(60, now + HOUR))
    item = asked(envelope, "backfill:x", *(now - timedelta(minutes=n) for n in (3, 2, 1)))
    jobs = tuple(job._replace(key="backfill", backfill=True) for job in item.jobs)
    store.ledger.request(item._replace(jobs=jobs), Once.DISPATCH)
    assert sorted(job.state.value for job in all_jobs(store)) == ["held", "held", "ready"]

"""Several schedulers over one store: each occurrence exactly once, none early."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from nuvom._schedule import OccurrenceOutcome
from nuvom.scheduler.service import SchedulerService, SchedulerSettings
from nuvom.stores.base import Store
from nuvom.stores.registry import open_store
from nuvom.stores.values import JobFilter
from tests.scheduler.doubles import Five
from tests.scheduler.driving import eventually, running
from tests.scheduler.examples import interval, one_off, seconds

ONE_OFFS, INTERVALS, SERVICES = 300, 20, 3


@pytest.fixture(params=["file", "redis"])
def stores(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[list[Store]]:
    """Four connections to one store, as four processes have them."""
    url = f"sqlite:////{tmp_path}/nuvom.db" if request.param == "file" else request.getfixturevalue("redis_url")
    with ExitStack() as stack:
        yield [stack.enter_context(closing(open_store(url, busy_timeout=None))) for _ in range(SERVICES + 1)]


def test_schedulers_side_by_side_dispatch_each_occurrence_once_and_none_early(stores: list[Store]) -> None:
    store = stores[0]
    herd = store.now() + seconds(0.5)
    once = [store.schedules.upsert(one_off(herd, name=f"once{n}")).envelope for n in range(ONE_OFFS)]
    often = [store.schedules.upsert(interval(0.2, herd, name=f"often{n}")).envelope for n in range(INTERVALS)]
    with ExitStack() as stack:
        for each in stores[1:]:
            stack.enter_context(running(SchedulerService(each, settings=SchedulerSettings(batch=50))))
        eventually(lambda: store.now() > herd + seconds(1.5))
        eventually(lambda: not [each for each in store.schedules.upcoming(1000) if each.at])
    rows = [row for envelope in once for row in store.ledger.occurrences(envelope.id, 10)]
    assert len(rows) == ONE_OFFS
    for envelope in often:
        kept = store.schedules.get(envelope.id)
        assert kept is not None
        assert kept.next_run is not None
        found = sorted(row.nominal for row in store.ledger.occurrences(envelope.id, 1000))
        assert found == list(envelope.trigger.between(herd, kept.next_run))
        assert len(found) >= 5
        rows += store.ledger.occurrences(envelope.id, 1000)
    dispatched = [row for row in rows if row.outcome is OccurrenceOutcome.DISPATCHED]
    assert all(row.lateness is not None and row.lateness >= timedelta(0) for row in dispatched)
    jobs = page_through(store)
    assert sorted(jobs) == sorted({row.job_id for row in dispatched if row.job_id})


def test_schedulers_side_by_side_over_a_backend_of_five_methods_dispatch_each_occurrence_once(
    stores: list[Store],
) -> None:
    store, five = stores[0], Five()
    herd = store.now()
    for n in range(50):
        five.enqueue(replace(one_off(herd, name=f"once{n}"), generation=0))
        five.enqueue(replace(interval(60, herd, name=f"often{n}"), generation=0))
    with ExitStack() as stack:
        for each in stores[1:]:
            settings = SchedulerSettings(batch=10, poll=0.02)
            stack.enter_context(running(SchedulerService(each, five, settings)))
        eventually(lambda: len(five.kept) == 50 and not five.due(store.now(), 100))
    assert len(page_through(store)) == 100


def page_through(store: Store) -> list[str]:
    found: list[str] = []
    while page := store.jobs.list(JobFilter(), 1000, found[-1] if found else None):
        found += [job.id for job in page]
    return found

"""What most plans come to goes a quick way into the server, and leaves there what any other plan leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

import pytest

import redis
from nuvom._job import TaskDefaults
from nuvom._schedule import Occurrence, Overlap, ScheduleEnvelope
from nuvom.scheduler.plan import plan
from nuvom.stores.base import Store
from nuvom.stores.redis import advancing
from nuvom.stores.redis.advancing import as_words
from nuvom.stores.registry import open_store
from nuvom.stores.values import PlanItem, Refusal, TaskRow
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import HOUR, MINUTE, all_jobs, all_schedules, daily, every, ledger, stored
from nuvom.testing.conformance.harness import START
from nuvom.triggers.zones import release
from tests.stores.redis import consistency

DUE = START + HOUR
TASKS = {
    "known": TaskDefaults(queue="reported", priority=7, max_crashes=1),
    "few": TaskDefaults(concurrency=1),
    "rare": TaskDefaults(rate="1/1h"),
    "unique": TaskDefaults(unique="done"),
    "soon": TaskDefaults(expires_in=60.0),
}
PLAIN = {
    "interval": every(3600, DUE),
    "cron": daily(DUE, tzdata=release()),
    "jitter": replace(every(3600, DUE), jitter=MINUTE, next_run=DUE + timedelta(seconds=3)),
    "known": every(60 * 60, DUE, task="known"),
    "said": every(3600, DUE, task="known", options={"queue": "own", "priority": -3, "retries": 2}),
    "defaults": every(3600, DUE, defaults=TaskDefaults(queue="code", max_crashes=0), name="by name"),
    "before": replace(every(3600, DUE), run_count=4),
}
OTHER = {
    "outdated": daily(DUE),
    **{task: every(3600, DUE, task=task) for task in ("few", "rare", "unique", "soon")},
    "grace": every(3600, DUE, grace=HOUR),
    "skip": every(3600, DUE, overlap=Overlap.SKIP),
    "several": every(600, START + MINUTE),
    "last": replace(every(3600, DUE), max_runs=1),
}


class Both(NamedTuple):
    one: Store
    two: Store
    urls: list[str]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def both(redis_url: str, clock: VirtualClock) -> Iterator[Both]:
    """Two stores with the same schedules, whose first runs have come."""
    rows = [TaskRow(name=name, canonical=name, defaults=said, signature="()") for name, said in TASKS.items()]
    urls = [f"{redis_url}?prefix={name}" for name in ("one", "two")]
    with closing(open_store(urls[0], clock=clock)) as one, closing(open_store(urls[1], clock=clock)) as two:
        for store in (one, two):
            store.workers.remember_tasks(rows)
            for envelope in (*PLAIN.values(), *OTHER.values()):
                stored(store, envelope)
        clock.advance(3600 + 60)
        yield Both(one, two, urls)


def due(store: Store, envelopes: dict[str, ScheduleEnvelope]) -> list[PlanItem]:
    wanted = {envelope.id for envelope in envelopes.values()}
    return plan([each for each in store.schedules.due(store.now(), 100) if each.id in wanted], store.now())


def the_long_way(items: list[PlanItem]) -> list[PlanItem]:
    """Say of items what they are anyway, which takes them off the quick way."""
    return [item._replace(runs=item.counted) for item in items]


def face(store: Store) -> list[Any]:
    """What people see of a store."""
    rows: list[Occurrence] = [row for each in all_schedules(store) for row in ledger(store, each.id)]
    return [sorted(all_jobs(store), key=lambda job: job.id), all_schedules(store), rows, store.jobs.queues()]


def test_the_quick_way_of_a_dispatch_leaves_the_same_keys_as_the_long_way(both: Both) -> None:
    one, two, urls = both
    assert as_words(due(one, PLAIN))[0] == as_words(the_long_way([]))[0]  # none of them goes the long way
    assert one.schedules.apply(due(one, PLAIN)) == two.schedules.apply(the_long_way(due(two, PLAIN))) == []
    found, expected = (consistency.read(url) for url in urls)
    assert found._replace(hashes=found.hashes | {"meta": {}}) == expected._replace(
        hashes=expected.hashes | {"meta": {}}
    )
    assert len(all_jobs(one)) == len(PLAIN)


def test_a_plan_that_takes_several_scripts_is_applied_once_by_a_server_that_forgot_them(
    both: Both, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, _ = both
    monkeypatch.setattr(advancing, "_AT_ONCE", 3)
    items = due(one, PLAIN | OTHER)
    assert len(items) > 3
    with closing(redis.Redis.from_url(redis_url)) as client:
        client.script_flush()
    assert one.schedules.apply(items) == []
    monkeypatch.undo()
    two.schedules.apply(due(two, PLAIN | OTHER))
    assert face(one) == face(two)
    assert {refusal.schedule_id for refusal in one.schedules.apply(items)} == {item.envelope.id for item in items}


def _untouched(store: Store, items: list[PlanItem]) -> None:
    pass


def _pushed_before(store: Store, items: list[PlanItem]) -> None:
    store.jobs.push([items[0].jobs[0]])


def _recorded_before(store: Store, items: list[PlanItem]) -> None:
    store.ledger.deliver([item._replace(jobs=()) for item in items[:2]])


def _moved_before(store: Store, items: list[PlanItem]) -> None:
    store.schedules.apply(items[1:3])


def _changed_before(store: Store, items: list[PlanItem]) -> None:
    store.schedules.pause_all("all of them")


@pytest.mark.parametrize("before", [_untouched, _pushed_before, _recorded_before, _moved_before, _changed_before])
def test_what_is_not_as_it_was_planned_comes_to_the_same_either_way(
    both: Both, before: Callable[[Store, list[PlanItem]], None]
) -> None:
    one, two, urls = both
    refused: list[list[Refusal]] = []
    for store, items in ((one, due(one, PLAIN | OTHER)), (two, the_long_way(due(two, PLAIN | OTHER)))):
        before(store, items)
        refused.append(sorted(store.schedules.apply([*items, *items[:2]])))
    assert refused[0] == refused[1]
    assert face(one) == face(two)
    for url in urls:
        consistency.check(url)


def test_a_run_whose_time_the_server_has_not_reached_yet_waits_for_it(both: Both, clock: VirtualClock) -> None:
    one, two, _ = both
    later = {name: PLAIN[name] for name in ("interval", "cron")}
    items, others = due(one, later), the_long_way(due(two, later))
    clock.step(-timedelta(hours=2))
    one.schedules.apply(items)
    two.schedules.apply(others)
    assert [job.state.value for job in all_jobs(one)] == ["delayed", "delayed"]
    assert face(one) == face(two)

"""Claims on SQLite: what is synced before a call, and many queues."""

from __future__ import annotations

import random
from contextlib import AbstractContextManager

import pytest

from nuvom.stores.sqlite.store import SqliteStore
from nuvom.stores.values import Order
from nuvom.testing.conformance.examples import a_job, a_worker, claimed, ids


@pytest.mark.parametrize(("max_crashes", "expected"), [([3, 1], [False]), ([3, 0], [False, True])])
def test_only_a_claim_that_may_not_be_repeated_is_synced_to_disk(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch, max_crashes: list[int], expected: list[bool]
) -> None:
    store.jobs.push([a_job(max_crashes=count) for count in max_crashes])
    worker = a_worker(store)
    write, synced = store._database.write, []

    def noted(*, durable: bool) -> AbstractContextManager[object]:
        synced.append(durable)
        return write(durable=durable)

    monkeypatch.setattr(store._database, "write", noted)
    assert len(claimed(store, worker)) == 2
    assert synced == expected


def test_the_sync_of_a_claim_writes_even_where_no_time_has_passed(store: SqliteStore) -> None:
    store.jobs.push([a_job(max_crashes=0)])
    worker = a_worker(store)
    before = store._database.log_size()
    claimed(store, worker, 0)
    assert store._database.log_size() == before
    beats = [info.beat_at for info in store.workers.list()]
    claimed(store, worker)
    assert [info.beat_at for info in store.workers.list()] != beats


@pytest.mark.parametrize("queues", [None, tuple(f"q{n}" for n in range(40))], ids=["all", "named"])
def test_more_queues_than_jobs_wanted_give_the_best_of_all(store: SqliteStore, queues: tuple[str, ...] | None) -> None:
    chance = random.Random(5)
    batch = [a_job(queue=f"q{chance.randrange(40)}", priority=chance.randrange(9)) for _ in range(400)]
    store.jobs.push(batch)
    best = sorted(range(400), key=lambda n: (-(batch[n].priority or 0), n))
    worker = a_worker(store)
    for start in range(0, 400, 50):
        for first in range(start, start + 50, 10):
            assert ids(claimed(store, worker, 10, queues=queues)) == [batch[n].id for n in best[first : first + 10]]


def test_a_fair_claim_fills_up_with_the_best(store: SqliteStore) -> None:
    batch = [a_job(priority=priority) for priority in (5, 5, 5, 0, 0)]
    store.jobs.push(batch)
    taken = ids(claimed(store, a_worker(store), 4, order=Order.FAIR))
    assert taken == [batch[n].id for n in (0, 3, 1, 2)]

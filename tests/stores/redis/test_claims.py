"""What a claim reads: few jobs and queues however many there are, and a bounded number in one script."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

import redis
from nuvom.stores.redis.store import RedisStore
from nuvom.stores.values import Order
from nuvom.testing.conformance.examples import SECOND, a_job, a_worker, claimed, ids, pushed
from tests.stores.redis import consistency

MANY = 4_500  # more than twice as many as one script passes over
MOST = 2_500  # commands of a script: some milliseconds

Counted = Callable[[str], list[int]]


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with closing(redis.Redis.from_url(redis_url)) as made:
        yield made
    consistency.check(redis_url)


@pytest.fixture
def calls(live: RedisStore, client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many commands each script ran, as the server counts them."""
    counted: list[int] = []
    database = live._database

    def counting(run: Callable[..., Any]) -> Callable[..., Any]:
        def run_(*words: Any) -> Any:
            client.config_resetstat()
            answer = run(*words)
            counted.append(sum(stats["calls"] for stats in client.info("commandstats").values()))
            return answer

        return run_

    for name in ("read", "write"):
        monkeypatch.setattr(database, name, counting(getattr(database, name)))
    return counted


def push_many(store: RedisStore, count: int, **said: Any) -> None:
    made = [a_job(**said) for _ in range(count)]
    for start in range(0, count, 1_000):
        store.jobs.push(made[start : start + 1_000])


@pytest.mark.parametrize("queues", [None, ("default", "default", "other")])
def test_what_a_worker_cannot_run_is_passed_over_in_short_steps(
    live: RedisStore, calls: list[int], queues: tuple[str, ...] | None
) -> None:
    push_many(live, MANY, task="unknown")
    worker, known = a_worker(live), ("unknown",)
    calls.clear()
    assert claimed(live, worker, queues=queues, excluding=known) == []
    assert not live.jobs.has_ready(queues, known)
    best = pushed(live, priority=0)
    lower = [pushed(live, priority=-1), pushed(live, priority=-1)]
    assert live.jobs.has_ready(queues, known)
    assert ids(claimed(live, worker, queues=queues, excluding=known)) == [best, *lower]
    assert len(calls) > 8
    assert max(calls) < MOST


@pytest.mark.parametrize("order", [Order.BEST, Order.FAIR])
def test_thousands_of_queues_whose_jobs_no_one_here_knows_are_looked_through_in_short_steps(
    live: RedisStore, calls: list[int], order: Order
) -> None:
    when = live.now() - SECOND
    made = [a_job(queue=f"q{number}", task="unknown", run_at=when) for number in range(MANY // 2)]
    for start in range(0, len(made), 1_000):
        live.jobs.push(made[start : start + 1_000])
    last = [pushed(live, queue=f"q{number}", run_at=when) for number in (7, 5)]
    worker, database = a_worker(live), live._database
    calls.clear()
    assert ids(claimed(live, worker, order=order, excluding=("unknown",))) == last
    assert len(calls) > 2
    assert max(calls) < 3 * MOST  # a fair claim walks twice, and an opened queue costs up to three commands
    run = database.write
    stopped: list[bool] = []

    def pausing(*words: Any) -> Any:
        answer = run(*words)
        if not stopped:
            stopped.append(True)
            live.jobs.pause_queue("q7", None)
        return answer

    again = [pushed(live, queue=f"q{number}", run_at=when) for number in (7, 5)]
    database.write = pausing  # type: ignore[method-assign]
    assert ids(claimed(live, worker, order=order, excluding=("unknown",))) == again[1:]


def test_who_waits_behind_thousands_of_one_moment_is_found_once_each(live: RedisStore, calls: list[int]) -> None:
    when = live.now() - SECOND
    worker, known = a_worker(live), ("unknown",)
    few = []
    for queue in ("a", "b", "a"):
        push_many(live, MANY // 3, task="unknown", queue=queue, run_at=when)
        few.append(pushed(live, queue=queue, run_at=when))
    later = pushed(live, queue="b", run_at=when + timedelta(microseconds=1))
    calls.clear()
    found = []
    while taken := claimed(live, worker, 2, excluding=known):
        found += ids(taken)
    assert found == [*few, later]
    assert max(calls) < MOST


@pytest.mark.parametrize("order", [Order.BEST, Order.FAIR])
@pytest.mark.parametrize("excluding", [(), ("unknown",)])
def test_a_claim_among_a_thousand_queues_reads_those_whose_jobs_come_first(
    live: RedisStore, calls: list[int], order: Order, excluding: tuple[str, ...]
) -> None:
    when = live.now() - 100 * SECOND
    made = [a_job(queue=f"q{number}", run_at=when + number * SECOND / 1_000) for number in range(1_000)]
    live.jobs.push(made[::-1])
    live.jobs.push([a_job(queue=f"q{number}") for number in range(1_000)])
    calls.clear()
    assert ids(claimed(live, worker := a_worker(live), 10, order=order, excluding=excluding)) == ids(made[:10])
    assert max(calls) < 150
    assert ids(claimed(live, worker, 600, order=order, excluding=excluding)) == ids(made[10:610])


def test_jobs_of_many_queues_come_in_the_order_of_their_times_and_pushes(live: RedisStore) -> None:
    when = live.now() - SECOND
    made = [
        a_job(queue=f"q{number % 7}", run_at=when + (number * 31 % 11) * SECOND / 20, priority=number % 3)
        for number in range(300)
    ]
    live.jobs.push(made)
    best = sorted(made, key=lambda job: (-(job.priority or 0), job.run_at, made.index(job)))
    worker = a_worker(live)
    taken = [job for limit in (1, 40, 9, 250) for job in claimed(live, worker, limit)]
    assert ids(taken) == ids(best)

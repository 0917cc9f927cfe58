"""Whatever happens to jobs in whatever order, all keys on the server tell the same story afterwards."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta

import pytest

import redis
from nuvom._ids import new_id
from nuvom._job import ClaimedJob, JobError, Outcome, Progress, Report, TaskDefaults, Verdict
from nuvom.stores.base import Store
from nuvom.stores.registry import open_store
from nuvom.stores.values import Claim, Order, Retention, TaskRow
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import a_job, a_worker, pushed, running, the
from nuvom.testing.conformance.harness import START
from tests.stores.redis import consistency

QUEUES = ("a", "b", "c:d")
TASKS = {
    "plain": TaskDefaults(),
    "few": TaskDefaults(concurrency=2),
    "rated": TaskDefaults(rate="3/10s"),
    "both": TaskDefaults(concurrency=1, rate="2/5s", expires_in=20.0),
    "unique": TaskDefaults(unique="queued", concurrency=3),
}
LIMITS = (None, 1, 2, 5)
RATES = (None, None, "1/1s", "4/10s")
ERROR = JobError("error", "ValueError", "it went wrong: " + "x" * 100)
STEPS = 150


class Walk:
    """A store to which anything may happen."""

    def __init__(self, store: Store, clock: VirtualClock, seed: int) -> None:
        self.store = store
        self.clock = clock
        self.chance = random.Random(seed)
        self.workers = [a_worker(store) for _ in range(3)]
        self.held: list[tuple[str, ClaimedJob]] = []
        self.pushed: list[str] = []

    def steps(self) -> list[Callable[[], object]]:
        """What may happen; what is there more often happens more often."""
        return [
            *[self.push] * 4, *[self.claim] * 4, *[self.finish] * 4, self.report, self.cancel, self.retry, self.promote,
            self.promote, self.pass_time, self.pass_time, self.limit, self.lose, self.rescue, self.leave, self.pause,
            self.prune, self.step_clock,
        ]  # fmt: skip

    def some(self, names: list[str]) -> list[str]:
        return self.chance.sample(names, min(len(names), self.chance.randint(1, 4)))

    def push(self) -> None:
        jobs = []
        for _ in range(self.chance.randint(1, 6)):
            task = self.chance.choice([*TASKS])
            schedule = self.chance.choice([None, None, *SCHEDULES])
            key = self.chance.choice([None, None, "k", "l"])
            jobs.append(
                a_job(
                    id=self.chance.choice([new_id(START), *self.pushed[-1:]]),
                    task=task,
                    defaults=TASKS[task],
                    queue=self.chance.choice([None, *QUEUES]),
                    priority=self.chance.choice([None, -5, 3]),
                    max_crashes=self.chance.choice([None, 0, 1]),
                    run_at=self.chance.choice([None, self.clock.now() + timedelta(seconds=self.chance.randint(-9, 9))]),
                    key=key,
                    waits=self.chance.random() < 0.8,
                    ousts=key is not None and self.chance.random() < 0.2,
                    schedule_id=schedule,
                    scheduled_for=None if schedule is None else self.clock.now(),
                    backfill=self.chance.random() < 0.3,
                    expires_at=self.chance.choice([None, None, self.clock.now() + timedelta(seconds=5)]),
                    kin=self.chance.choice([None, "x"]),
                    unique=self.chance.choice([None, None, None, "done", "8s"]),
                )
            )
        self.pushed += [answer.id for answer in self.store.jobs.push(jobs)]

    def claim(self) -> None:
        worker = self.chance.choice(self.workers)
        order = self.chance.choice([*Order])
        queues = self.chance.choice([None, None, QUEUES[:2]])
        excluding = self.chance.choice([(), (), ("plain",)])
        taken = self.store.jobs.claim(Claim(worker, self.chance.randint(1, 8), queues, excluding, order))
        self.held += [(worker, job) for job in taken]

    def finish(self) -> None:
        self.chance.shuffle(self.held)
        ended, self.held = self.held[:4], self.held[4:]
        for worker in {worker for worker, _ in ended}:
            self.store.jobs.finish(worker, [self.outcome(job) for who, job in ended if who == worker])

    def outcome(self, job: ClaimedJob) -> Outcome:
        later = self.clock.now() + timedelta(seconds=self.chance.randint(0, 9))
        value = self.chance.choice([None, b"1", b'"' + b"y" * 200 + b'"'])
        return Outcome(job, self.chance.choice([*Verdict, Verdict.SUCCEEDED]), value, ERROR, later, 2)

    def report(self) -> None:
        for worker, job in self.held[:3]:
            said = Progress(1, None, self.chance.choice([None, "z" * 90]), self.clock.now())
            self.store.jobs.report(worker, [Report(job.ref, job.attempt, said)])

    def cancel(self) -> None:
        self.store.jobs.cancel_many(self.some(self.pushed))

    def retry(self) -> None:
        self.store.jobs.retry_many(self.some(self.pushed))

    def promote(self) -> None:
        self.store.jobs.promote(self.chance.choice([2, 100]))

    def pass_time(self) -> None:
        self.clock.advance(self.chance.choice([0.1, 1, 4]))
        self.store.workers.heartbeat(self.workers)

    def step_clock(self) -> None:
        self.clock.step(self.chance.choice([-5, 5]))
        self.store.workers.heartbeat(self.workers)

    def limit(self) -> None:
        task = self.chance.choice([*TASKS])
        limits = TaskDefaults(concurrency=self.chance.choice(LIMITS), rate=self.chance.choice(RATES))
        row = TaskRow(name=task, canonical=self.chance.choice([task, "few"]), defaults=limits, signature="")
        self.store.workers.remember_tasks([row])

    def lose(self) -> None:
        worker = self.workers.pop(0)
        self.store.workers.release(worker, "killed", charged=self.chance.random() < 0.8)
        self.workers.append(a_worker(self.store))

    def rescue(self) -> None:
        self.clock.advance(31)
        self.store.workers.rescue()
        self.workers = [a_worker(self.store) for _ in range(3)]

    def leave(self) -> None:
        self.store.workers.unregister(self.workers.pop(0))
        self.workers.append(a_worker(self.store))

    def pause(self) -> None:
        queue = self.chance.choice(QUEUES)
        if not self.store.jobs.pause_queue(queue, None):
            self.store.jobs.resume_queue(queue)

    def prune(self) -> None:
        while self.store.prune(Retention(jobs=timedelta(seconds=20), failed=timedelta(seconds=20))):
            pass
        self.pushed = [job_id for job_id in self.pushed if self.store.jobs.get(job_id)] or [new_id(START)]


SCHEDULES = tuple(new_id(START) for _ in range(2))


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def store(redis_url: str, clock: VirtualClock) -> Iterator[Store]:
    with closing(open_store(redis_url, clock=clock)) as opened:
        yield opened


@pytest.mark.parametrize("seed", range(12))
def test_all_keys_agree_after_whatever_happens_to_jobs(
    store: Store, clock: VirtualClock, redis_url: str, seed: int
) -> None:
    walk = Walk(store, clock, seed)
    walk.pushed.append(pushed(store))
    told = []
    for _ in range(STEPS):
        step = walk.chance.choice(walk.steps())
        told.append(step.__name__)
        step()
        try:
            consistency.check(redis_url)
        except AssertionError as error:
            raise AssertionError(f"after {' '.join(told)}") from error


@pytest.mark.parametrize(
    "fault",
    [
        ("ZREM", "jobs", "{place}"),
        ("ZREM", "running:{worker}", "{place}"),
        ("ZADD", "ready:0:default", "1", "{place}"),
        ("HSET", "job:{id}", "state", "ready"),
        ("HINCRBY", "queue:default", "running", "1"),
        ("HINCRBY", "totals", "failed", "1"),
        ("SREM", "loose:k", "{place}"),
        ("HINCRBY", "flow:tasks.send", "running", "1"),
        ("DEL", "body:{id}"),
        ("HSET", "large:{id}", "error", "x"),
        ("ZADD", "unique:open:tasks.send", "1", "gone"),
    ],
    ids=" ".join,
)
def test_the_check_finds_a_key_that_says_something_else(store: Store, redis_url: str, fault: tuple[str, ...]) -> None:
    worker = a_worker(store)
    job = running(store, worker, key="k", defaults=TaskDefaults(concurrency=2))
    consistency.check(redis_url)
    said = [word.format(id=job.id, place=job.ref, worker=worker) for word in fault]
    with closing(redis.Redis.from_url(redis_url)) as client:
        client.execute_command(said[0], "{nuvom}:" + said[1], *said[2:])
    with pytest.raises(AssertionError):
        consistency.check(redis_url)
    assert the(store, job.id).id == job.id

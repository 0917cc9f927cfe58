"""A store that has everything a store can have, made through the public face a day ago, and the tasks of its jobs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from nuvom import Hook, Nuvom, Retry, RetryLater, ScheduleEnvelope, current_job, every
from nuvom._hooks import EnqueuedJob
from nuvom._ids import new_id
from nuvom._job import NewJob, Progress, Report
from nuvom._task import task_rows
from nuvom.scheduler.service import SchedulerService, SchedulerSettings
from nuvom.stores.base import Store
from nuvom.stores.values import Claim, Order, Retention, WorkerInfo
from nuvom.testing import VirtualClock

app = Nuvom("memory://")


class Traces(Hook):
    def on_enqueue(self, job: EnqueuedJob) -> None:
        job.context["trace"] = "täglich"


app.hooks.append(Traces())


@every("1h", name="declared")
@app.task
def declared() -> None: ...


@app.task
def plain(value: object = None) -> object:
    return value


@app.task(retry=Retry(max=1, base=7200, cap=7200, jitter=False))
def fails(reason: str) -> None:
    raise ValueError(reason)


@app.task(concurrency=1, key="user", rate="100/1m")
def limited(user: int) -> int:
    return user


@app.task(concurrency=1, key="name")
def by_name(name: str) -> None: ...


@app.task(rate="1/12h")
def rated() -> None: ...


@app.task
def later() -> None:
    if current_job().attempt == 1:
        raise RetryLater(in_=3600)


@app.task(unique="30d", key="report")
def unique(report: str) -> str:
    return report


@app.task(expires_in="300d", priority=7, queue="slow")
def patient(text: str) -> None: ...


@app.task(queue="resting")
def resting() -> None: ...


@contextmanager
def using(url: str, clock: VirtualClock | None = None) -> Iterator[Nuvom]:
    """Let the app use a store, by default now."""
    with app.swapped(url, clock or VirtualClock(datetime.now(UTC))):
        yield app


def furnish(url: str) -> None:
    """Fill an empty, migrated store."""
    clock = VirtualClock((datetime.now(UTC) - timedelta(days=1)).replace(minute=0, second=0, microsecond=0))
    with using(url, clock):
        app.store.workers.remember_tasks(task_rows(app.registry))
        _what_ran(clock)
        _schedules(clock)
        _jobs()
        _crashes(app.store)


def _what_ran(clock: VirtualClock) -> None:
    """Jobs that ended, in each way, and what they leave behind; of the first nothing but a row of the ledger."""
    plain.options(name="forgotten").schedule("done", at=clock.now())
    app.drain()
    clock.advance(60)
    plain.delay()  # the newest job is never pruned
    while app.store.prune(Retention(jobs=timedelta(0))):
        pass
    plain.delay({"größe": "\U0001f680"})
    plain.options(id="order-42", metadata={"customer": 7}).delay("x" * 900_000)
    fails.delay("to be tried again in two hours")
    fails.options(retries=0).delay("for good")
    unique.delay("report")
    limited.delay(1)
    rated.delay()
    later.delay()
    plain.options(id="never").delay().cancel()
    plain.options(name="once").schedule("done", at=clock.now())
    plain.options(name="gone").schedule(interval=60)
    app.drain(until=clock.now() + timedelta(minutes=2))
    app.schedules.cancel("gone")
    resting.options(expires_in=1).delay()
    clock.advance(2)
    app.store.jobs.promote(100)


def _schedules(clock: VirtualClock) -> None:
    now = clock.now()
    plain.options(name="latest", grace="2h", jitter="5s").schedule("latest", interval=3600)
    plain.options(name="all", catch_up="all", max_runs=1000).schedule("all", interval=3600)
    bounds = {"starts_at": now + timedelta(hours=1), "ends_at": now + timedelta(days=900)}
    plain.options(name="skip", catch_up="skip", **bounds).schedule(interval=3600)
    plain.options(name="nightly", metadata={"team": "ops"}).schedule(cron="0 3 * * *", timezone_name="Europe/Paris")
    plain.options(name="später", priority=3, queue="slow").schedule(at=now + timedelta(days=400))
    plain.schedule("unnamed", interval=1800)
    plain.options(name="overdue").schedule("one-off", at=now + timedelta(hours=5))
    plain.options(name="paused").schedule(interval=60)
    app.schedules.pause("paused", note="until the migration is done")
    plain.options(name="held", overlap="queue_one").schedule("held", interval=600)
    plain.options(name="skipped", overlap="skip").schedule("skipped", interval=600)
    plain.options(name="often", catch_up="skip").schedule("often", interval=0.5)
    plain.options(name="quarterly").schedule(cron="*/15 * * * *", timezone_name="Asia/Kolkata")
    app.schedules.sync()
    app.schedules.update("declared", interval="2h")
    newer = plain.options(name="of a newer release").schedule(interval=7200)
    app.store.schedules.enqueue(ScheduleEnvelope.from_dict({**newer.to_dict(), "weather": "fine"}))
    service = SchedulerService(app.store, None, SchedulerSettings(), clock)
    for _ in range(3):
        clock.advance(600)
        service.step()
    app.schedules.pause("often")
    app.schedules.trigger("all", request="by-hand")
    app.schedules.backfill("nightly", now - timedelta(days=4), now - timedelta(days=1), request="again")


def _jobs() -> None:
    plain.map([("first",), ("second",), ("third",)])
    for user in (1, 1, 1, 2):
        limited.delay(user)
    rated.delay()
    patient.delay("a\0b")
    resting.delay()
    app.queues.pause("resting", "over the weekend")
    plain.options(queue="slow", priority=-5, timeout="5m").delay({"deep": [1, 2.5, None, True]})


def _crashes(store: Store) -> None:
    """Jobs that were lost: once, twice, once too often; one that was asked to stop, one that its dead worker holds."""
    for name in ("once", "asked", "held by a dead worker"):
        _lost(store, name, released=name != "held by a dead worker", asked=name == "asked")
    _lost(store, "never again", max_crashes=0)
    twice = _lost(store, "twice")
    _lost(store, "twice", job=twice)


def _lost(store: Store, name: str, *, released: bool = True, asked: bool = False, job: str = "", **said: Any) -> str:
    """Push a job, or take one that is suspect, and lose its worker; returns the job's id."""
    now = store.now()
    queue = f"crashes: {name}"
    if not job:
        arguments = orjson.dumps([[name], {}])
        pushed = NewJob(id=new_id(now), task=plain.name, arguments=arguments, queue=queue)._replace(**said)
        store.jobs.push([pushed])
    worker = WorkerInfo(id=new_id(now), kind="worker", host="elsewhere", pid=1, version="0")
    store.workers.register(worker)
    claim = Claim(worker.id, 1, queues=(queue,), order=Order.SUSPECT if job else Order.BEST)
    (claimed,) = store.jobs.claim(claim)
    store.jobs.report(worker.id, [Report(claimed.ref, claimed.attempt, Progress(1, 3, "halfway", now))])
    if asked:
        store.jobs.cancel(claimed.id)
    if released:
        store.workers.release(worker.id, "killed")
    return claimed.id

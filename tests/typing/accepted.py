"""What the type checkers must accept, and the types that they must see: checked, never run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, assert_type

import nuvom
from nuvom import (
    AttemptOutcome,
    Call,
    CurrentJob,
    EnqueuedJob,
    Hook,
    Job,
    JobError,
    JobHandle,
    Nuvom,
    Retry,
    ScheduleEnvelope,
    Task,
    Verdict,
    task,
)


@task
def add(x: int, y: int) -> int:
    return x + y


@task(queue="mail", retries=3)
def send(to: str, *, urgent: bool = False) -> None: ...


@task
async def fetch(url: str) -> bytes:
    return url.encode()


@task(name="fetch.later")
async def fetch_later(url: str) -> list[str]:
    return [url]


def tell(job: Job, error: JobError) -> None:
    assert_type(job.context, dict[str, Any])
    assert_type(error.kind, str)


async def tell_later(job: Job, error: JobError) -> None: ...


@task(retry=Retry(max=3, base="10s", cap=timedelta(minutes=5), on=(OSError, TimeoutError)), on_failure=tell)
def careful(x: int) -> int:
    return x


@task(retry=Retry(on=lambda error: "busy" in str(error), give_up_on=ValueError), on_failure=tell_later)
async def careful_async(x: int) -> int:
    return x


@nuvom.lifespan
def life() -> Iterator[int]:
    yield 1


elsewhere_app = Nuvom("memory://")


@elsewhere_app.lifespan
async def life_async() -> AsyncIterator[str]:
    yield "pool"


class Traces(Hook):
    def on_enqueue(self, job: EnqueuedJob) -> None:
        job.context["trace"] = job.id

    @contextmanager
    def around_run(self, job: CurrentJob) -> Iterator[None]:
        assert_type(job.context, Mapping[str, Any])
        assert_type(job.state, Any)
        yield

    def on_outcome(self, job: CurrentJob, outcome: AttemptOutcome) -> None:
        assert_type(outcome.verdict, Verdict)
        assert_type(outcome.seconds, float)


nuvom.app.hooks.append(Traces())


@task(concurrency=5, rate="100/1m", unique=timedelta(minutes=10), key="user_id", expires_in="5m")
def limited(user_id: int) -> int:
    return user_id


@task(unique="queued", key=lambda user_id: user_id % 8)
async def sharded(user_id: int) -> int:
    return user_id


other = Nuvom("memory://")


@other.task
def elsewhere(value: float) -> str:
    return str(value)


@nuvom.cron("0 3 * * *", timezone_name="Europe/Paris", name="nightly", args=(1,), kwargs={"y": 2}, overlap="skip")
@other.every("15m", queue="q", metadata={"team": "a"}, grace=timedelta(minutes=5), args=(1, 2))
@task
def declared(x: int, y: int) -> int:
    return x + y


@nuvom.every(60, name="pages", args=["u"])
@task(queue="web")
async def declared_async(url: str) -> bytes:
    return url.encode()


def bare(handle: JobHandle, any_task: Task, call: Call) -> None:
    assert_type(handle.result(), Any)
    any_task.delay(1, "two", three=3)
    call.delay()


def waits(texts: list[JobHandle[str]]) -> None:
    done, still_open = nuvom.wait(texts, timeout="1m", return_when="first")
    assert_type(done, set[JobHandle[str]])
    assert_type(still_open, set[JobHandle[str]])
    for handle in nuvom.as_completed(texts):
        assert_type(handle.result(), str)


async def waits_async(texts: list[JobHandle[str]]) -> None:
    assert_type((await nuvom.wait_async(texts)).done, set[JobHandle[str]])
    async for handle in nuvom.as_completed_async(texts):
        assert_type(await handle.aresult(), str)


def functions_stay_what_they_are() -> None:
    assert_type(life(), Iterator[int])
    assert_type(life_async(), AsyncIterator[str])
    assert_type(careful.delay(1).result(), int)
    assert_type(careful_async.delay(1).result(), int)


def results() -> None:
    assert_type(add(1, 2), int)
    assert_type(add.delay(1, y=2), JobHandle[int])
    assert_type(add.delay(1, 2).result(timeout=1), int)
    assert_type(send.delay("a", urgent=True).result(), None)
    assert_type(fetch.delay("u").result(), bytes)
    assert_type(fetch_later.delay("u").result(), list[str])
    assert_type(elsewhere.delay(1.5).result(), str)
    assert_type(add.bind(1, 2), Call[int])
    assert_type(add.bind(1, 2).delay().result(), int)
    assert_type(add.options(queue="q").delay(1, 2).result(), int)
    assert_type(add.options(queue="q").bind(1, 2).options(priority=1), Call[int])
    assert_type(add.map([(1, 2), {"x": 1, "y": 2}, add.bind(1, 2)]), list[JobHandle[int]])
    assert_type(nuvom.job("id").result(), Any)


async def results_of_async_callers() -> None:
    coroutine: Coroutine[Any, Any, bytes] = fetch("u")
    assert_type(await coroutine, bytes)
    assert_type(await add.adelay(1, 2), JobHandle[int])
    assert_type(await (await fetch.adelay("u")).aresult(), bytes)
    assert_type(await add.bind(1, 2).aschedule(interval=1), ScheduleEnvelope)


def schedules() -> None:
    assert_type(declared.delay(1, 2), JobHandle[int])
    assert_type(declared_async.delay("u").result(), bytes)
    assert_type(add.schedule(1, 2, interval=300), ScheduleEnvelope)
    add.schedule(1, 2, at=datetime.now(UTC))
    add.bind(1, 2).schedule(at=datetime.now(UTC))
    add.bind(1, 2).schedule(in_=timedelta(seconds=30))
    add.bind(1, 2).schedule(in_="15m")
    add.bind(1, 2).schedule(interval=0.5)
    add.bind(1, 2).schedule(cron="0 9 * * MON", timezone_name="Europe/Paris")
    add.bind(1, 2).schedule(cron="0 9 * * MON", timezone_name=None)


async def limits() -> None:
    handle = limited.options(unique="done", expires_in=60).delay(1)
    assert_type(handle, JobHandle[int])
    assert_type(handle.existing, bool)
    assert_type(sharded.bind(1).options(unique="1h").delay(), JobHandle[int])
    assert_type(nuvom.queues.pause("mail", note="down"), bool)
    assert_type(await nuvom.queues.aresume("mail"), bool)

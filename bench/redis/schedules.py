"""Schedules on Redis: a herd, what is overdue, a million that are not due."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import orjson
import redis

from bench import dispatch as dispatches, herd as herds, million as millions
from bench.figures import Figure, at_least
from bench.redis.place import connected, delete, keys, server_stage
from bench.stage import Stage
from bench.timing import ROUNDS, in_turns, rate
from nuvom._clock import from_us
from nuvom._job import JobStatus
from nuvom._schedule import ScheduleEnvelope
from nuvom.stores.redis.definitions import definition_of, head_of
from nuvom.stores.redis.scripts import load
from nuvom.stores.values import MAX_BATCH, JobFilter

STORED = 1_000_000  # beside those that are due

_DAY = 86_400_000_000  # microseconds
_ROW: dict[str | bytes, str] = {"task": "bench.noop", "arguments": "[[1,2],{}]"}


def herd(server: str, scale: float) -> Iterator[Figure]:
    schedules = max(10, int(herds.SCHEDULES * scale))
    with server_stage(server) as place, place.worker(), place.scheduler():

        def starts(nominal: int) -> list[float]:
            jobs = place.app.store.jobs.list(JobFilter(status=JobStatus.SUCCEEDED), schedules)
            due = [job for job in jobs if job.scheduled_for == from_us(nominal)]
            return [float(job.value) for job in due if job.value is not None]

        yield from herds.herds("redis-herd", schedules, 80, starts)


def dispatch(server: str, scale: float) -> Iterator[Figure]:
    schedules = max(400, int(dispatches.SCHEDULES * scale))
    stored = max(1_000, int(STORED * scale))
    rounds = ROUNDS if scale <= 0.1 else 1  # each stores all of them anew
    nuvom, beside = in_turns(lambda: _round(server, schedules, stored), lambda: _raw_round(server, schedules), rounds)
    yield Figure(
        name="redis-dispatch",
        nuvom=nuvom,
        raw=beside,
        unit="/s",
        target=at_least(30_000),
        what=f"{schedules:,} overdue beside {stored:,} that are not; raw: XADD, HSET and ZADD, 500 at once",
    )


def million(server: str, scale: float) -> Iterator[Figure]:
    with server_stage(server) as place:
        yield from millions.stored("redis-million", place, scale, lambda count: _copy_later(place, count))


def _round(server: str, schedules: int, stored: int) -> float:
    with server_stage(server) as place:
        made = dispatches.overdue(schedules, lambda *said: _copy_due(place, *said))
        _copy_later(place, stored)
        speed = dispatches.dispatched(place, made)
        _refuse_other(place, made)
        return speed


def _refuse_other(place: Stage, made: int) -> None:
    with keys(place) as (connection, prefix):
        found = connection.hlen(f"{prefix}occurrences"), connection.zcard(f"{prefix}jobs")
    if found != (made, made):
        raise RuntimeError(f"of {made:,} schedules not every one was dispatched once: {found}")


def _copy_due(place: Stage, seq: int, count: int, latest: int, spread: int) -> None:
    def due(template: ScheduleEnvelope) -> ScheduleEnvelope:
        at = from_us(latest - random.randrange(spread))
        anchor = at if template.interval is not None else template.anchor
        return replace(template, next_run=at, next_nominal=at, anchor=anchor)

    _copy(place, seq, count, due)


def _copy_later(place: Stage, count: int) -> None:
    def later(template: ScheduleEnvelope) -> ScheduleEnvelope:
        assert template.next_run is not None
        at = template.next_run + timedelta(microseconds=random.randrange(_DAY))
        return replace(template, next_run=at, next_nominal=at)

    _copy(place, 1, count, later)


def _copy(place: Stage, seq: int, count: int, changed: Callable[[ScheduleEnvelope], ScheduleEnvelope]) -> None:
    """Store copies of the schedule that came `seq`-th, by the store's own script, many in a pipeline."""
    script = load("put_schedule")
    with keys(place) as (connection, prefix):
        [found] = connection.zrangebyscore(f"{prefix}schedule_list", seq, seq)
        template = place.app.store.schedules.get(found.decode())
        assert template is not None
        connection.script_load(script.source)
        for start in range(0, count, MAX_BATCH):
            with connection.pipeline(transaction=False) as pipeline:
                for _ in range(min(MAX_BATCH, count - start)):
                    copy = replace(changed(template), id=str(uuid4()), name=None)
                    said = orjson.dumps({"id": copy.id, "head": head_of(copy), "rows": []})
                    pipeline.evalsha(script.sha, 1, prefix, "", said, definition_of(copy))
                pipeline.execute()


def _raw_round(server: str, schedules: int) -> float:
    due, jobs, rows = (f"raw-{uuid4().hex[:12]}" for _ in range(3))
    with connected(server) as connection:
        for start in range(0, schedules, MAX_BATCH):
            connection.zadd(due, {f"{each:036d}": each for each in range(start, min(schedules, start + MAX_BATCH))})
        try:
            return rate(schedules, lambda: _serve_raw(connection, due, jobs, rows, schedules))
        finally:
            for name in (due, jobs, rows):
                delete(connection, name)


def _serve_raw(connection: redis.Redis, due: str, jobs: str, rows: str, now: int) -> None:
    """Add a job and a row of each and advance it, a batch at once, until none is due."""
    found: list[Any]
    while found := connection.zrangebyscore(due, "-inf", now, start=0, num=dispatches.BATCH):
        with connection.pipeline(transaction=False) as pipeline:
            for _ in found:
                pipeline.xadd(jobs, _ROW)
            pipeline.hset(rows, mapping=dict.fromkeys(found, "dispatched"))
            pipeline.zadd(due, dict.fromkeys(found, 2 * now + 1))
            pipeline.execute()

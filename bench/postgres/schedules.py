"""Schedules on PostgreSQL: a herd, what is overdue for one scheduler and for two, a million that are not due."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import psutil

from bench import dispatch as dispatches, drain as drains, herd as herds, million as millions
from bench.figures import Figure, at_least, share
from bench.postgres import raw
from bench.postgres.place import RANDOM_ID, copy, look, server_stage
from bench.stage import Stage
from bench.timing import ROUNDS, in_turns, rate, until
from nuvom.stores.postgres.store import PostgresStore

STORED = 1_000_000  # beside those that are due

_DAY = 86_400_000_000  # microseconds
_LATER = f"next_run + (random() * {_DAY})::bigint"
_STARTS = "SELECT value::text::float8 FROM jobs WHERE state = 'succeeded' AND scheduled_for = %s"
_DISPATCHED = "SELECT (SELECT count(*) FROM occurrences WHERE outcome = 'dispatched'), (SELECT count(*) FROM jobs)"
_NOTHING_DUE = """
    SELECT NOT EXISTS (
        SELECT 1 FROM schedules
        WHERE state = 'active' AND next_run <= (extract(epoch FROM statement_timestamp()) * 1000000)::bigint
    )
"""


def herd(server: str, scale: float) -> Iterator[Figure]:
    schedules = max(10, int(herds.SCHEDULES * scale))
    with server_stage(server) as place, place.worker(), place.scheduler(), look(place.url) as connection:

        def starts(nominal: int) -> list[float]:
            return [row[0] for row in connection.execute(_STARTS, (nominal,))]

        yield from herds.herds("pg-herd", schedules, 80, starts)


def dispatch(server: str, scale: float) -> Iterator[Figure]:
    schedules = max(400, int(dispatches.SCHEDULES * scale))
    stored = max(1_000, int(STORED * scale))
    rounds = ROUNDS if scale >= 0.1 else 1  # each sets up a stage of its own
    nuvom, beside = in_turns(lambda: _round(server, schedules, stored), lambda: _raw_round(server, schedules), rounds)
    overdue = f"{schedules:,} overdue beside {stored:,} that are not"
    yield Figure(
        name="pg-dispatch",
        nuvom=nuvom,
        raw=beside,
        unit="/s",
        target=at_least(30_000),
        what=f"{overdue}; raw: 2 INSERTs + UPDATE, 500 at once",
    )
    two, one = in_turns(
        lambda: _served(server, schedules, stored, 2),
        lambda: _served(server, schedules, stored, 1),
        rounds,
    )
    yield Figure(
        name="pg-dispatch-2",
        nuvom=two,
        raw=one,
        unit="/s",
        target=share(1.0),
        what=f"{overdue}, two `nuvom runscheduler`; raw: Nuvom, one",
    )


def _round(server: str, schedules: int, stored: int) -> float:
    with server_stage(server) as place:
        made = _overdue(place, schedules, stored)
        speed = dispatches.dispatched(place, made)
        _refuse_other(place, made)
        return speed


def _served(server: str, schedules: int, stored: int, services: int) -> float:
    """Occurrences per second of services that are released together."""
    with server_stage(server) as place, ExitStack() as running:
        for number in range(1, services + 1):
            running.enter_context(place.scheduler(among=number))
        processes = [psutil.Process(pid) for pid in place.live("scheduler")]
        drains.suspend(processes)
        try:
            made = _overdue(place, schedules, stored)
            _wake(place)
        finally:
            drains.resume(processes)
        speed = rate(made, lambda: _nothing_due(place))
        _refuse_other(place, made)
        return speed


def _nothing_due(place: Stage) -> None:
    with look(place.url) as connection:
        until(lambda: connection.execute(_NOTHING_DUE).fetchone() == (True,), "nothing due")


def _wake(place: Stage) -> None:
    store = place.app.store
    assert isinstance(store, PostgresStore)
    store.jobs._database.write(lambda session: session.wake("scheduler"), durable=False)


def _refuse_other(place: Stage, made: int) -> None:
    with look(place.url) as connection:
        if connection.execute(_DISPATCHED).fetchone() != (made, made):
            raise RuntimeError(f"of {made:,} schedules not every one was dispatched once")


def _overdue(place: Stage, schedules: int, stored: int) -> int:
    def copy_due(seq: int, count: int, latest: int, spread: int) -> None:
        next_run = f"{latest} - (random() * {spread - 1})::bigint"
        copy(place.url, "schedules", seq, count, {**_times(next_run), "anchor": next_run})

    made = dispatches.overdue(schedules, copy_due)
    copy(place.url, "schedules", 1, stored, _times(_LATER))
    return made


def _times(next_run: str) -> dict[str, str]:
    return {"id": RANDOM_ID, "name": "NULL", "next_run": next_run, "next_nominal": next_run}


def _raw_round(server: str, schedules: int) -> float:
    with server_stage(server) as place, look(place.url) as connection:
        raw.store_due(connection, schedules)
        now = schedules + 1
        return rate(schedules, lambda: raw.serve_due(connection, now))


def million(server: str, scale: float) -> Iterator[Figure]:
    with server_stage(server) as place:
        yield from millions.stored(
            "pg-million", place, scale, lambda count: copy(place.url, "schedules", 1, count, _times(_LATER))
        )

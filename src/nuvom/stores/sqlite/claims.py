"""Claims: ready jobs become a worker's, in one transaction."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

import orjson

from nuvom._clock import to_us
from nuvom._job import ClaimedJob, JobError
from nuvom.stores.rows import ClaimedRows, Row, write_error
from nuvom.stores.sqlite.database import Database
from nuvom.stores.sqlite.endings import Endings
from nuvom.stores.sqlite.failures import code
from nuvom.stores.sqlite.fetching import text_or_bytes
from nuvom.stores.sqlite.flows import count_starts
from nuvom.stores.sqlite.pausing import served
from nuvom.stores.sqlite.statements import load
from nuvom.stores.sqlite.throughput import count_ended
from nuvom.stores.values import Claim, Order

# Places in a row of claim.sql; the first is seq, then comes the id.
_QUEUE, _PRIORITY, _RUN_AT, _KEY, _FLOW = 4, 5, 6, 14, 20
_TEXTS = (2, _QUEUE, _KEY, 16, _FLOW)
_priority, _oldest_first = itemgetter(_PRIORITY), itemgetter(_RUN_AT, 0)


class _UndecodableText(Exception):
    """A row holds bytes that are no UTF-8, so the driver gave up on all of them."""


def claim(database: Database, wanted: Claim) -> list[ClaimedJob]:
    """Turn ready jobs into running ones of `wanted.worker`; see `JobStore.claim`."""
    if wanted.limit <= 0:
        return []
    try:
        return _claim(database, wanted, _fetch)
    except _UndecodableText:
        return _claim(database, wanted, _fetch_bytes, _check_texts)


def as_json(names: Collection[str] | None) -> str | None:
    """Return names as the JSON list that statements take; None stays None."""
    return None if names is None else orjson.dumps(list(names)).decode()


def as_us(moment: datetime | None) -> int | None:
    """Return a time as statements take it; None stays None."""
    return None if moment is None else to_us(moment)


_Fetch = Callable[[sqlite3.Connection, str, dict[str, object]], list[Row]]
_Check = Callable[[Row], None]


def _claim(database: Database, wanted: Claim, fetch: _Fetch, check: _Check | None = None) -> list[ClaimedJob]:
    endings = Endings()
    with database.write(durable=False) as connection:
        now = database.now()  # under the lock: who waited for it may be given jobs that were pushed meanwhile
        rows = _take(connection, wanted, _parameters(database, wanted, now), fetch)
        jobs = _decoded(connection, rows, check, now, endings)
        opened = _started(connection, rows, to_us(now))  # before places are given up: a start counts whatever follows
        endings.apply(connection, to_us(now))
    if opened:
        database.wake("worker")
    endings.wake(database)
    if any(job.max_crashes == 0 for job in jobs):
        with database.write(durable=True) as connection:
            connection.execute(load("sync_claim"), {"worker": wanted.worker, "now": to_us(now)})
    return jobs


def _parameters(database: Database, wanted: Claim, now: datetime) -> dict[str, object]:
    return {
        "worker": wanted.worker,
        "now": to_us(now),
        "boot": database.boot(),
        "monotonic": database.monotonic_us(),
        "limit": wanted.limit,
        "excluding": as_json(wanted.excluding or None),
        "ready_by": as_us(wanted.ready_by),
    }


def _take(connection: sqlite3.Connection, wanted: Claim, parameters: dict[str, object], fetch: _Fetch) -> list[Row]:
    if wanted.order == Order.SUSPECT:
        return fetch(connection, load("claim_suspect"), {**parameters, "queues": as_json(wanted.queues)})
    queues = served(connection, wanted.queues)
    heads: list[Row] = []
    if wanted.order == Order.FAIR:
        heads = fetch(connection, load("claim_heads"), {**parameters, "queues": as_json(queues)})
        heads.sort(key=_oldest_first)
        parameters = {**parameters, "limit": wanted.limit - len(heads)}
    return heads + _take_best(connection, queues, parameters, fetch)


def _take_best(
    connection: sqlite3.Connection, queues: Sequence[str], parameters: dict[str, Any], fetch: _Fetch
) -> list[Row]:
    if not queues or not parameters["limit"]:
        return []
    if len(queues) > parameters["limit"]:
        found = fetch(connection, load("best_queues"), {**parameters, "queues": as_json(queues)})
        queues = [queue for (queue,) in found]
    if len(queues) == 1:
        rows = fetch(connection, load("claim_queue"), {**parameters, "queue": queues[0]})
    else:
        rows = fetch(connection, load("claim"), {**parameters, "queues": as_json(queues)})
    rows.sort(key=_oldest_first)
    rows.sort(key=_priority, reverse=True)  # equals keep their order
    return rows


def _started(connection: sqlite3.Connection, rows: list[Row], now_us: int) -> int:
    flows = Counter(row[_FLOW] for row in rows if isinstance(row[_FLOW], str))
    return count_starts(connection, flows, now_us) if flows else 0


def _fetch(connection: sqlite3.Connection, statement: str, parameters: dict[str, object]) -> list[Row]:
    try:
        return connection.execute(statement, parameters).fetchall()
    except sqlite3.OperationalError as error:
        if code(error) == 0:
            raise _UndecodableText from error
        raise


def _fetch_bytes(connection: sqlite3.Connection, statement: str, parameters: dict[str, object]) -> list[Row]:
    # What is no UTF-8 stays as bytes, and makes only its own row undecodable.
    connection.text_factory = text_or_bytes
    try:
        return connection.execute(statement, parameters).fetchall()
    finally:
        connection.text_factory = str


def _check_texts(row: Row) -> None:
    for place in _TEXTS:
        if isinstance(row[place], bytes):
            raise ValueError(f"{row[place]!r} is no UTF-8")


def _decoded(
    connection: sqlite3.Connection, rows: list[Row], check: _Check | None, now: datetime, endings: Endings
) -> list[ClaimedJob]:
    decode = ClaimedRows(now).job
    jobs: list[ClaimedJob] = []
    for row in rows:
        try:
            if check is not None:
                check(row)
            jobs.append(decode(row))
        except (ValueError, TypeError, OverflowError) as error:
            message = f"the stored row does not decode: {error}"
            parameters = (to_us(now), write_error(JobError("corrupt", message=message)), row[0])
            connection.execute(load("insert_lost_attempt"), parameters)
            connection.execute(load("fail_corrupt"), parameters)
            count_ended(connection, to_us(now), failed=[str(row[_QUEUE])])
            endings.add(row[1], *(name if isinstance(name, str) else None for name in (row[_KEY], row[_FLOW])))
    return jobs

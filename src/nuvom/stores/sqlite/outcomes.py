"""Outcomes: how claimed jobs ended, accepted only from the worker that holds them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from nuvom._clock import to_us
from nuvom._ids import raw
from nuvom._job import Outcome, Refused, Verdict
from nuvom.stores.sqlite.database import Database
from nuvom.stores.sqlite.endings import Endings
from nuvom.stores.sqlite.rows import write_error
from nuvom.stores.sqlite.statements import load

_FINAL = (Verdict.SUCCEEDED, Verdict.FAILED)
_HISTORIC = (Verdict.FAILED, Verdict.RETRY)


class _Mismatch(Exception):
    """Fewer rows changed than outcomes were given: some are refused, and it is not known which."""


def finish(database: Database, worker: str, outcomes: Sequence[Outcome]) -> list[Refused]:
    """Record outcomes of jobs that `worker` holds; see `JobStore.finish`."""
    if not outcomes:
        return []
    try:
        _record(database, worker, outcomes, _all_at_once)
        return []
    except _Mismatch:
        accepted = _record(database, worker, outcomes, _one_by_one)
    kept = {id(outcome) for outcome in accepted}
    return [Refused(outcome.job.id, outcome.job.attempt, worker) for outcome in outcomes if id(outcome) not in kept]


_Apply = Callable[[sqlite3.Connection, str, Sequence[Outcome], int], Sequence[Outcome]]


def _record(database: Database, worker: str, outcomes: Sequence[Outcome], apply: _Apply) -> Sequence[Outcome]:
    endings = Endings()
    with database.write(durable=False) as connection:
        now_us = database.now_us()
        accepted = apply(connection, worker, outcomes, now_us)
        for outcome in accepted:
            if outcome.verdict in _FINAL:
                endings.add(raw(outcome.job.id), outcome.job.key)
        endings.apply(connection, now_us)
    endings.wake(database)
    if any(outcome.verdict not in _FINAL for outcome in accepted):
        database.wake("worker")  # a ready job, or a time to wake for that nobody else knows yet
    return accepted


def _all_at_once(
    connection: sqlite3.Connection, worker: str, outcomes: Sequence[Outcome], now_us: int
) -> Sequence[Outcome]:
    for verdict in {outcome.verdict for outcome in outcomes}:
        same = [outcome for outcome in outcomes if outcome.verdict == verdict]
        if _change(connection, verdict, worker, same, now_us) != len(same):
            raise _Mismatch
    return outcomes


def _one_by_one(
    connection: sqlite3.Connection, worker: str, outcomes: Sequence[Outcome], now_us: int
) -> Sequence[Outcome]:
    return [outcome for outcome in outcomes if _change(connection, outcome.verdict, worker, [outcome], now_us) == 1]


def _change(
    connection: sqlite3.Connection, verdict: Verdict, worker: str, outcomes: Sequence[Outcome], now_us: int
) -> int:
    statement, row = _STATEMENTS[verdict]
    if verdict in _HISTORIC:
        history = [(now_us, _error(outcome), *_fence(outcome, worker)) for outcome in outcomes]
        connection.executemany(load("insert_attempt"), history)
    rows: Iterable[tuple[object, ...]] = [row(outcome, now_us) + _fence(outcome, worker) for outcome in outcomes]
    return connection.executemany(load(statement), rows).rowcount


def _fence(outcome: Outcome, worker: str) -> tuple[object, ...]:
    return outcome.job.ref, outcome.job.attempt, worker


def _error(outcome: Outcome) -> bytes | None:
    return None if outcome.error is None else write_error(outcome.error)


def _succeeded(outcome: Outcome, now_us: int) -> tuple[object, ...]:
    return now_us, outcome.value, _error(outcome)


def _failed(outcome: Outcome, now_us: int) -> tuple[object, ...]:
    # Errors are what the task reported; a process that died is none.
    reported = outcome.error is None or outcome.error.kind == "error"
    return now_us, _error(outcome), int(reported), outcome.retries


def _retried(outcome: Outcome, now_us: int) -> tuple[object, ...]:
    return _later(outcome, now_us), _error(outcome), outcome.retries


def _deferred(outcome: Outcome, now_us: int) -> tuple[object, ...]:
    return (_later(outcome, now_us),)


def _put_back(_outcome: Outcome, _now_us: int) -> tuple[object, ...]:
    return ()


def _later(outcome: Outcome, now_us: int) -> int:
    return now_us if outcome.run_at is None else to_us(outcome.run_at)


class _Change(NamedTuple):
    statement: str
    row: Callable[[Outcome, int], tuple[object, ...]]


_STATEMENTS = {
    Verdict.SUCCEEDED: _Change("finish_succeeded", _succeeded),
    Verdict.FAILED: _Change("finish_failed", _failed),
    Verdict.RETRY: _Change("finish_retry", _retried),
    Verdict.DEFER: _Change("finish_defer", _deferred),
    Verdict.PUT_BACK: _Change("finish_put_back", _put_back),
}

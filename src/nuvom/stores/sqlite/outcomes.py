"""Outcomes: how claimed jobs ended, accepted only from the worker that holds them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import NamedTuple

from nuvom._clock import to_us
from nuvom._job import Holding, Outcome, Refused, Verdict
from nuvom.stores.rows import write_error
from nuvom.stores.sqlite.database import Database
from nuvom.stores.sqlite.endings import Endings
from nuvom.stores.sqlite.statements import load
from nuvom.stores.sqlite.throughput import count_ended

_FINAL = (Verdict.SUCCEEDED, Verdict.FAILED, Verdict.CANCELLED)
_HISTORIC = (Verdict.FAILED, Verdict.CANCELLED, Verdict.RETRY)


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
        going_on = [outcome for outcome in accepted if outcome.verdict not in _FINAL]
        for outcome in accepted:
            if outcome.verdict in _FINAL:
                endings.add(outcome.job.id, outcome.job.key, outcome.job.flow)
        for outcome in going_on:
            endings.moved(outcome.job.flow)
        if going_on:
            endings.end_asked(connection, now_us)
        connection.executemany(load("insert_untold"), _untold(accepted))
        count_ended(
            connection,
            now_us,
            succeeded=[outcome.job.queue for outcome in accepted if outcome.verdict is Verdict.SUCCEEDED],
            failed=[outcome.job.queue for outcome in accepted if outcome.verdict is Verdict.FAILED],
        )
        endings.apply(connection, now_us)
    endings.wake(database)
    if going_on:
        database.wake("worker")  # a ready job, or a time to wake for that nobody else knows yet
    return accepted


def _untold(accepted: Sequence[Outcome]) -> list[tuple[int | str]]:
    """Return the jobs that failed and whose worker is not who says so."""
    failed = (outcome for outcome in accepted if outcome.error is not None and isinstance(outcome.job, Holding))
    return [(outcome.job.ref,) for outcome in failed if outcome.verdict is Verdict.FAILED]


def _all_at_once(
    connection: sqlite3.Connection, worker: str, outcomes: Sequence[Outcome], now_us: int
) -> Sequence[Outcome]:
    by_verdict: dict[Verdict, list[Outcome]] = {}
    for outcome in outcomes:
        by_verdict.setdefault(outcome.verdict, []).append(outcome)
    for verdict, same in by_verdict.items():
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
    rows = [row(outcome, worker, now_us) for outcome in outcomes]
    return connection.executemany(load(statement), rows).rowcount


_Row = tuple[object, ...]


def _fence(outcome: Outcome, worker: str) -> _Row:
    return outcome.job.ref, outcome.job.attempt, worker


def _error(outcome: Outcome) -> bytes | None:
    return None if outcome.error is None else write_error(outcome.error)


def _succeeded(outcome: Outcome, worker: str, now_us: int) -> _Row:
    job, _, value, error, _, _ = outcome  # by place: this is done for each job
    return now_us, value, None if error is None else write_error(error), job.ref, job.attempt, worker


def _failed(outcome: Outcome, worker: str, now_us: int) -> _Row:
    # Errors are what the task reported; a process that died is none.
    reported = outcome.error is None or outcome.error.kind in ("error", "timeout")
    return now_us, _error(outcome), int(reported), outcome.retries, *_fence(outcome, worker)


def _cancelled(outcome: Outcome, worker: str, now_us: int) -> _Row:
    return now_us, _error(outcome), *_fence(outcome, worker)


def _retried(outcome: Outcome, worker: str, now_us: int) -> _Row:
    return _later(outcome, now_us), _error(outcome), outcome.retries, *_fence(outcome, worker)


def _deferred(outcome: Outcome, worker: str, now_us: int) -> _Row:
    return _later(outcome, now_us), *_fence(outcome, worker)


def _put_back(outcome: Outcome, worker: str, _now_us: int) -> _Row:
    return _fence(outcome, worker)


def _later(outcome: Outcome, now_us: int) -> int:
    return now_us if outcome.run_at is None else to_us(outcome.run_at)


class _Change(NamedTuple):
    statement: str
    row: Callable[[Outcome, str, int], _Row]


_STATEMENTS = {
    Verdict.SUCCEEDED: _Change("finish_succeeded", _succeeded),
    Verdict.FAILED: _Change("finish_failed", _failed),
    Verdict.CANCELLED: _Change("finish_cancelled", _cancelled),
    Verdict.RETRY: _Change("finish_retry", _retried),
    Verdict.DEFER: _Change("finish_defer", _deferred),
    Verdict.PUT_BACK: _Change("finish_put_back", _put_back),
}

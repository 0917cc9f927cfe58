"""Waiting for results: rows say who sleeps until which jobs are final, and whoever ends one wakes the sleeper."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, suppress

from nuvom._ids import raw
from nuvom._job import Job, JobState, JobStatus
from nuvom.errors import StoreUnavailable
from nuvom.stores.base import JobStore
from nuvom.stores.sqlite.database import Database
from nuvom.stores.sqlite.listener import Ear
from nuvom.stores.sqlite.statements import load
from nuvom.stores.values import MAX_BATCH

_ROUND = 60.0  # seconds that a waiter's rows count before they are renewed, so that the dead are forgotten
_QUICK = 0.002  # seconds of a look that may follow the one before at once
_SHARE = 3  # slower ones take a quarter of the time
_LONGEST = 0.25  # seconds between two looks when there is something to see
_SIGN = 5.0  # seconds without a sign to who waits, at most

_Ended = dict[str, JobStatus | None]
_Pending = dict[bytes, str]


def wait_final(database: Database, jobs: JobStore, job_id: str, timeout: float | None) -> Job | None:
    """Wait at most `timeout` seconds until a job is final; see `JobStore.wait_final`."""
    with closing(ended(database, [job_id], timeout)) as batches:
        next(filter(None, batches), None)
    return jobs.get(job_id)


def ended(
    database: Database, job_ids: Sequence[str], timeout: float | None
) -> Generator[Mapping[str, JobStatus | None], None, None]:
    """Yield which of some jobs are final, as they end; see `JobStore.ended`."""
    deadline = math.inf if timeout is None else time.monotonic() + timeout
    pending, unknown = _by_raw(job_ids)
    yield unknown | _look(database, pending)
    if not pending or time.monotonic() >= deadline:
        return
    awaited = list(pending)
    ear = database.ears.open()
    try:
        yield from _listen(database, pending, ear, deadline)
    finally:
        ear.close()
        with suppress(StoreUnavailable):
            for some in _batches(awaited):
                with database.write(durable=False) as connection:
                    connection.execute(load("delete_waiters"), (some, ear.port))


def _listen(database: Database, pending: _Pending, ear: Ear, deadline: float) -> Iterator[_Ended]:
    renewal = -math.inf
    while True:
        now = time.monotonic()
        if now >= renewal:
            _register(database, pending, ear.port)
            renewal = now + _ROUND / 2
        began = time.monotonic()
        batch = _look(database, pending)  # after the rows are there: some may have ended just before
        looked = time.monotonic()
        yield batch
        left = deadline - time.monotonic()
        if not pending or left <= 0:
            return
        if looked - began > _QUICK:  # with a hundred thousand jobs a look is dear, and is not soon repeated
            time.sleep(min(left, _SHARE * (looked - began), _LONGEST))
        ear.wait(min(left, _SIGN))


def _look(database: Database, pending: _Pending) -> _Ended:
    """Take out of `pending` what is final or gone, and return it."""
    with database.read() as connection:
        rows = connection.execute(load("ended_of"), (b"".join(pending),)).fetchall()
    return {pending.pop(identifier): None if state is None else JobState(state).status for identifier, state in rows}


def _register(database: Database, pending: _Pending, port: int) -> None:
    until = database.now_us() + int(_ROUND * 1_000_000)
    for some in _batches(list(pending)):
        with database.write(durable=False) as connection:
            connection.execute(load("insert_waiters"), (some, port, until))


def _batches(identifiers: Sequence[bytes]) -> Iterator[bytes]:
    for start in range(0, len(identifiers), MAX_BATCH):
        yield b"".join(identifiers[start : start + MAX_BATCH])


def _by_raw(job_ids: Sequence[str]) -> tuple[_Pending, _Ended]:
    """Return ids as they are stored, and those that are none."""
    pending: _Pending = {}
    unknown: _Ended = {}
    for job_id in job_ids:
        try:
            pending[raw(job_id)] = job_id
        except ValueError:
            unknown[job_id] = None
    return pending, unknown

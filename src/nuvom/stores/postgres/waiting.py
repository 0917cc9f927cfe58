"""Waiting for results: rows say who sleeps until which jobs are final, and whoever ends one wakes the sleeper."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, suppress

from nuvom._ids import raw, text
from nuvom._job import Job, JobState, JobStatus
from nuvom.errors import StoreError
from nuvom.stores.base import JobStore, Listener
from nuvom.stores.postgres.database import Database
from nuvom.stores.postgres.listener import Hub
from nuvom.stores.values import MAX_BATCH

_ROUND = 60.0  # seconds that a waiter's rows count before they are renewed, so that the dead are forgotten
_QUICK = 0.002  # seconds of a look that may follow the one before at once
_SHARE = 3  # slower ones take a quarter of the time
_LONGEST = 0.25  # seconds between two looks when there is something to see
_SIGN = 5.0  # seconds without a sign to who waits, at most
# Whoever was ending a job while the waiter's rows were written did not see them, and wakes nobody. Such a transaction
# is soon over: sleeps begin short, and each is so much longer than the one before.
_FIRST, _GROWTH = 0.002, 4

_Ended = dict[str, JobStatus | None]
_Pending = dict[bytes, str]


def wait_final(database: Database, hub: Hub, jobs: JobStore, job_id: str, timeout: float | None) -> Job | None:
    """Wait at most `timeout` seconds until a job is final; see `JobStore.wait_final`."""
    with closing(ended(database, hub, [job_id], timeout)) as batches:
        next(filter(None, batches), None)
    return jobs.get(job_id)


def ended(
    database: Database, hub: Hub, job_ids: Sequence[str], timeout: float | None
) -> Generator[Mapping[str, JobStatus | None], None, None]:
    """Yield which of some jobs are final, as they end; see `JobStore.ended`."""
    deadline = math.inf if timeout is None else time.monotonic() + timeout
    pending, unknown = _by_raw(job_ids)
    yield unknown | _look(database, pending)
    if not pending or time.monotonic() >= deadline:
        return
    awaited = list(pending)
    ear = hub.open("waiter")
    try:
        yield from _listen(database, pending, ear, deadline)
    finally:
        ear.close()
        with suppress(StoreError):  # away, or this role may not delete them: they are bounded
            for ids in _batches(awaited):
                _forget(database, ear, ids)


def _listen(database: Database, pending: _Pending, ear: Listener, deadline: float) -> Iterator[_Ended]:
    renewal = -math.inf
    sleep = _FIRST
    while True:
        if time.monotonic() >= renewal:
            for ids in _batches(pending):
                _register(database, ear, ids)
            renewal = time.monotonic() + _ROUND / 2
            sleep = _FIRST
        began = time.monotonic()
        batch = _look(database, pending)  # after the rows are there: some may have ended just before
        looked = time.monotonic()
        yield batch
        left = deadline - time.monotonic()
        if not pending or left <= 0:
            return
        if looked - began > _QUICK:  # with a hundred thousand jobs a look is dear, and is not soon repeated
            time.sleep(min(left, _SHARE * (looked - began), _LONGEST))
        ear.wait(min(left, sleep))
        sleep = min(_GROWTH * sleep, _SIGN)


def _look(database: Database, pending: _Pending) -> _Ended:
    """Take out of `pending` what is final or gone, and return it."""
    if not pending:
        return {}
    rows = database.read(lambda session: session.rows("ended_of", (_texts(pending),)))
    return {pending.pop(identifier): None if state is None else JobState(state).status for identifier, state in rows}


def _register(database: Database, ear: Listener, ids: Sequence[str]) -> None:
    said = {"now": database.given_now, "ear": ear.address, "period": int(_ROUND * 1_000_000), "ids": ids}
    database.once(lambda session: session.execute("insert_waiters", said))


def _forget(database: Database, ear: Listener, ids: Sequence[str]) -> None:
    database.once(lambda session: session.execute("delete_waiters", {"ear": ear.address, "ids": ids}))


def _batches(identifiers: Sequence[bytes] | _Pending) -> Iterator[list[str]]:
    texts = _texts(identifiers)
    for start in range(0, len(texts), MAX_BATCH):
        yield texts[start : start + MAX_BATCH]


def _texts(identifiers: Sequence[bytes] | _Pending) -> list[str]:
    return [text(identifier) for identifier in identifiers]


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

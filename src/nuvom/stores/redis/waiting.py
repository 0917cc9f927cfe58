"""Waiting for results: who sleeps says until which jobs are final, and whoever ends one wakes the sleeper."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import closing, suppress

import orjson

from nuvom._ids import is_uuid
from nuvom._job import Job, JobState, JobStatus
from nuvom.errors import StoreError
from nuvom.stores.base import JobStore, Listener
from nuvom.stores.redis.database import Database
from nuvom.stores.redis.listener import Hub
from nuvom.stores.values import MAX_BATCH

_ROUND = 60.0  # seconds that a waiter counts before he is noted again, so that the dead are forgotten
_QUICK = 0.002  # seconds of a look that may follow the one before at once
_SHARE = 3  # slower ones take a quarter of the time
_LONGEST = 0.25  # seconds between two looks when there is something to see
_SIGN = 5.0  # seconds without a sign to who waits, at most

_Ended = dict[str, JobStatus | None]
_Pending = dict[str, str]  # ids as they are stored, and as they were given


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
    pending: _Pending = {job_id.lower(): job_id for job_id in job_ids if is_uuid(job_id)}
    unknown: _Ended = {job_id: None for job_id in job_ids if not is_uuid(job_id)}
    yield unknown | _look(database, pending)
    if not pending or time.monotonic() >= deadline:
        return
    ear = hub.open("waiter")
    try:
        yield from _listen(database, pending, ear, deadline)
    finally:
        ear.close()
        with suppress(StoreError):  # away, or not to be written to: what is left ends by itself
            for ids in _batches(pending):  # of the others it was taken away when they ended
                database.write("unawait", ids, str(ear.address))


def _listen(database: Database, pending: _Pending, ear: Listener, deadline: float) -> Iterator[_Ended]:
    renewal = -math.inf
    while True:
        began = time.monotonic()
        if began >= renewal:
            batch = _look(database, pending, str(ear.address))
            renewal = began + _ROUND / 2
        else:
            batch = _look(database, pending)
        looked = time.monotonic()
        yield batch
        left = deadline - time.monotonic()
        if not pending or left <= 0:
            return
        if looked - began > _QUICK:  # with a hundred thousand jobs a look is dear, and is not soon repeated
            time.sleep(min(left, _SHARE * (looked - began), _LONGEST))
        ear.wait(min(left, _SIGN))


def _look(database: Database, pending: _Pending, ear: str = "") -> _Ended:
    """Take out of `pending` what is final or gone, and return it; with an ear, note that it waits for the rest."""
    run = database.write if ear else database.read
    found: _Ended = {}
    for ids in list(_batches(pending)):
        answer = run("await", ids, ear, int(_ROUND * 1_000_000))
        for job_id, state in zip(answer[::2], answer[1::2], strict=True):
            found[pending.pop(job_id.decode())] = JobState(state.decode()).status if state else None
    return found


def _batches(ids: Collection[str]) -> Iterator[bytes]:
    listed = list(ids)
    for start in range(0, len(listed), MAX_BATCH):
        yield orjson.dumps(listed[start : start + MAX_BATCH])

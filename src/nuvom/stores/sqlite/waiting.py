"""Waiting for a result: a row says who sleeps, and whoever ends the job wakes them."""

from __future__ import annotations

import math
import time
from contextlib import suppress

from nuvom._ids import raw
from nuvom._job import Job
from nuvom.errors import StoreUnavailable
from nuvom.stores.base import JobStore
from nuvom.stores.sqlite.database import Database
from nuvom.stores.sqlite.listener import Ear
from nuvom.stores.sqlite.statements import load

_ROUND = 60.0  # seconds that a waiter's row counts before it is renewed, so that the dead are forgotten


def wait_final(database: Database, jobs: JobStore, job_id: str, timeout: float | None) -> Job | None:
    """Wait at most `timeout` seconds until a job is final; see `JobStore.wait_final`."""
    deadline = math.inf if timeout is None else time.monotonic() + timeout
    job = jobs.get(job_id)
    if job is None or job.status.final or time.monotonic() >= deadline:
        return job
    ear = database.ears.open()
    try:
        return _wait(database, jobs, job_id, ear, deadline)
    finally:
        ear.close()
        with suppress(StoreUnavailable), database.write(durable=False) as connection:
            connection.execute(load("delete_waiter"), {"id": raw(job_id), "port": ear.port})


def _wait(database: Database, jobs: JobStore, job_id: str, ear: Ear, deadline: float) -> Job | None:
    renewal = -math.inf
    while True:
        now = time.monotonic()
        if now >= renewal:
            _register(database, job_id, ear.port)
            renewal = now + _ROUND / 2
        job = jobs.get(job_id)  # after the row is there: it may have ended just before
        left = deadline - time.monotonic()
        if job is None or job.status.final or left <= 0:
            return job
        ear.wait(min(left, _ROUND / 2))


def _register(database: Database, job_id: str, port: int) -> None:
    row = {"id": raw(job_id), "port": port, "until": database.now_us() + int(_ROUND * 1_000_000)}
    with database.write(durable=False) as connection:
        connection.execute(load("insert_waiter"), row)

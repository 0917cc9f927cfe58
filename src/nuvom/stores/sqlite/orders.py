"""What callers ask of jobs that are stored, of many in one transaction: to be cancelled, to run again."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from nuvom._ids import raw
from nuvom.stores.sqlite.database import Database
from nuvom.stores.sqlite.endings import Endings
from nuvom.stores.sqlite.statements import load
from nuvom.stores.values import CancelAnswer


def cancel(database: Database, job_ids: Sequence[str]) -> list[CancelAnswer]:
    """Cancel jobs that wait, ask running ones to stop; see `JobStore.cancel_many`."""
    identifiers = [_raw(job_id) for job_id in job_ids]
    if not any(identifiers):
        return [CancelAnswer.NOT_FOUND] * len(identifiers)
    now_us = database.now_us()
    endings = Endings()
    with database.write(durable=True) as connection:
        answers = [_cancel(connection, identifier, now_us, endings) for identifier in identifiers]
        endings.apply(connection, now_us)
    endings.wake(database)
    if CancelAnswer.REQUESTED in answers:
        database.wake("worker")
    return answers


def retry(database: Database, job_ids: Sequence[str]) -> list[bool]:
    """Make final jobs ready again; see `JobStore.retry_many`."""
    identifiers = [_raw(job_id) for job_id in job_ids]
    if not any(identifiers):
        return [False] * len(identifiers)
    now_us = database.now_us()
    endings = Endings()
    with database.write(durable=True) as connection:
        retried = [_retry(connection, identifier, now_us, endings) for identifier in identifiers]
        endings.apply(connection, now_us)
    if any(retried):
        database.wake("worker")
    return retried


def _cancel(connection: sqlite3.Connection, identifier: bytes | None, now_us: int, endings: Endings) -> CancelAnswer:
    if identifier is None:
        return CancelAnswer.NOT_FOUND
    cancelled = connection.execute(load("cancel_job"), {"id": identifier, "now": now_us}).fetchone()
    if cancelled is not None:
        endings.add(identifier, *cancelled)
        return CancelAnswer.CANCELLED
    if connection.execute(load("ask_to_stop"), {"id": identifier, "now": now_us}).rowcount == 1:
        return CancelAnswer.REQUESTED
    there = connection.execute(load("job_state"), {"id": identifier}).fetchone()
    return CancelAnswer.NOT_FOUND if there is None else CancelAnswer.FINISHED


def _retry(connection: sqlite3.Connection, identifier: bytes | None, now_us: int, endings: Endings) -> bool:
    retried = connection.execute(load("retry_job"), {"id": identifier, "now": now_us}).fetchone()
    if retried is None:
        return False
    flow, _ = retried
    if flow is not None:
        connection.execute(load("revive_flow"), retried)
        endings.moved(flow)
    return True


def _raw(job_id: str) -> bytes | None:
    try:
        return raw(job_id)
    except ValueError:
        return None  # what is no UUID is no job's id

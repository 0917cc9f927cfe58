"""What a lost process costs the jobs that it ran: the first loss nothing, each later one a crash, until it fails."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from nuvom._job import JobError
from nuvom.stores.rows import write_error
from nuvom.stores.sqlite.endings import Endings
from nuvom.stores.sqlite.statements import load
from nuvom.stores.sqlite.throughput import count_ended


class Loss(NamedTuple):
    """How a process was lost."""

    worker: str
    kind: str  # "crash": seen dead; "lost": its lease ran out
    cause: str
    charged: bool = True  # False: none of the jobs is to blame for it


class _Lost(NamedTuple):
    seq: int
    id: bytes
    queue: str
    key: str | None
    flow: str | None
    suspect: int
    crashes: int
    max_crashes: int


def lose_jobs(connection: sqlite3.Connection, loss: Loss, now_us: int, endings: Endings) -> int:
    """Free the running jobs of a lost process, in the caller's transaction; returns how many there were."""
    rows = [_Lost._make(row) for row in connection.execute(load("running_jobs"), (loss.worker,)).fetchall()]
    for row in rows:
        endings.moved(row.flow)
        if row.max_crashes == 0:
            message = f"its process died ({loss.cause}), and max_crashes=0 forbids to run it again"
            _fail(connection, row, 0, write_error(JobError(loss.kind, message=message)), now_us, endings)
        elif not loss.charged:
            connection.execute(load("lose_uncharged"), (row.seq,))
        elif not row.suspect:
            error = write_error(JobError(loss.kind, message=f"its process died ({loss.cause}); the first loss is free"))
            connection.execute(load("insert_lost_attempt"), (now_us, error, row.seq))
            connection.execute(load("lose_free"), (row.seq,))
        else:
            _charge(connection, row, loss, now_us, endings)
    endings.end_asked(connection, now_us)
    return len(rows)


def _charge(connection: sqlite3.Connection, row: _Lost, loss: Loss, now_us: int, endings: Endings) -> None:
    crashes = row.crashes + 1
    message = f"{crashes + 1} processes died while they ran it, the last one: {loss.cause}"
    error = write_error(JobError(loss.kind, message=message))
    if crashes < row.max_crashes:
        connection.execute(load("insert_lost_attempt"), (now_us, error, row.seq))
        connection.execute(load("lose_charged"), (crashes, error, row.seq))
    else:
        _fail(connection, row, crashes, error, now_us, endings)


def _fail(
    connection: sqlite3.Connection, row: _Lost, crashes: int, error: bytes, now_us: int, endings: Endings
) -> None:
    connection.execute(load("insert_lost_attempt"), (now_us, error, row.seq))
    connection.execute(load("lose_for_good"), (now_us, crashes, error, row.seq))
    connection.execute(load("insert_untold"), (row.seq,))
    count_ended(connection, now_us, failed=[row.queue])
    endings.add(row.id, row.key, row.flow)

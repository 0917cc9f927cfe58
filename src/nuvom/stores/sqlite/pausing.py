"""Queues of which nothing is claimed for a while, because somebody paused them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from nuvom.stores.rows import moment
from nuvom.stores.sqlite.database import Database
from nuvom.stores.sqlite.statements import load
from nuvom.stores.values import QueuePause


def pause(database: Database, queue: str, note: str | None) -> bool:
    """Let no claim take anything of a queue from now on; False when it was paused already."""
    with database.write(durable=True) as connection:
        known = queue in paused_queues(connection)
        connection.execute(load("pause_queue"), (queue, database.now_us(), note))
    return not known


def resume(database: Database, queue: str) -> bool:
    """Let a queue go on; False when it was not paused."""
    with database.write(durable=True) as connection:
        resumed = connection.execute(load("resume_queue"), (queue,)).rowcount == 1
    if resumed:
        database.wake("worker")
    return resumed


def paused_queues(connection: sqlite3.Connection) -> dict[str, QueuePause]:
    """Return the paused queues by name."""
    found = connection.execute(load("paused_queues")).fetchall()
    return {queue: QueuePause(moment(since), note) for queue, since, note in found}


def served(connection: sqlite3.Connection, wanted: Sequence[str] | None) -> list[str]:
    """Return which of the wanted queues, or of all that have ready jobs, may be claimed from."""
    if wanted is None:
        queues = [queue for (queue,) in connection.execute(load("ready_queues"))]
    else:
        queues = list(dict.fromkeys(wanted))
    paused = connection.execute(load("paused_queues")).fetchall()
    if not paused:
        return queues
    resting = {queue for queue, _, _ in paused}
    return [queue for queue in queues if queue not in resting]

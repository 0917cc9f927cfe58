"""Queues of which nothing is claimed for a while, because somebody paused them."""

from __future__ import annotations

from nuvom.stores.postgres.database import Database, Session
from nuvom.stores.rows import moment
from nuvom.stores.values import QueuePause


def pause(database: Database, queue: str, note: str | None) -> bool:
    """Let no claim take anything of a queue from now on; False when it was paused already."""
    said = {"queue": queue, "note": note, "now": database.given_now}
    return database.once(lambda session: session.row("pause_queue", said)) == (True,)


def resume(database: Database, queue: str) -> bool:
    """Let a queue go on; False when it was not paused."""
    said = {"queue": queue, "channel": database.channel}
    return database.once(lambda session: session.row("resume_queue", said)) is not None


def paused_queues(session: Session) -> dict[str, QueuePause]:
    """Return the paused queues by name."""
    return {queue: QueuePause(moment(since), note) for queue, since, note in session.rows("paused_queues")}

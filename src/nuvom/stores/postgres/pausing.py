"""Queues of which nothing is claimed for a while, because somebody paused them."""

from __future__ import annotations

from nuvom.stores.postgres.database import Database, Session
from nuvom.stores.values import QueuePause


def pause(database: Database, queue: str, note: str | None) -> bool:
    """Let no claim take anything of a queue from now on; False when it was paused already."""
    raise NotImplementedError


def resume(database: Database, queue: str) -> bool:
    """Let a queue go on; False when it was not paused."""
    raise NotImplementedError


def paused_queues(session: Session) -> dict[str, QueuePause]:
    """Return the paused queues by name."""
    raise NotImplementedError

"""What time does to jobs that wait: it makes them ready, lets rates start more, or lets them give up."""

from __future__ import annotations

from nuvom.stores.redis.database import Database
from nuvom.stores.values import Wakeup

_STEP = 200  # jobs of a script: some milliseconds


def promote(database: Database, limit: int) -> int:
    """Make due delayed jobs ready; see `JobStore.promote`."""
    moved, left, more = 0, limit, 1
    while more and left > 0:
        came, more = database.write("promote", min(left, _STEP))
        moved += came
        left -= _STEP
    return moved


def next_wakeup(database: Database) -> Wakeup:
    """Say when something happens that no wake-up announces; see `JobStore.next_wakeup`."""
    delayed, lease = database.read("next_wakeup")
    return Wakeup(_seconds(delayed), _seconds(lease))


def _seconds(microseconds: bytes) -> float | None:
    return int(microseconds) / 1_000_000 if microseconds else None

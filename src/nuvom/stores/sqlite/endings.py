"""What follows when jobs end: the next job of each key goes on, and whoever waits for a result is woken."""

from __future__ import annotations

import sqlite3

from nuvom._ids import raw
from nuvom.stores.sqlite.database import Database
from nuvom.stores.sqlite.statements import load


class Endings:
    """The jobs that one transaction ends."""

    def __init__(self) -> None:
        self._ids: list[bytes | str] = []
        self._keys: dict[str, None] = {}
        self._ports: set[int] = set()
        self._released = False

    def add(self, job_id: bytes | str, key: str | None) -> None:
        """Note that a job ended; a text is made bytes only if somebody waits."""
        self._ids.append(job_id)
        if key is not None:
            self._keys[key] = None

    def end_asked(self, connection: sqlite3.Connection, now_us: int) -> None:
        """End the jobs that were asked to stop and do not run any more, in the transaction that let go of them."""
        for job_id, key in connection.execute(load("end_asked"), (now_us,)).fetchall():
            self.add(job_id, key)

    def apply(self, connection: sqlite3.Connection, now_us: int) -> None:
        """Release what the keys held and note who waits, in the transaction that ends the jobs."""
        if not self._ids:
            return
        for key in self._keys:
            cursor = connection.execute(load("release_held"), {"key": key, "now": now_us})
            self._released = self._released or cursor.rowcount > 0
        if connection.execute(load("has_waiters")).fetchone() is not None:
            for job_id in self._ids:
                identifier = raw(job_id) if isinstance(job_id, str) else job_id
                self._ports.update(port for (port,) in connection.execute(load("waiters_of"), (identifier,)))

    def wake(self, database: Database) -> None:
        """Wake whom it concerns, after the commit."""
        if self._ports:
            database.ears.send(self._ports)
        if self._released:
            database.wake("worker")

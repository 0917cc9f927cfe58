"""What follows when jobs end or give up their places: others go on, and whoever waits for a result is woken."""

from __future__ import annotations

import sqlite3

from nuvom._ids import raw
from nuvom.stores.sqlite.database import Database
from nuvom.stores.sqlite.flows import open_flows
from nuvom.stores.sqlite.statements import load


class Endings:
    """The jobs that one transaction ends, and the flows in which it changes who runs or waits."""

    def __init__(self) -> None:
        self._ids: list[bytes | str] = []
        self._keys: dict[str, None] = {}
        self._flows: dict[str, None] = {}
        self._ports: set[int] = set()
        self.released: bool = False  # whether workers have something to take that was held

    def add(self, job_id: bytes | str, key: str | None, flow: str | None) -> None:
        """Note that a job ended; a text is made bytes only if somebody waits."""
        self._ids.append(job_id)
        self.left(key)
        self.moved(flow)

    def left(self, key: str | None) -> None:
        """Note that nobody may hold a key any more, so that the oldest that it holds back may go on."""
        if key is not None:
            self._keys[key] = None

    def moved(self, flow: str | None) -> None:
        """Note that a job left its place in a flow, or began to wait for one."""
        if flow is not None:
            self._flows[flow] = None

    def end_asked(self, connection: sqlite3.Connection, now_us: int) -> None:
        """End the jobs that were asked to stop and do not run any more, in the transaction that let go of them."""
        for job_id, key, flow in connection.execute(load("end_asked"), (now_us,)).fetchall():
            self.add(job_id, key, flow)

    def apply(self, connection: sqlite3.Connection, now_us: int) -> None:
        """Release what the keys and flows held and note who waits, in the transaction that ends the jobs."""
        for key in self._keys:
            for (flow,) in connection.execute(load("release_held"), {"key": key, "now": now_us}).fetchall():
                self.released = True
                self.moved(flow)
        if self._flows and open_flows(connection, self._flows, now_us):
            self.released = True
        if self._ids and connection.execute(load("has_waiters")).fetchone() is not None:
            for job_id in self._ids:
                identifier = raw(job_id) if isinstance(job_id, str) else job_id
                self._ports.update(port for (port,) in connection.execute(load("waiters_of"), (identifier,)))

    def wake(self, database: Database) -> None:
        """Wake whom it concerns, after the commit."""
        if self._ports:
            database.ears.send(self._ports)
        if self.released:
            database.wake("worker")

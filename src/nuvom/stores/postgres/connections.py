"""Connections to one server: a few that are used again, opened by whoever needs one, so that who waits is told why."""

from __future__ import annotations

import select
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import pq

from nuvom.errors import StoreBusy, StoreError, StoreUnavailable
from nuvom.stores.postgres.adapters import adapt
from nuvom.stores.postgres.address import Address
from nuvom.stores.postgres.failures import translated

_PATIENCE = 15.0  # seconds that a service waits for an answer before it takes the network for dead: half a lease
_LONG = 3_600.0  # the same for what may take long: a migration, the count of a large table
_CONNECTING = 5  # seconds
# What notices a peer that is gone where nothing is sent and where nothing is acknowledged; a URL may say otherwise.
_KEEPALIVE: dict[str, Any] = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    "connect_timeout": _CONNECTING,
    "application_name": "nuvom",
}


class Connection(psycopg.Connection[Any]):
    """A connection that gives up on an answer which does not come."""

    patience: float = _PATIENCE

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:  # noqa: D102  the driver's own
        return super().wait(gen, interval, self.patience if timeout is None else timeout)

    @contextmanager
    def patiently(self) -> Iterator[None]:
        """Wait long for answers meanwhile."""
        usual, self.patience = self.patience, _LONG
        try:
            yield
        finally:
            self.patience = usual


class Connections:
    """The connections of one process.

    Args:
        address: where to.
        busy_timeout: how many seconds a caller waits for one of them, and for an answer; None: as a service does.
    """

    def __init__(self, address: Address, busy_timeout: float | None) -> None:
        self.address = address
        self._busy_timeout = busy_timeout
        self.pooled: bool = False  # whether something between here and the server gives sessions to others, too
        self._closed: str | None = None
        self._inherited: list[Connection] = []
        self._begin_anew()

    def take(self) -> tuple[Connection, bool]:
        """Return a connection and whether it is a new one; give it back with `give` or `discard`.

        Raises:
            StoreUnavailable: none can be had.
        """
        patience = _PATIENCE if self._busy_timeout is None else self._busy_timeout
        if not self._free.acquire(timeout=patience):
            raise StoreBusy(
                f"all {self.address.pool} connections to {self.address.url} were in use for {patience:g} s: "
                "add ?pool=… to NUVOM_URL, or hold transactions for a shorter time"
            )
        try:
            while self._idle:
                if _is_alive(connection := self._idle.pop()):
                    return connection, False
                connection.close()
            return self.open(patience), True
        except BaseException:
            self._free.release()
            raise

    def give(self, connection: Connection) -> None:
        """Take a connection back whose transaction is over."""
        if self._closed is None and connection.pgconn.transaction_status == pq.TransactionStatus.IDLE:
            self._idle.append(connection)
        else:
            connection.close()
        self._free.release()

    def discard(self, connection: Connection) -> None:
        """Take a connection back that is of no more use."""
        connection.close()
        self._free.release()

    def open(self, patience: float = _PATIENCE) -> Connection:
        """Return a connection of the caller's own, which only the caller closes."""
        if self._closed is not None:
            raise StoreUnavailable(self._closed)
        said = psycopg.conninfo.conninfo_to_dict(self.address.conninfo)
        try:
            connection = Connection.connect(
                self.address.conninfo,
                autocommit=True,
                prepare_threshold=1,
                **{name: value for name, value in _KEEPALIVE.items() if name not in said},
            )
        except psycopg.Error as error:
            raise translated(error, self.address.url) from error
        connection.patience = patience
        adapt(connection.adapters)
        try:
            self._look_at(connection)
        except psycopg.Error as error:
            connection.close()
            raise translated(error, self.address.url) from error
        return connection

    def close(self) -> None:
        """Close every connection; taking one afterwards raises StoreUnavailable."""
        self._closed = f"the store {self.address.url} was closed"
        self.close_connections()

    def hold(self, seconds: float) -> bool:
        """Keep other threads from using a connection, for a fork; False where that takes longer than `seconds`."""
        deadline = time.monotonic() + seconds
        for taken in range(self.address.pool):
            if not self._free.acquire(timeout=max(0.0, deadline - time.monotonic())):
                self._free.release(taken) if taken else None
                return False
        return True

    def let_go(self) -> None:
        """Let other threads use connections again."""
        self._free.release(self.address.pool)

    def close_connections(self) -> None:
        """Close those that are idle; the next use opens others."""
        while self._idle:
            self._idle.pop().close()

    def abandon(self) -> None:
        """Never again use what was open, nor close it: that would end the session of the process it came from."""
        self._inherited.extend(self._idle)
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._idle: deque[Connection] = deque()
        self._free = threading.Semaphore(self.address.pool)

    def _look_at(self, connection: Connection) -> None:
        """Find out whether a pooler is in between, and refuse a database that cannot hold every text."""
        found = connection.execute("SELECT pg_catalog.pg_backend_pid(), current_setting('server_encoding')").fetchone()
        pid, encoding = found or (0, "")
        if encoding != "UTF8":
            raise StoreError(
                f"{self.address.url} has the encoding {encoding}, which cannot hold every text: "
                "make a database with ENCODING 'UTF8'"
            )
        # A pooler answers for the server, with a number of its own (https://www.pgbouncer.org/features.html).
        self.pooled = pid != connection.info.backend_pid
        if self.pooled:
            connection.prepare_threshold = None


def _is_alive(connection: Connection) -> bool:
    """Tell whether nothing came while a connection was idle: only an end or an error comes unasked."""
    if connection.closed:
        return False
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN | select.POLLERR | select.POLLHUP)
    return not poll.poll(0)

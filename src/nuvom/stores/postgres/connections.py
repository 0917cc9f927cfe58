"""Connections to one server: a few that are used again, opened by whoever needs one, so that who waits is told why."""

from __future__ import annotations

import math
import os
import select
import threading
import time
import traceback
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict

from nuvom.errors import StoreBusy, StoreError, StoreUnavailable
from nuvom.stores.postgres.adapters import adapt
from nuvom.stores.postgres.address import Address
from nuvom.stores.postgres.failures import NoAnswer, translated

_PATIENCE = 15.0  # seconds that a service waits for an answer before it takes the network for dead: half a lease
_LONG = 3_600.0  # the same for what may take long: a migration, the count of a large table
_CONNECTING = 5  # seconds
# What notices a peer that is gone where nothing is sent and where nothing is acknowledged; a URL may say otherwise.
_KEEPALIVE: dict[str, Any] = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    "application_name": "nuvom",
}


# What a session is told where it is ours alone.
SESSION: tuple[str, ...] = (
    "search_path TO pg_catalog",  # nothing that somebody put into another schema stands for what is meant here
    # A prepared statement keeps the plan that was made when the tables were small until something analyzes them: for
    # minutes, in which a plan that reads a table takes seconds. Every statement is meant to go through an index, row
    # by row; a scan that has to be costs so much by these settings that it would look worth compiling.
    "enable_seqscan TO off",
    "enable_hashjoin TO off",
    "enable_mergejoin TO off",
    "jit TO off",
)


class Connection(psycopg.Connection[Any]):
    """A connection that gives up on an answer which does not come: each in its time, and all before the deadline."""

    patience: float = _PATIENCE
    deadline: float = math.inf  # monotonic
    silent: bool = False  # whether an answer did not come

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:  # noqa: D102  the driver's own
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        began = time.monotonic()
        given = max(0.0, min(self.patience, self.deadline - began))
        try:
            return super().wait(gen, interval, given)
        except psycopg.OperationalError as error:
            if error.sqlstate is None and time.monotonic() >= began + given:
                self.silent = True
                raise NoAnswer(f"no answer within {given:.1f} s") from error
            raise

    def __del__(self, __warn: Any = None, /) -> None:
        """Say nothing: what is open when its process ends, which need not close its app, ends with that."""

    @contextmanager
    def patiently(self) -> Iterator[None]:
        """Wait long for answers meanwhile."""
        usual, self.patience, self.deadline = (self.patience, self.deadline), _LONG, math.inf
        try:
            yield
        finally:
            self.patience, self.deadline = usual


class Connections:
    """The connections of one process.

    Args:
        address: where to.
        busy_timeout: how many seconds a caller waits for one of them and all answers; None: as a service does.
    """

    def __init__(self, address: Address, busy_timeout: float | None) -> None:
        self.address = address
        self._busy_timeout = busy_timeout
        self.pooled: bool = False  # whether something between here and the server gives sessions to others, too
        self._closed: str | None = None
        self._inherited: list[Connection] = []
        self._begin_anew()

    def deadline(self) -> float:
        """Return until when an operation that begins now may last, monotonic: a service waits for each answer anew."""
        return math.inf if self._busy_timeout is None else time.monotonic() + self._busy_timeout

    def take(self, deadline: float = math.inf) -> tuple[Connection, bool]:
        """Return a connection and whether it is a new one; give it back with `give` or `discard`.

        Args:
            deadline: until when it may be waited for, and for its answers; monotonic.

        Raises:
            StoreUnavailable: none can be had.
            StoreUnusable: the address cannot be read.
        """
        began = time.monotonic()
        if not self._free.acquire(timeout=max(0.0, min(_PATIENCE, deadline - began))):
            raise StoreBusy(
                f"all {self.address.pool} connections to {self.address.url} were in use for "
                f"{time.monotonic() - began:.1f} s: add ?pool=… to NUVOM_URL, or hold transactions for a shorter time"
            )
        try:
            while (connection := self._newest_idle()) is not None:
                if _is_alive(connection):
                    connection.deadline = deadline
                    return connection, False
                connection.close()
            return self.open(_PATIENCE, deadline=deadline), True
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
        if connection.silent:
            self.close_connections()  # the network is dead for all of them, and each would cost as much time
        self._free.release()

    def open(self, patience: float = _PATIENCE, *, deadline: float = math.inf) -> Connection:
        """Return a connection of the caller's own, which only the caller closes.

        Args:
            patience: seconds that each of its answers may take.
            deadline: until when they must have come; monotonic.
        """
        if self._closed is not None:
            raise StoreUnavailable(self._closed)
        said = self._said()
        hosts = str(said.get("host", "")).count(",") + 1
        # The driver gives each host as much, whole seconds and no less than two.
        patience_each = max(2, int(min(_CONNECTING, deadline - time.monotonic()) / hosts))
        given = {**_KEEPALIVE, "connect_timeout": patience_each}
        try:
            connection = Connection.connect(
                self.address.conninfo,
                autocommit=True,
                prepare_threshold=1,
                **{name: value for name, value in given.items() if name not in said},
            )
        except psycopg.Error as error:
            # The driver's frames keep each other and the socket, and what nobody waits for would come about later.
            traceback.clear_frames(error.__traceback__)
            raise translated(error, self.address.url) from error
        connection.patience, connection.deadline = patience, deadline
        adapt(connection.adapters)
        try:
            self._look_at(connection)
        except BaseException as error:
            connection.close()
            if isinstance(error, psycopg.Error):
                raise translated(error, self.address.url) from error
            raise
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
        if os.getpid() == self._pid:
            self._free.release(self.address.pool)
        else:  # a thread that is not in this child may have been about to take one, and keeps the semaphore for good
            self._begin_anew()

    def close_connections(self) -> None:
        """Close those that are idle; the next use opens others."""
        while (connection := self._newest_idle()) is not None:
            connection.close()

    def abandon(self) -> None:
        """Never again use what was open, nor close it: that would end the session of the process it came from."""
        self._inherited.extend(self._idle)
        self._begin_anew()

    def _newest_idle(self) -> Connection | None:
        try:
            return self._idle.pop()
        except IndexError:  # there is none; asked before, another thread could take the last one in between
            return None

    def _said(self) -> dict[str, Any]:
        return conninfo_to_dict(self.address.conninfo)

    def _begin_anew(self) -> None:
        self._idle: deque[Connection] = deque()
        self._free = threading.Semaphore(self.address.pool)
        self._pid = os.getpid()

    def _look_at(self, connection: Connection) -> None:
        """Find out whether a pooler is in between, and refuse a database that cannot hold every text."""
        found = connection.execute(
            "SELECT pg_catalog.pg_backend_pid(), pg_catalog.current_setting('server_encoding')"
        ).fetchone()
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
        else:
            # Less than an answer is waited for, so that the server says what it was that lasted.
            patience = _PATIENCE if self._busy_timeout is None else self._busy_timeout
            settings = (*SESSION, f"lock_timeout TO {max(1, int(patience * 900))}")
            connection.execute("; ".join(f"SET {setting}" for setting in settings).encode())


def _is_alive(connection: Connection) -> bool:
    """Tell whether nothing came while a connection was idle: only an end or an error comes unasked."""
    if connection.closed:
        return False
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN | select.POLLERR | select.POLLHUP)
    return not poll.poll(0)

"""Wake-ups: one connection a process that LISTENs for all of its sleepers, or looks now and then where it cannot."""

from __future__ import annotations

import logging
import os
import random
import socket
import time
from contextlib import suppress

import psycopg
from psycopg import sql

from nuvom.errors import StoreUnavailable
from nuvom.stores import ears
from nuvom.stores.postgres.connections import Connection
from nuvom.stores.postgres.database import Database
from nuvom.stores.postgres.failures import translated

_POOLED = (
    f"%s is reached through a pooler, which does not pass wake-ups on while it pools transactions: this process looks "
    f"every {ears.POLL:g} s instead; if it pools sessions, add ?listen=yes to NUVOM_URL, else name the server itself"
)
_UNWANTED = f"%s has ?listen=no: this process looks every {ears.POLL:g} s instead of being woken"

log: logging.Logger = logging.getLogger("nuvom.postgres")


class Hub(ears.Hub[Connection]):
    """The ears of one process, which hear what `Session.wake` and finish_plain.sql say."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._inherited: list[Connection] = []
        super().__init__(database.address.url, log)

    def attend(self) -> float:
        """Look where the URL says that nobody is to listen, which is said once; else see that somebody does."""
        if self._database.address.listen is False and not self._closed and not self._polls:
            with self._lock:
                if not self._polls:
                    self._polls = True
                    log.info(_UNWANTED, self._url)
        return super().attend()

    def _opened(self) -> Connection:
        return self._database.connections.open(ears.PATIENCE)

    def _end(self, connection: Connection) -> None:
        connection.close()

    def _forsake(self, connection: Connection) -> None:
        """Let go of a socket that another process uses, without a word to the server.

        While any process has it, the server keeps the session of one that died, and what is said to it.
        """
        with suppress(OSError, psycopg.Error):
            nothing = os.open(os.devnull, os.O_RDWR)
            os.dup2(nothing, connection.fileno(), inheritable=False)  # so that its number is nobody else's
            os.close(nothing)
        self._inherited.append(connection)

    def _subscribe(self, connection: Connection) -> bool:
        """Begin to listen; False where somebody is in between who keeps what is said to himself."""
        if self._database.connections.pooled and not self._database.address.listen:
            log.warning(_POOLED, self._url)
            return False
        connection.add_notify_handler(lambda notify: self._tell(notify.payload))
        connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self._database.channel)))
        if self._listens(connection):
            return True
        log.warning(_POOLED, self._url)
        return False

    def _listens(self, connection: Connection) -> bool:
        """Ask the session whether it listens: one that answers may be another one than was told to."""
        found = connection.execute(
            "SELECT 1 FROM pg_catalog.pg_listening_channels() AS channel WHERE channel = %s", (self._database.channel,)
        ).fetchone()
        return found is not None

    def _hear(self, connection: Connection, bell: socket.socket) -> None:
        """Pass on what is said until the bell rings."""
        probed_at = heard_at = time.monotonic()
        probe = ears.PROBE
        while not self._closed:
            ready = ears.readable([connection.fileno(), bell.fileno()], probed_at + probe - time.monotonic())
            if bell.fileno() in ready:
                return
            if ready and time.monotonic() - heard_at < ears.BURST:
                time.sleep(ears.BURST)
            # However much is heard: servers and what is in between end sessions that say nothing.
            if time.monotonic() >= probed_at + probe:
                if not self._listens(connection):
                    raise StoreUnavailable(f"a session of {self._url} forgot that it listens")
                probed_at, probe = time.monotonic(), ears.PROBE * random.uniform(0.8, 1.2)
            connection.pgconn.consume_input()
            while (notify := connection.pgconn.notifies()) is not None:
                self._tell(notify.extra.decode(errors="replace"))
            heard_at = time.monotonic()

    def _translated(self, error: Exception) -> Exception:
        return translated(error, self._url) if isinstance(error, psycopg.Error) else error

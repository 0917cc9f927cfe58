"""Wake-ups: one connection a process that LISTENs for all of its sleepers, or looks now and then where it cannot."""

from __future__ import annotations

import logging
import os
import random
import socket
import threading
import time
from contextlib import closing, suppress

import psycopg
from psycopg import sql

from nuvom.errors import StoreUnavailable
from nuvom.stores import forks
from nuvom.stores.base import Listener
from nuvom.stores.ears import Ear, readable
from nuvom.stores.outage import Outage
from nuvom.stores.postgres.connections import Connection
from nuvom.stores.postgres.database import Database
from nuvom.stores.postgres.failures import translated

_SAFETY = 5.0  # seconds between two looks of a sleeper while LISTEN works, for what nobody said
POLL = 0.5  # the same where it does not
_PROBE = 12.0  # seconds after which the connection is asked again whether it listens
_PATIENCE = 5.0  # seconds that it has to answer
_BURST = 0.001  # seconds within which what is heard is one wake-up for all that came
_FAREWELL = 2.0  # seconds that `close` waits for the thread

_GONE = f"wake-ups do not come: %s; until they do, this process looks every {POLL:g} s"
_POOLED = (
    f"%s is reached through a pooler, which does not pass wake-ups on while it pools transactions: this process looks "
    f"every {POLL:g} s instead; if it pools sessions, add ?listen=yes to NUVOM_URL, else name the server itself"
)
_UNWANTED = f"%s has ?listen=no: this process looks every {POLL:g} s instead of being woken"

log: logging.Logger = logging.getLogger("nuvom.postgres")


class Hub:
    """The ears of one process: its sleepers share a connection and a thread, which begin with the first of them.

    What is heard is a kind (`worker`, `scheduler`) or the address of one ear: what `Session.wake` and finish_plain.sql
    say. Whenever it begins to listen, again after an outage too, all are woken: nobody knows what they did not hear.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ears: dict[str, Ear] = {}
        self._inherited: list[Connection] = []
        self._closed = False
        self._thread: threading.Thread | None = None
        self._bell: socket.socket | None = None
        self._connection: Connection | None = None
        self._begin_anew()
        forks.watch(self)

    def open(self, kind: str) -> Listener:
        """Return an ear that hears of a kind, and by its address of what is meant for it alone."""
        ear = Ear(self, kind)
        self._ears[ear.address] = ear
        self.attend()
        return ear

    def forget(self, ear: Ear) -> None:
        """Wake an ear no more."""
        self._ears.pop(ear.address, None)

    def attend(self) -> float:
        """See to it that somebody listens; returns after how many seconds a sleeper looks by itself.

        Raises:
            StoreUnavailable: the hub was closed.
        """
        if self._closed:
            raise StoreUnavailable(f"the store {self._database.address.url} was closed")
        if self._listening:
            return _SAFETY
        if not self._polls and (self._thread is None or not self._thread.is_alive()):
            self._start()
        return POLL

    def close(self) -> None:
        """End the connection and wake all who sleep."""
        with self._lock:
            self._closed = True
            thread, self._thread = self._thread, None
            if self._bell is not None:
                with suppress(OSError):  # the thread has ended by itself
                    self._bell.send(b"!")
        if thread is not None:
            thread.join(_FAREWELL)
        self._wake_all()

    def hold(self, seconds: float) -> bool:
        """Do nothing before a fork: the parent goes on listening, and the child abandons what it inherits."""
        return False

    def let_go(self) -> None:
        """Do nothing: nothing was held."""

    def close_connections(self) -> None:
        """Do nothing: nothing was held."""

    def abandon(self) -> None:
        """In the child of a fork: leave the parent's connection alone, and be ready to make one's own."""
        if self._connection is not None:
            _forsake(self._connection)
            self._inherited.append(self._connection)
        self._begin_anew()
        for ear in list(self._ears.values()):
            ear.begin_anew()

    def _begin_anew(self) -> None:
        self._lock = threading.Lock()
        self._thread = self._bell = self._connection = None
        self._listening = False
        self._polls = False  # for good: no wake-up can come this way

    def _start(self) -> None:
        with self._lock:
            if self._closed or self._polls or (self._thread is not None and self._thread.is_alive()):
                return
            if self._database.address.listen is False:
                self._polls = True
                log.info(_UNWANTED, self._database.address.url)
                return
            self._bell, bell = socket.socketpair()
            self._thread = threading.Thread(target=self._run, args=(self._bell, bell), name="nuvom-ears", daemon=True)
            self._thread.start()

    def _run(self, ringer: socket.socket, bell: socket.socket) -> None:
        """Listen until the hub is closed or it is clear that it cannot be done here."""
        outage = Outage(random.random, log, gone=_GONE, back="wake-ups come again")
        with closing(ringer), closing(bell):
            while not self._closed and not self._polls:
                try:
                    self._connect(outage, bell)
                except Exception as error:  # noqa: BLE001  # whatever it is, sleepers go on looking and this goes on
                    lost = translated(error, self._database.address.url) if isinstance(error, psycopg.Error) else error
                    pause = outage.begin(lost, time.monotonic())
                    self._wake_all()  # they sleep for as long as one may who is told
                    readable([bell.fileno()], pause)

    def _connect(self, outage: Outage, bell: socket.socket) -> None:
        with closing(self._database.connections.open(_PATIENCE)) as connection:
            self._connection = connection
            try:
                if not self._subscribe(connection):
                    self._polls = True
                    log.warning(_POOLED, self._database.address.url)
                    return
                outage.end(time.monotonic())
                self._listening = True
                self._wake_all()
                self._hear(connection, bell)
            finally:
                self._listening = False
                self._connection = None

    def _subscribe(self, connection: Connection) -> bool:
        """Begin to listen; False where somebody is in between who keeps what is said to himself."""
        if self._database.connections.pooled and not self._database.address.listen:
            return False
        connection.add_notify_handler(lambda notify: self._tell(notify.payload))
        connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self._database.channel)))
        return self._listens(connection)

    def _listens(self, connection: Connection) -> bool:
        """Ask the session whether it listens: one that answers may be another one than was told to."""
        found = connection.execute(
            "SELECT 1 FROM pg_catalog.pg_listening_channels() AS channel WHERE channel = %s", (self._database.channel,)
        ).fetchone()
        return found is not None

    def _hear(self, connection: Connection, bell: socket.socket) -> None:
        """Pass on what is said until the bell rings."""
        probed_at = heard_at = time.monotonic()
        probe = _PROBE
        while not self._closed:
            ready = readable([connection.fileno(), bell.fileno()], probed_at + probe - time.monotonic())
            if bell.fileno() in ready:
                return
            if ready and time.monotonic() - heard_at < _BURST:
                time.sleep(_BURST)
            # However much is heard: servers and what is in between end sessions that say nothing.
            if time.monotonic() >= probed_at + probe:
                if not self._listens(connection):
                    raise StoreUnavailable(f"a session of {self._database.address.url} forgot that it listens")
                probed_at, probe = time.monotonic(), _PROBE * random.uniform(0.8, 1.2)
            connection.pgconn.consume_input()
            while (notify := connection.pgconn.notifies()) is not None:
                self._tell(notify.extra.decode(errors="replace"))
            heard_at = time.monotonic()

    def _tell(self, said: str) -> None:
        if (ear := self._ears.get(said)) is not None:
            ear.wake()
            return
        for ear in list(self._ears.values()):
            if ear.kind == said:
                ear.wake()

    def _wake_all(self) -> None:
        for ear in list(self._ears.values()):
            ear.wake()


def _forsake(connection: Connection) -> None:
    """Let go of a socket that another process uses, without a word to the server.

    While any process has it, the server keeps the session of one that died, and what is said to it.
    """
    with suppress(OSError, psycopg.Error):
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, connection.fileno(), inheritable=False)  # so that its number is nobody else's
        os.close(nothing)

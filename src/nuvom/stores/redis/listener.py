"""Wake-ups: one connection a process that subscribes for all of its sleepers, and a look at times while it is gone."""

from __future__ import annotations

import logging
import random
import socket
import threading
import time
from contextlib import closing, suppress

from redis import exceptions

from nuvom.errors import StoreUnavailable
from nuvom.stores import forks
from nuvom.stores.base import Listener
from nuvom.stores.ears import Ear, readable
from nuvom.stores.outage import Outage
from nuvom.stores.redis.connections import Wire
from nuvom.stores.redis.database import Database
from nuvom.stores.redis.failures import translated

_SAFETY = 5.0  # seconds between two looks of a sleeper while the subscription is there, for what nobody said
POLL = 0.5  # the same while it is not
_PROBE = 12.0  # seconds after which the connection is asked again whether it is there
_PATIENCE = 5.0  # seconds that it has to answer
_BURST = 0.001  # seconds within which what is heard is one wake-up for all that came
_FAREWELL = 2.0  # seconds that `close` waits for the thread

_GONE = f"wake-ups do not come: %s; until they do, this process looks every {POLL:g} s"

log: logging.Logger = logging.getLogger("nuvom.redis")


class Hub:
    """The ears of one process: its sleepers share a connection and a thread, which begin with the first of them.

    What is heard is a kind (`worker`, `scheduler`) or the address of one ear: what `Wake.say` of store.lua says.
    Whenever it begins to listen, again after an outage too, all are woken: nobody knows what they did not hear.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ears: dict[str, Ear] = {}
        self._closed = False
        self._thread: threading.Thread | None = None
        self._bell: socket.socket | None = None
        self._connection: Wire | None = None
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
        if self._thread is None or not self._thread.is_alive():
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
            self._connection.disconnect()  # only this process's number of it: the driver sees that another opened it
        self._begin_anew()
        for ear in list(self._ears.values()):
            ear.begin_anew()

    def _begin_anew(self) -> None:
        self._lock = threading.Lock()
        self._thread = self._bell = self._connection = None
        self._listening = False

    def _start(self) -> None:
        with self._lock:
            if self._closed or (self._thread is not None and self._thread.is_alive()):
                return
            self._bell, bell = socket.socketpair()
            self._thread = threading.Thread(target=self._run, args=(self._bell, bell), name="nuvom-ears", daemon=True)
            self._thread.start()

    def _run(self, ringer: socket.socket, bell: socket.socket) -> None:
        """Listen until the hub is closed."""
        outage = Outage(random.random, log, gone=_GONE, back="wake-ups come again")
        with closing(ringer), closing(bell):
            while not self._closed:
                try:
                    self._connect(outage, bell)
                except Exception as error:  # noqa: BLE001  # whatever it is, sleepers go on looking and this goes on
                    url = self._database.address.url
                    lost = translated(error, url) if isinstance(error, exceptions.RedisError) else error
                    pause = outage.begin(lost, time.monotonic())
                    self._wake_all()  # they sleep for as long as one may who is told
                    readable([bell.fileno()], pause)

    def _connect(self, outage: Outage, bell: socket.socket) -> None:
        self._connection = connection = self._database.connections.open(_PATIENCE)
        try:
            connection.send_command("SUBSCRIBE", self._database.channel)
            connection.read_response()
            outage.end(time.monotonic())
            self._listening = True
            self._wake_all()
            self._hear(connection, bell)
        finally:
            self._listening = False
            self._connection = None
            connection.disconnect()

    def _hear(self, connection: Wire, bell: socket.socket) -> None:
        """Pass on what is said until the bell rings."""
        probe_at = time.monotonic() + _PROBE
        heard_at, asked_at = 0.0, None
        while not self._closed:
            until = probe_at if asked_at is None else asked_at + _PATIENCE
            ready = readable([number_of(connection), bell.fileno()], until - time.monotonic())
            if bell.fileno() in ready:
                return
            if ready and time.monotonic() - heard_at < _BURST:
                time.sleep(_BURST)
            while connection.can_read():
                said = connection.read_response()
                if said[0] == b"message":
                    self._tell(said[2].decode(errors="replace"))
                elif said[0] == b"pong":
                    asked_at, probe_at = None, time.monotonic() + _PROBE * random.uniform(0.8, 1.2)
            heard_at = time.monotonic()
            # However much is heard: servers and what is in between end connections that say nothing.
            if asked_at is None and heard_at >= probe_at:
                connection.send_command("PING")
                asked_at = heard_at
            elif asked_at is not None and heard_at >= asked_at + _PATIENCE:
                raise StoreUnavailable(f"{self._database.address.url} does not answer who listens")

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


def number_of(connection: Wire) -> int:
    """Return the number of a connection's socket, so that it is waited for together with the bell."""
    opened = getattr(connection, "_sock")  # noqa: B009  the driver can wait for it, but for nothing beside it
    if opened is None:
        raise StoreUnavailable("the connection was closed")
    number: int = opened.fileno()
    return number

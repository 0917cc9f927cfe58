"""Ears of the stores that are servers: one connection a process hears for all who sleep there, and wakes them."""

from __future__ import annotations

import logging
import math
import random
import select
import socket
import threading
import time
from abc import ABC, abstractmethod
from contextlib import closing, suppress
from typing import Any, Generic, TypeVar
from uuid import uuid4

from nuvom.errors import StoreUnavailable
from nuvom.stores import forks
from nuvom.stores.base import Listener
from nuvom.stores.outage import Outage

SAFETY: float = 5.0  # seconds between two looks of a sleeper while somebody listens, for what nobody said
POLL: float = 0.5  # the same while nobody does
PROBE: float = 12.0  # seconds after which the connection is asked again whether it is there
PATIENCE: float = 5.0  # seconds that it has to answer
BURST: float = 0.001  # seconds within which what is heard is one wake-up for all that came
_FAREWELL = 2.0  # seconds that `close` waits for the thread

_GONE = f"wake-ups do not come: %s; until they do, this process looks every {POLL:g} s"
_Connection = TypeVar("_Connection")


class Hub(ABC, Generic[_Connection]):
    """The ears of one process: its sleepers share a connection and a thread, which begin with the first of them.

    What is heard is a kind (`worker`, `scheduler`) or the address of one ear. Whenever it begins to listen, again after
    an outage too, all are woken: nobody knows what they did not hear.

    Args:
        url: of the store, as it may be shown.
        log: where outages are said.
    """

    def __init__(self, url: str, log: logging.Logger) -> None:
        self._url = url
        self._log = log
        self._ears: dict[str, Ear] = {}
        self._closed = False
        self._thread: threading.Thread | None = None
        self._bell: socket.socket | None = None
        self._connection: _Connection | None = None
        self._begin_anew()
        forks.watch(self)

    @abstractmethod
    def _opened(self) -> _Connection:
        """Return a new connection."""

    @abstractmethod
    def _end(self, connection: _Connection) -> None:
        """End a connection."""

    @abstractmethod
    def _forsake(self, connection: _Connection) -> None:
        """In the child of a fork: let go of the parent's connection, without a word to the server."""

    @abstractmethod
    def _subscribe(self, connection: _Connection) -> bool:
        """Begin to listen; False where no wake-up can come this way, which was said."""

    @abstractmethod
    def _hear(self, connection: _Connection, bell: socket.socket) -> None:
        """Pass on what is said until the bell rings or the hub is closed."""

    @abstractmethod
    def _translated(self, error: Exception) -> Exception:
        """Return what an error of the driver means, and any other as it is."""

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
            raise StoreUnavailable(f"the store {self._url} was closed")
        if self._listening:
            return SAFETY
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
            self._forsake(self._connection)
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
            self._bell, bell = socket.socketpair()
            self._thread = threading.Thread(target=self._run, args=(self._bell, bell), name="nuvom-ears", daemon=True)
            self._thread.start()

    def _run(self, ringer: socket.socket, bell: socket.socket) -> None:
        """Listen until the hub is closed or it is clear that it cannot be done here."""
        outage = Outage(random.random, self._log, gone=_GONE, back="wake-ups come again")
        with closing(ringer), closing(bell):
            while not self._closed and not self._polls:
                try:
                    self._listen(outage, bell)
                except Exception as error:  # noqa: BLE001  # whatever it is, sleepers go on looking and this goes on
                    pause = outage.begin(self._translated(error), time.monotonic())
                    self._wake_all()  # they sleep for as long as one may who is told
                    readable([bell.fileno()], pause)

    def _listen(self, outage: Outage, bell: socket.socket) -> None:
        self._connection = connection = self._opened()
        try:
            if not self._subscribe(connection):
                self._polls = True
                return
            outage.end(time.monotonic())
            self._listening = True
            self._wake_all()
            self._hear(connection, bell)
        finally:
            self._listening = False
            self._connection = None
            self._end(connection)

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


class Ear:
    """One sleeper's ear, a `nuvom.stores.base.Listener`.

    Args:
        hub: who listens for it.
        kind: of what it hears, beside what is meant for its address alone.
    """

    def __init__(self, hub: Hub[Any], kind: str) -> None:
        self.kind: str = kind
        self.address: str = uuid4().hex
        self._hub = hub
        self._looked = time.monotonic()
        self.begin_anew()

    def begin_anew(self) -> None:
        """Leave behind what a thread may hold that is not in this process."""
        self._heard = threading.Event()

    def wait(self, timeout: float) -> bool:
        """Sleep at most `timeout` seconds; True when something may have happened, or it is time to look."""
        period = self._hub.attend()
        began = time.monotonic()
        left = max(0.0, self._looked + period - began)
        if self._heard.wait(min(timeout, left)):
            self._heard.clear()
        elif timeout < left:
            return False
        self._looked = time.monotonic()
        return True

    def wake(self) -> None:
        """End the wait from another thread."""
        self._heard.set()

    def close(self) -> None:
        """Give up the address."""
        self._hub.forget(self)


def readable(files: list[int], seconds: float) -> list[int]:
    """Return which of some files can be read, after at most `seconds`."""
    poll = select.poll()
    for file in files:
        poll.register(file, select.POLLIN)
    return [file for file, _ in poll.poll(max(0, math.ceil(seconds * 1_000)))]

"""Wake-ups: a datagram, or in memory an event, that says `look`; it carries nothing, and losing one costs only time."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Protocol

_HOST = "127.0.0.1"
_LOOK = 0.25  # seconds between looks at the file, for writers that send nothing or are in another network namespace


class Ear(Protocol):
    """One sleeper's end: a `nuvom.stores.base.Listener` with the number that others send to."""

    @property
    def port(self) -> int:
        """The number that others send to."""
        ...

    @property
    def address(self) -> str | None:
        """The same as text, for the row of a process."""
        ...

    def wait(self, timeout: float) -> bool:
        """Sleep at most `timeout` seconds; True when something may have happened."""
        ...

    def wake(self) -> None:
        """End the wait from another thread."""
        ...

    def close(self) -> None:
        """Give up the port."""
        ...


class Datagrams:
    """Ears of a file's store: UDP on the loopback interface, whose port is kept in a row."""

    def __init__(self, changes: Callable[[], int]) -> None:
        self._changes = changes
        self._socket: socket.socket | None = None

    def open(self) -> Ear:
        """Return a new ear."""
        return _UdpEar(self._changes)

    def send(self, ports: Iterable[int]) -> None:
        """Wake the ears at `ports`; never raises and never blocks."""
        for port in ports:
            with suppress(OSError, OverflowError):  # a full buffer holds a wake-up already; a closed port needs none
                self._sender().sendto(b"", (_HOST, port))

    def close(self) -> None:
        """Close the sender; the next send opens another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _sender(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
        return self._socket


class _UdpEar:
    def __init__(self, changes: Callable[[], int]) -> None:
        self._changes = changes
        self._seen = changes()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((_HOST, 0))
        self._port: int = self._socket.getsockname()[1]

    @property
    def port(self) -> int:
        return self._port

    @property
    def address(self) -> str | None:
        return str(self._port)

    def wait(self, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while True:
            left = max(0.0, deadline - time.monotonic())
            if self._heard(min(left, _LOOK)) or self._changed():
                return True
            if left <= _LOOK:
                return False

    def wake(self) -> None:
        with suppress(OSError):
            self._socket.sendto(b"", (_HOST, self._port))

    def close(self) -> None:
        self._socket.close()

    def _heard(self, seconds: float) -> bool:
        heard = False
        with suppress(TimeoutError, BlockingIOError):
            self._socket.settimeout(seconds)
            while True:  # all that came so far is one wake-up
                self._socket.recv(1)
                heard = True
                self._socket.settimeout(0)
        return heard

    def _changed(self) -> bool:
        seen, self._seen = self._seen, self._changes()
        return seen != self._seen


class Events:
    """Ears of a store in memory: the same, within one process."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._events: dict[int, threading.Event] = {}

    def open(self) -> Ear:
        """Return a new ear."""
        port = next(self._numbers)
        event = self._events[port] = threading.Event()
        return _EventEar(port, event, self._events)

    def send(self, ports: Iterable[int]) -> None:
        """Wake the ears at `ports`; never raises and never blocks."""
        for port in ports:
            if (event := self._events.get(port)) is not None:
                event.set()

    def close(self) -> None:
        """Wake all that still listen."""
        self.send(list(self._events))


class _EventEar:
    def __init__(self, port: int, event: threading.Event, events: dict[int, threading.Event]) -> None:
        self._port = port
        self._event = event
        self._events = events

    @property
    def port(self) -> int:
        return self._port

    @property
    def address(self) -> str | None:
        return str(self._port)

    def wait(self, timeout: float) -> bool:
        heard = self._event.wait(timeout)
        self._event.clear()
        return heard

    def wake(self) -> None:
        self._event.set()

    def close(self) -> None:
        self._events.pop(self._port, None)

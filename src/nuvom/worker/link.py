"""The line between a supervisor and its child: JSON, one message a line; its end tells each that the other is gone."""

from __future__ import annotations

import json
import os
import select
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Self

Message = dict[str, Any]

LOOK = 1.0  # seconds between looks whether a task has closed the descriptor of the line


def send(line: socket.socket, **message: Any) -> None:
    """Send a message; one to a peer that is gone is dropped."""
    with suppress(OSError):
        line.sendall(json.dumps(message).encode() + b"\n")


class Voice:
    """The sending end of a line, for all threads of a process."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._lock = threading.Lock()
        self._pid = os.getpid()

    def say(self, **message: Any) -> None:
        """Send a message; the copy of a process that a task forks has nothing to say."""
        if os.getpid() != self._pid:
            return
        with self._lock:
            send(self._line, **message)


class Inbox:
    """Messages out of a stream of bytes; to iterate takes them out."""

    def __init__(self) -> None:
        self._rest = b""
        self._messages: deque[Message] = deque()

    def feed(self, data: bytes) -> Self:
        """Take in what was received."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._messages += map(json.loads, lines)
        return self

    def __iter__(self) -> Iterator[Message]:
        while self._messages:
            yield self._messages.popleft()


def read_first(line: socket.socket) -> tuple[Message, Inbox]:
    """Wait for the first message; raises EOFError when the peer is gone. What came with it stays in the inbox."""
    inbox = Inbox()
    while data := _receive(line):
        for message in inbox.feed(data):
            return message, inbox
    raise EOFError("the supervisor is gone")


def listen(
    line: socket.socket,
    inbox: Inbox,
    heard: Callable[[Message], None],
    ended: Callable[[], None],
    closed: Callable[[], None],
) -> None:
    """Call `heard` with each message, `ended` when the peer is gone, `closed` when our own end is; returns then."""
    identity = _identity(line)
    for message in inbox:
        heard(message)
    waiting = select.poll()
    waiting.register(line, select.POLLIN)
    while True:
        # Who sleeps in recv() hears nothing of it, and would next read from whatever file gets the number.
        readable = waiting.poll(LOOK * 1000)
        if _identity(line) != identity:
            return closed()
        if not readable:
            continue
        data = _receive(line)
        if not data:
            return ended()
        for message in inbox.feed(data):
            heard(message)


def _identity(line: socket.socket) -> tuple[int, int] | None:
    try:
        found = os.fstat(line.fileno())
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _receive(line: socket.socket) -> bytes:
    try:
        return line.recv(65_536)
    except OSError:  # the peer died with unread data: it is gone
        return b""

"""The line between a supervisor and its child: JSON, one message a line; its end tells each that the other is gone."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

Message = dict[str, Any]


def send(line: socket.socket, **message: Any) -> None:
    """Send a message; one to a peer that is gone is dropped."""
    with suppress(OSError):
        line.sendall(json.dumps(message).encode() + b"\n")


class Voice:
    """The sending end of a line, for all threads of a process."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._lock = threading.Lock()

    def say(self, **message: Any) -> None:
        """Send a message."""
        with self._lock:
            send(self._line, **message)


class Inbox:
    """Messages out of a stream of bytes."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Message]:
        """Return the messages that `data` completes."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            message: Message = json.loads(line)
            yield message


def read_first(line: socket.socket) -> tuple[Message, Inbox]:
    """Wait for the first message; raises EOFError when the peer is gone."""
    inbox = Inbox()
    while data := _receive(line):
        for message in inbox.feed(data):
            return message, inbox
    raise EOFError("the supervisor is gone")


def listen(line: socket.socket, inbox: Inbox, heard: Callable[[Message], None], ended: Callable[[], None]) -> None:
    """Call `heard` with each message and `ended` when the peer is gone; returns then."""
    while data := _receive(line):
        for message in inbox.feed(data):
            heard(message)
    ended()


def _receive(line: socket.socket) -> bytes:
    try:
        return line.recv(65_536)
    except OSError:  # the descriptor was closed by a task, or the peer died with unread data: gone either way
        return b""

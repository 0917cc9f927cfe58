"""A pooler in the manner of PgBouncer: many clients share few connections, each for a transaction or a session."""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from contextlib import suppress
from itertools import count
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from tests.faults.loop import GONE, Loop
from tests.faults.postgres import wire

_Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Pooler:
    """A pooler before the server at a URL, which trusts everybody; `url` is how clients reach it.

    Nothing of a session is kept for a client: what a statement sets, prepares or listens to stays with the connection
    that it happened to have. What the server sends to a connection that nobody has, as notifications are, is lost.

    Args:
        url: of the server, over TCP.
        size: connections to it.
        sessions: whether a client keeps the connection that it was given.
    """

    def __init__(self, url: str, size: int = 2, *, sessions: bool = False) -> None:
        self._parts = urlsplit(url)
        self._free = asyncio.Semaphore(size)
        self._idle: deque[_Backend] = deque()
        self._numbers = count(1_000_000)  # no process of a server has such a number
        self._greeting = b""
        self.sessions = sessions
        self.lent = 0  # how often a client was given a connection
        self._loop = Loop(self._serve)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """Where clients connect to."""
        return urlunsplit(self._parts._replace(netloc=f"{self._parts.username or ''}@127.0.0.1:{self._loop.port}"))

    def close(self) -> None:
        """End it and every connection through it."""
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        startup = await wire.read_startup(reader, writer)
        if startup.cancels:
            return
        unknown = startup.parameters.keys() - {"user", "database", "application_name", "client_encoding"}
        if unknown:  # as PgBouncer does (https://www.pgbouncer.org/config.html#ignore_startup_parameters)
            writer.write(wire.error("08P01", f"unsupported startup parameter: {min(unknown)}"))
            await writer.drain()
            return
        client = _Client(self, writer)
        try:
            await self._greet(writer)
            while True:
                await client.forward(await wire.read(reader))
        finally:
            client.leave()

    async def _greet(self, writer: asyncio.StreamWriter) -> None:
        if not self._greeting:
            backend = await self.borrow(None)
            self._greeting = backend.greeting
            self.give_back(backend)
        key = wire.message(b"K", struct.pack("!II", next(self._numbers), 1))
        ready = wire.message(wire.READY, b"I")
        writer.write(wire.message(b"R", struct.pack("!I", 0)) + self._greeting + key + ready)
        await writer.drain()

    async def borrow(self, client: _Client | None) -> _Backend:
        """Return a connection to the server, once there is one; it is the client's until it is given back."""
        await self._free.acquire()
        try:
            backend = self._idle.popleft() if self._idle else await self._connected()
        except BaseException:
            self._free.release()
            raise
        backend.client = client
        self.lent += 1
        return backend

    def give_back(self, backend: _Backend) -> None:
        """Take a connection back; one in the middle of a transaction is ended, which rolls back."""
        backend.client = None
        if backend.status == b"I" and not backend.gone:
            self._idle.append(backend)
        else:
            backend.end()
        self._free.release()

    def lost(self, backend: _Backend) -> None:
        """Note that the server ended a connection; its client is sent away."""
        if backend.client is not None:
            backend.client.server_is_gone()
        elif backend in self._idle:
            self._idle.remove(backend)

    async def _connected(self) -> _Backend:
        reader, writer = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        said = {
            "user": self._parts.username or "",
            "database": self._parts.path.strip("/"),
            "application_name": "pooler",
        }
        words = b"".join(f"{name}\0{value}\0".encode() for name, value in said.items()) + b"\0"
        writer.write(struct.pack("!II", len(words) + 8, 3 << 16) + words)
        backend = _Backend(self, reader, writer)
        await backend.started()
        self._loop.start(backend.listen())
        return backend


class _Client:
    def __init__(self, pooler: Pooler, writer: asyncio.StreamWriter) -> None:
        self._pooler = pooler
        self._writer = writer
        self._backend: _Backend | None = None
        self._unanswered = 0

    async def forward(self, message: wire.Message) -> None:
        """Hand a message of the client to the connection it has, or to the next that is free."""
        if message.kind == b"X":
            raise ConnectionResetError
        if self._backend is None:
            self._backend = await self._pooler.borrow(self)
        self._unanswered += message.kind in b"QS"
        self._backend.send(message)

    def answer(self, message: wire.Message) -> None:
        """Hand a message of the server to the client; after a transaction's last one the connection is free again."""
        self._writer.write(message.whole)
        if message.kind == wire.READY:
            self._unanswered -= 1
            ended = message.body == b"I" and not self._unanswered and not self._pooler.sessions
            if ended and self._backend is not None:
                self._pooler.give_back(self._backend)
                self._backend = None

    def server_is_gone(self) -> None:
        """End the client's connection, and say why."""
        self._writer.write(wire.error("08P01", "server conn crashed?"))
        self._writer.close()

    def leave(self) -> None:
        """Give back what the client still has."""
        if self._backend is not None:
            if self._unanswered:
                self._backend.status = b"?"
            self._pooler.give_back(self._backend)
            self._backend = None


class _Backend:
    def __init__(self, pooler: Pooler, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._pooler = pooler
        self._reader = reader
        self._writer = writer
        self.client: _Client | None = None
        self.status = b"?"
        self.greeting = b""
        self.gone = False

    async def started(self) -> None:
        """Read what the server says at the start, of which the parameters are for every client."""
        while self.status != b"I":
            message = await wire.read(self._reader)
            if message.kind == b"S":
                self.greeting += message.whole
            elif message.kind == b"E":
                raise ConnectionRefusedError(message.body)
            elif message.kind == wire.READY:
                self.status = message.body

    def send(self, message: wire.Message) -> None:
        """Send a message to the server."""
        self.status = b"?"
        self._writer.write(message.whole)

    async def listen(self) -> None:
        """Hand on what the server says, until it is gone."""
        try:
            with suppress(*GONE):
                while True:
                    message = await wire.read(self._reader)
                    if message.kind == wire.READY:
                        self.status = message.body
                    if self.client is not None:
                        self.client.answer(message)
        finally:
            self.end()
        self._pooler.lost(self)

    def end(self) -> None:
        """End the connection."""
        self.gone = True
        self._writer.transport.abort()

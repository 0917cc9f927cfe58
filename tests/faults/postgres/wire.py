"""PostgreSQL's protocol as far as what sits between a client and a server must know it, and a loop for it to live in.

https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple, TypeVar

_T = TypeVar("_T")
_WANT_TLS, _WANT_GSS, _CANCEL = 80877103, 80877104, 80877102
READY = b"Z"
PREPARE = "PREPARE "
GONE = (OSError, asyncio.IncompleteReadError)


class Message(NamedTuple):
    """One message: its letter, and all of its bytes."""

    kind: bytes
    whole: bytes

    @property
    def body(self) -> bytes:
        """What follows the length."""
        return self.whole[5:]


class Startup(NamedTuple):
    """The first message of a client."""

    whole: bytes
    cancels: bool  # it only wants a statement of another connection cancelled

    @property
    def parameters(self) -> dict[str, str]:
        """What the client says of itself."""
        words = self.whole[8:].rstrip(b"\0").decode().split("\0")
        return dict(zip(words[::2], words[1::2], strict=True))


class Requests:
    """Reads what a client sends as the SQL of its requests: a simple query, or all up to a Sync."""

    def __init__(self) -> None:
        self._statements: dict[bytes, str] = {}
        self._portals: dict[bytes, str] = {}
        self._executed: list[str] = []
        self._parsed: list[str] = []

    def see(self, message: Message) -> str | None:
        """Take a message in; returns the SQL of a request when this was its last, `PREPARE …` if that runs nothing."""
        names = message.body.split(b"\0", 2)
        match message.kind:
            case b"Q":
                return names[0].decode()
            case b"P":
                self._statements[names[0]] = names[1].decode()
                self._parsed.append(f"{PREPARE}{names[1].decode()}")
            case b"B":
                self._portals[names[0]] = self._statements.get(names[1], "")
            case b"E":
                self._executed.append(self._portals.get(names[0], ""))
            case b"S":
                said = "; ".join(self._executed or self._parsed)
                self._executed, self._parsed = [], []
                return said
            case _:
                pass
        return None


async def read_startup(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Startup:
    """Read the first message of a client, which is told that there is no TLS here."""
    while True:
        head = await reader.readexactly(8)
        length, code = struct.unpack("!II", head)
        if code in (_WANT_TLS, _WANT_GSS):
            writer.write(b"N")
            continue
        return Startup(head + await reader.readexactly(length - 8), code == _CANCEL)


async def read(reader: asyncio.StreamReader) -> Message:
    """Read one message after the first."""
    head = await reader.readexactly(5)
    (length,) = struct.unpack("!I", head[1:])
    return Message(head[:1], head + await reader.readexactly(length - 4))


def message(kind: bytes, body: bytes) -> bytes:
    """Return the bytes of a message."""
    return kind + struct.pack("!I", len(body) + 4) + body


def error(code: str, text: str) -> bytes:
    """Return the bytes of an error after which the connection ends."""
    fields = {"S": "FATAL", "V": "FATAL", "C": code, "M": text}
    return message(b"E", b"".join(f"{name}{value}\0".encode() for name, value in fields.items()) + b"\0")


def end(writer: asyncio.StreamWriter, *, reset: bool) -> None:
    """End a connection at once: as a host that came back after a crash does (RST), or as the end of a process (FIN)."""
    if reset:
        found = writer.get_extra_info("socket")
        if found is not None:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Loop:
    """An event loop in a thread, and a port that is served there."""

    def __init__(
        self, serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]
    ) -> None:
        self._serve = serve
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="between client and server")
        self._thread.start()
        self._tasks: set[asyncio.Task[None]] = set()
        self._taken: set[asyncio.StreamWriter] = set()
        self._listening: asyncio.Server | None = None
        self.port = 0
        self.open()

    def open(self) -> None:
        """Take connections, on the same port as before."""
        self.run(self._open())

    def shut(self) -> None:
        """Refuse connections; those that are there stay."""
        self.call(self.shut_now)

    def shut_now(self) -> None:
        """Do the same from inside the loop."""
        if self._listening is not None:
            self._listening.close()
            self._listening = None

    def call(self, function: Callable[[], _T]) -> _T:
        """Call a function inside the loop."""

        async def called() -> _T:
            return function()

        return self.run(called())

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine inside the loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Let a coroutine go on by itself; from inside the loop."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """End all that goes on, and the thread."""
        self.shut()
        self.run(self._end_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _open(self) -> None:
        self.shut_now()
        self._listening = await asyncio.start_server(self._met, "127.0.0.1", self.port)
        self.port = self._listening.sockets[0].getsockname()[1]

    def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._taken.add(writer)
        self.start(self._guarded(reader, writer))

    async def _guarded(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._serve(reader, writer)
        except GONE:
            pass
        finally:
            writer.transport.abort()
            self._taken.discard(writer)

    async def _end_all(self) -> None:
        this = asyncio.current_task()
        while tasks := [task for task in asyncio.all_tasks() if task is not this]:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for writer in self._taken:  # of a task that was cancelled before it began
            writer.transport.abort()
        await asyncio.sleep(0)  # transports close their sockets one turn later

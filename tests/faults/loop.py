"""A loop in a thread for what sits between clients and a server, and how it ends their connections."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

_T = TypeVar("_T")
GONE = (OSError, asyncio.IncompleteReadError)


def end(writer: asyncio.StreamWriter, *, reset: bool) -> None:
    """End a connection at once: as a host that came back after a crash does (RST), or as the end of a process (FIN)."""
    if reset:
        found = writer.get_extra_info("socket")
        if found is not None:
            with suppress(OSError):  # it has ended meanwhile
                found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Loop:
    """An event loop in a thread, and a port that is served there.

    Connections are taken by hand: `asyncio.Server` leaves open what it is just taking when it is closed.

    Args:
        serve: called with the streams of each connection; it is ended when that returns.
        tls: what to speak TLS with.
    """

    def __init__(
        self,
        serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._serve = serve
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="between client and server")
        self._thread.start()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listening: socket.socket | None = None
        self.port = 0
        self.open()

    def open(self) -> None:
        """Take connections, on the same port as before."""
        self.call(self._open_now)

    def shut(self) -> None:
        """Refuse connections; those that are there stay."""
        self.call(self.shut_now)

    def shut_now(self) -> None:
        """Do the same from inside the loop."""
        if self._listening is not None:
            self._loop.remove_reader(self._listening)
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

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Let a coroutine go on by itself; from inside the loop."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def close(self) -> None:
        """End all that goes on, and the thread."""
        self.shut()
        self.run(self._end_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _open_now(self) -> None:
        self.shut_now()
        listening = socket.create_server(("127.0.0.1", self.port))
        listening.setblocking(False)
        self._listening, self.port = listening, listening.getsockname()[1]
        self._loop.add_reader(listening, self._take, listening)

    def _take(self, listening: socket.socket) -> None:
        try:
            taken, _ = listening.accept()
        except OSError:
            return  # who asked is gone
        taken.setblocking(False)
        taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as asyncio does with what it takes itself
        self.start(self._guarded(taken)).add_done_callback(lambda _: taken.close())  # even if it never began

    async def _guarded(self, taken: socket.socket) -> None:
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        with suppress(*GONE):
            transport, _ = await self._loop.connect_accepted_socket(lambda: protocol, taken, ssl=self._tls)
            try:
                await self._serve(reader, asyncio.StreamWriter(transport, protocol, reader, self._loop))
            finally:
                transport.abort()

    async def _end_all(self) -> None:
        while tasks := list(self._tasks):
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for _ in range(3):  # transports close their sockets one turn later, those of TLS two
            await asyncio.sleep(0)

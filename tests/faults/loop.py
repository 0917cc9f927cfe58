"""A loop in a thread for what sits between clients and a server, and how it ends their connections."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")
GONE = (OSError, asyncio.IncompleteReadError)


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

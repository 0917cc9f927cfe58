"""A proxy before a PostgreSQL server: it cuts connections at a chosen request, stalls, refuses, and counts requests."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from contextlib import suppress
from itertools import count
from typing import Literal, Self
from urllib.parse import urlsplit, urlunsplit

from tests.faults.postgres import wire

When = Literal["before", "after"]


class Cut:
    """A cut that is to come at one request, and whether it came.

    Args:
        number: of the request, from 1; with `containing` among those that run SQL with these words.
        when: before the server gets it, or after it has answered and before the client gets the answer.
        reset: by RST, else by FIN.
        for_good: all other connections end, too, and none is taken any more, until `accept`.
    """

    def __init__(self, number: int, when: When, containing: str, *, reset: bool, for_good: bool) -> None:
        self.came = threading.Event()
        self.request = ""
        self._left = count(number, -1)
        self.when = when
        self.reset = reset
        self.for_good = for_good
        self._containing = containing

    def meets(self, request: str) -> bool:
        """Tell whether it comes at this request, which it counts."""
        if self._containing and (self._containing not in request or request.startswith(wire.PREPARE)):
            return False
        if next(self._left) != 1:
            return False
        self.request = request
        return True


class Proxy:
    """What stands between clients and the server at a URL; `url` is how clients reach it.

    Its methods may be called from any thread. Requests are what ends with an answer of readiness: a simple query, or
    all up to a Sync.
    """

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._links: set[_Link] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.cuts: list[Cut] = []  # that may still come
        self.requests: list[str] = []  # the SQL of each, as it came
        self._loop = wire.Loop(self._serve)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """Where clients connect to."""
        user = self._parts.username or ""
        return urlunsplit(self._parts._replace(netloc=f"{user}@127.0.0.1:{self._loop.port}"))

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._links)

    def cut(self, *, reset: bool = True) -> int:
        """End all connections at once; returns how many there were."""
        return self._loop.call(lambda: self._cut_all(reset=reset))

    def cut_at(
        self, number: int, when: When, containing: str = "", *, reset: bool = True, for_good: bool = False
    ) -> Cut:
        """End a connection at the n-th request from now on; see `Cut`."""
        cut = Cut(number, when, containing, reset=reset, for_good=for_good)
        self._loop.call(lambda: self.cuts.append(cut))
        return cut

    def refuse(self) -> None:
        """Refuse connections, and end those that are there, until `accept`."""
        self._loop.shut()
        self.cut()

    def accept(self) -> None:
        """Take connections again, on the same port."""
        self._loop.open()

    def stall(self) -> None:
        """Keep all bytes back, in both directions, until `go_on`; connections are taken and not answered."""
        self._loop.call(self._flowing.clear)

    def go_on(self) -> None:
        """Let the bytes go on that were kept back, and those after them."""
        self._loop.call(self._flowing.set)

    def close(self) -> None:
        """End it and every connection through it."""
        self.cut()
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        startup = await wire.read_startup(reader, writer)
        await self._flowing.wait()
        upstream = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        link = _Link(self, (reader, writer), upstream)
        self._links.add(link)
        try:
            upstream[1].write(startup.whole)
            await link.last()
        finally:
            self._links.discard(link)
            link.end(reset=False)

    def _cut_all(self, *, reset: bool) -> int:
        links = list(self._links)
        for link in links:
            link.end(reset=reset)
        return len(links)

    def due(self, request: str) -> Cut | None:
        """Note a request; returns the cut that comes at it."""
        self.requests.append(request)
        return next((cut for cut in self.cuts if cut.meets(request)), None)

    def come(self, cut: Cut, link: _Link) -> None:
        """Carry a cut out."""
        if cut.for_good:
            self._loop.shut_now()
            self._cut_all(reset=cut.reset)
        link.end(reset=cut.reset)
        self.cuts.remove(cut)
        cut.came.set()

    async def flowing(self) -> None:
        """Wait while all is stalled."""
        await self._flowing.wait()


_Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Link:
    """One client's connection and the server's that belongs to it."""

    def __init__(self, proxy: Proxy, client: _Stream, server: _Stream) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._awaited: deque[Cut | None] = deque([None])  # one for each readiness to come; the first ends the start-up

    async def last(self) -> None:
        """Carry messages until an end is gone."""
        both = [asyncio.ensure_future(self._carry_requests()), asyncio.ensure_future(self._carry_answers())]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in both:
                each.cancel()
            for each in both:
                with suppress(asyncio.CancelledError, *wire.GONE):
                    await each

    def end(self, *, reset: bool) -> None:
        """End both connections."""
        for _, writer in (self._client, self._server):
            wire.end(writer, reset=reset)

    async def _carry_requests(self) -> None:
        seen, held = wire.Requests(), b""
        while True:
            message = await wire.read(self._client[0])
            await self._proxy.flowing()
            held += message.whole
            request = seen.see(message)
            if request is not None:
                cut = self._proxy.due(request)
                if cut is not None and cut.when == "before":
                    return self._proxy.come(cut, self)
                self._awaited.append(cut)
            elif message.kind in b"PBDEC":
                continue  # part of a request that may not arrive
            self._server[1].write(held)
            held = b""
            await self._server[1].drain()

    async def _carry_answers(self) -> None:
        while True:
            message = await wire.read(self._server[0])
            await self._proxy.flowing()
            cut = self._awaited[0] if self._awaited else None
            if message.kind == wire.READY:
                self._awaited.popleft()
                if cut is not None:
                    return self._proxy.come(cut, self)
            if cut is None:
                self._client[1].write(message.whole)
                await self._client[1].drain()

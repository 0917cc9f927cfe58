"""A proxy before a Redis server: it cuts connections at a chosen request, stalls, refuses, and counts requests."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from functools import cache
from hashlib import sha1
from importlib.resources import files
from itertools import count
from typing import Literal, Self
from urllib.parse import urlsplit, urlunsplit

import hiredis

from nuvom.stores.redis.scripts import load
from tests.faults.postgres import wire

When = Literal["before", "after"]


class Cut:
    """A cut that is to come at one request, and whether it came.

    Args:
        number: of the request, from 1; with `containing` among those of this script or command.
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
        if self._containing and self._containing != request:
            return False
        if next(self._left) != 1:
            return False
        self.request = request
        return True


class Proxy:
    """What stands between clients and the server at a URL; `url` is how clients reach it.

    Its methods may be called from any thread. A request is a command; one that runs a script has the script's name.
    With `opaque` it looks at nothing, and so can carry what is no requests: replication.
    """

    def __init__(self, url: str, *, opaque: bool = False) -> None:
        self._parts = urlsplit(url)
        self.opaque = opaque
        self._links: set[_Link] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.cuts: list[Cut] = []  # that may still come
        self.requests: list[str] = []  # as they came
        self._loop = wire.Loop(self._serve)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """Where clients connect to."""
        return urlunsplit(self._parts._replace(netloc=f"127.0.0.1:{self._loop.port}"))

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

    def lead_to(self, url: str) -> None:
        """Lead to another server from now on, and end the connections to the one before."""
        self._parts = urlsplit(url)
        self.cut()

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
        await self._flowing.wait()
        upstream = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        link = _Link(self, (reader, writer), upstream)
        self._links.add(link)
        try:
            await link.last()
        finally:
            self._links.discard(link)
            link.end(reset=False)

    def _cut_all(self, *, reset: bool) -> int:
        links = list(self._links)
        for link in links:
            with suppress(OSError):  # it has ended meanwhile
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
    """One client's connection and the server's that belongs to it; who asks waits for the answer before he goes on."""

    def __init__(self, proxy: Proxy, client: _Stream, server: _Stream) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._awaited: Cut | None = None  # comes with the next answer

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
        seen, held = hiredis.Reader(), b""
        while data := await self._client[0].read(1 << 16):
            await self._proxy.flowing()
            held += data
            if self._proxy.opaque:
                self._server[1].write(held)
                held = b""
                continue
            seen.feed(data)
            if (words := seen.gets()) is False:
                continue  # part of a request that may not arrive
            self._awaited = self._proxy.due(_name(words))
            if self._awaited is not None and self._awaited.when == "before":
                self._proxy.come(self._awaited, self)
                return
            self._server[1].write(held)
            held = b""
            await self._server[1].drain()

    async def _carry_answers(self) -> None:
        seen = hiredis.Reader()
        while data := await self._server[0].read(1 << 16):
            await self._proxy.flowing()
            if self._proxy.opaque:
                self._client[1].write(data)
                continue
            seen.feed(data)
            if self._awaited is not None:
                if seen.gets() is not False:
                    self._proxy.come(self._awaited, self)
                    return
                continue
            while seen.gets() is not False:
                pass
            self._client[1].write(data)
            await self._client[1].drain()


def _name(words: list[bytes]) -> str:
    """Return the name of a command, or of the script that it runs."""
    command = words[0].decode().upper()
    if command == "EVALSHA":
        return _scripts().get(words[1].decode(), words[1].decode())
    if command == "EVAL":
        return _scripts().get(sha1(words[1]).hexdigest(), command)
    return command


@cache
def _scripts() -> dict[str, str]:
    folder = files("nuvom.stores.redis").joinpath("lua")
    names = [each.name.removesuffix(".lua") for each in folder.iterdir() if each.name.endswith(".lua")]
    return {load(name).sha: name for name in names}

"""A proxy before any server: it cuts connections at a chosen request, stalls, refuses, and counts requests."""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from contextlib import suppress
from itertools import count
from typing import Literal, Self
from urllib.parse import urlsplit, urlunsplit

from tests.faults.loop import GONE, Loop, end

When = Literal["before", "after"]
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Cut:
    """A cut that is to come at one request, and whether it came.

    Args:
        number: of the request, from 1; with `meant` among those that it means, see `Proxy.means`.
        when: before the server gets it, or after it has answered and before the client gets the answer.
        meant: words of requests; all count without any.
        reset: by RST, else by FIN.
        for_good: all other connections end, too, and none is taken any more, until `accept`.
    """

    def __init__(self, number: int, when: When, meant: str, *, reset: bool, for_good: bool) -> None:
        self.came = threading.Event()
        self.request = ""
        self._left = count(number, -1)
        self.when = when
        self.meant = meant
        self.reset = reset
        self.for_good = for_good

    def comes_at(self, request: str) -> bool:
        """Count a request; tells whether it comes at this one."""
        if next(self._left) != 1:
            return False
        self.request = request
        return True


class Proxy(ABC):
    """What stands between clients and the server at a URL; `url` is how clients reach it.

    Its methods may be called from any thread.
    """

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._links: set[Link] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.cuts: list[Cut] = []  # that may still come
        self.requests: list[str] = []  # as they came
        self._loop = Loop(self._serve)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """Where clients connect to."""
        user = f"{self._parts.username}@" if self._parts.username else ""
        return urlunsplit(self._parts._replace(netloc=f"{user}127.0.0.1:{self._loop.port}"))

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._links)

    def cut(self, *, reset: bool = True) -> int:
        """End all connections at once; returns how many there were."""
        return self._loop.call(lambda: self._cut_all(reset=reset))

    def cut_at(self, number: int, when: When, meant: str = "", *, reset: bool = True, for_good: bool = False) -> Cut:
        """End a connection at the n-th request from now on; see `Cut`."""
        cut = Cut(number, when, meant, reset=reset, for_good=for_good)
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

    @abstractmethod
    def means(self, words: str, request: str) -> bool:
        """Tell whether the words of a cut mean a request."""

    @abstractmethod
    def link(self, client: Stream, server: Stream) -> Link:
        """Return what carries between a client and the server."""

    async def greeted(self, client: Stream) -> bytes:  # not every protocol has such a message
        """Read what a client says before it is led to the server; returns what the server gets of it."""
        return b""

    def due(self, request: str) -> Cut | None:
        """Note a request; returns the cut that comes at it."""
        self.requests.append(request)
        meant = (cut for cut in self.cuts if not cut.meant or self.means(cut.meant, request))
        return next((cut for cut in meant if cut.comes_at(request)), None)

    def come(self, cut: Cut, link: Link) -> None:
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

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await self.greeted((reader, writer))
        await self._flowing.wait()
        upstream = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        link = self.link((reader, writer), upstream)
        self._links.add(link)
        try:
            upstream[1].write(first)
            await link.last()
        finally:
            self._links.discard(link)
            link.end(reset=False)

    def _cut_all(self, *, reset: bool) -> int:
        links = list(self._links)
        for link in links:
            link.end(reset=reset)
        return len(links)


class Link(ABC):
    """One client's connection and the server's that belongs to it."""

    def __init__(self, client: Stream, server: Stream) -> None:
        self.client = client
        self.server = server

    @abstractmethod
    async def carry_requests(self) -> None:
        """Carry what the client says, until it is gone or a cut comes."""

    @abstractmethod
    async def carry_answers(self) -> None:
        """Carry what the server says, until it is gone or a cut comes."""

    async def last(self) -> None:
        """Carry messages until an end is gone."""
        both = [asyncio.ensure_future(self.carry_requests()), asyncio.ensure_future(self.carry_answers())]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in both:
                each.cancel()
            for each in both:
                with suppress(asyncio.CancelledError, *GONE):
                    await each

    def end(self, *, reset: bool) -> None:
        """End both connections."""
        for _, writer in (self.client, self.server):
            end(writer, reset=reset)

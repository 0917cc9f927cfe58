"""A proxy before a PostgreSQL server. A request is what is answered by readiness: a simple query, or all to a Sync."""

from __future__ import annotations

from collections import deque

from tests.faults import proxy
from tests.faults.postgres import wire
from tests.faults.proxy import Cut, Stream


class Proxy(proxy.Proxy):
    """What stands before the server at a URL; its requests are their SQL, and a cut means SQL with its words."""

    def means(self, words: str, request: str) -> bool:
        return words in request and not request.startswith(wire.PREPARE)

    def link(self, client: Stream, server: Stream) -> _Link:
        return _Link(self, client, server)

    async def greeted(self, client: Stream) -> bytes:
        return (await wire.read_startup(*client)).whole


class _Link(proxy.Link):
    def __init__(self, between: Proxy, client: Stream, server: Stream) -> None:
        super().__init__(client, server)
        self._proxy = between
        self._awaited: deque[Cut | None] = deque([None])  # one for each readiness to come; the first ends the start-up

    async def carry_requests(self) -> None:
        seen, held = wire.Requests(), b""
        while True:
            message = await wire.read(self.client[0])
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
            self.server[1].write(held)
            held = b""
            await self.server[1].drain()

    async def carry_answers(self) -> None:
        while True:
            message = await wire.read(self.server[0])
            await self._proxy.flowing()
            cut = self._awaited[0] if self._awaited else None
            if message.kind == wire.READY:
                self._awaited.popleft()
                if cut is not None:
                    return self._proxy.come(cut, self)
            if cut is None:
                self.client[1].write(message.whole)
                await self.client[1].drain()

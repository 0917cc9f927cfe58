"""A proxy before a Redis server. A request is a command; one that runs a script has the script's name."""

from __future__ import annotations

from functools import cache
from hashlib import sha1
from importlib.resources import files

import hiredis

from nuvom.stores.redis.scripts import load
from tests.faults import proxy
from tests.faults.proxy import Cut, Stream


class Proxy(proxy.Proxy):
    """What stands before the server at a URL; a cut means the script or command of its name.

    With `opaque` it looks at nothing, and so can carry what is no requests: replication.
    """

    def __init__(self, url: str, *, opaque: bool = False) -> None:
        self.opaque = opaque
        super().__init__(url)

    def means(self, words: str, request: str) -> bool:
        return words == request

    def link(self, client: Stream, server: Stream) -> _Link:
        return _Link(self, client, server)


class _Link(proxy.Link):
    """Here who asks waits for the answer before he goes on."""

    def __init__(self, between: Proxy, client: Stream, server: Stream) -> None:
        super().__init__(client, server)
        self._proxy = between
        self._awaited: Cut | None = None  # comes with the next answer

    async def carry_requests(self) -> None:
        seen, held = hiredis.Reader(), b""
        while data := await self.client[0].read(1 << 16):
            await self._proxy.flowing()
            held += data
            if self._proxy.opaque:
                self.server[1].write(held)
                held = b""
                continue
            seen.feed(data)
            if (words := seen.gets()) is False:
                continue  # part of a request that may not arrive
            self._awaited = self._proxy.due(_name(words))
            if self._awaited is not None and self._awaited.when == "before":
                self._proxy.come(self._awaited, self)
                return
            self.server[1].write(held)
            held = b""
            await self.server[1].drain()

    async def carry_answers(self) -> None:
        seen = hiredis.Reader()
        while data := await self.server[0].read(1 << 16):
            await self._proxy.flowing()
            if self._proxy.opaque:
                self.client[1].write(data)
                continue
            seen.feed(data)
            if self._awaited is not None:
                if seen.gets() is not False:
                    self._proxy.come(self._awaited, self)
                    return
                continue
            while seen.gets() is not False:
                pass
            self.client[1].write(data)
            await self.client[1].drain()


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

"""What the fault tests of Redis share: a server that may be killed, a store on it, and a proxy before both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from nuvom.stores.base import Store
from nuvom.stores.registry import open_store
from tests.faults import invariants
from tests.faults.redis.proxy import Proxy
from tests.faults.services import Place
from tests.valkey import Server, emptied


@pytest.fixture(scope="session")
def lasting() -> Iterator[Server]:
    """A server of these tests' own that keeps every change on disk."""
    made = Server(appendonly="yes", appendfsync="always")
    yield made
    made.remove()


@pytest.fixture
def server(lasting: Server) -> Iterator[Server]:
    """The same, running, without anything in it; what is there at the end holds every invariant."""
    lasting.start()
    emptied(lasting.url)
    yield lasting
    lasting.start()  # a test that failed may have left it dead
    invariants.check(lasting.url)


@pytest.fixture
def direct(server: Server) -> Iterator[Store]:
    """The store as one sees it who meets no faults."""
    with closing(open_store(server.url)) as store:
        yield store


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    """A proxy before the server; its URL is that of the store."""
    with Proxy(server.url) as made:
        yield made


@pytest.fixture
def store(proxy: Proxy) -> Iterator[Store]:
    """The store as a caller sees it through the proxy."""
    with closing(open_store(proxy.url)) as store:
        yield store


@pytest.fixture
def place(tmp_path: Path, proxy: Proxy, server: Server) -> Iterator[Place]:
    """A folder with services that reach the server through the proxy."""
    with Place(tmp_path, proxy.url, server.url) as place:
        yield place

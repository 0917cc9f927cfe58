"""What the fault tests of PostgreSQL share: a server that may be killed, a store on it, and a proxy before both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from uuid import uuid4

import pytest

from nuvom.stores.base import Store
from nuvom.stores.registry import open_store
from tests.faults import invariants
from tests.faults.postgres.proxy import Proxy
from tests.servers import QUICK, Server, drop_schema, with_parameters


@pytest.fixture(scope="session")
def lasting() -> Iterator[Server]:
    """A server of these tests' own."""
    made = Server(**QUICK)
    yield made
    made.remove()


@pytest.fixture
def server(lasting: Server) -> Server:
    """The same, running: a test that failed may have left it dead."""
    lasting.start()
    return lasting


@pytest.fixture
def schema(server: Server) -> Iterator[str]:
    """The name of a schema with empty tables, which hold every invariant at the end."""
    name = f"faults_{uuid4().hex[:12]}"
    url = with_parameters(server.url, schema=name)
    with closing(open_store(url)) as store:
        store.migrate()
    yield name
    server.start()
    invariants.check(url)
    drop_schema(server.url, name)


@pytest.fixture
def straight(server: Server, schema: str) -> str:
    """The store's URL past the proxy."""
    return with_parameters(server.url, schema=schema)


@pytest.fixture
def direct(straight: str) -> Iterator[Store]:
    """The store as one sees it who meets no faults."""
    with closing(open_store(straight)) as store:
        yield store


@pytest.fixture
def proxy(server: Server, schema: str) -> Iterator[Proxy]:
    """A proxy before the server; its URL is that of the store."""
    with Proxy(with_parameters(server.tcp_url, schema=schema)) as made:
        yield made


@pytest.fixture
def store(proxy: Proxy) -> Iterator[Store]:
    """The store as a caller sees it through the proxy."""
    with closing(open_store(proxy.url)) as store:
        yield store

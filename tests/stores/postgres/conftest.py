"""What tests of the PostgreSQL store share: stores by the server's clock, and the server as a network reaches it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from urllib.parse import parse_qs, urlsplit, urlunsplit

import pytest

from nuvom.stores.postgres.store import PostgresStore
from nuvom.stores.registry import open_store

Open = Callable[[str], PostgresStore]


@pytest.fixture
def opened() -> Iterator[Open]:
    """Open stores, which are closed after the test."""
    with ExitStack() as stack:

        def open_(url: str) -> PostgresStore:
            store = open_store(url)
            assert isinstance(store, PostgresStore)
            return stack.enter_context(closing(store))

        yield open_


@pytest.fixture
def live(opened: Open, postgres_url: str) -> PostgresStore:
    """A store by the server's clock."""
    return opened(postgres_url)


@pytest.fixture
def tcp_url(postgres_url: str) -> str:
    """The same store, reached over TCP."""
    parts = urlsplit(postgres_url)
    said = parse_qs(parts.query)
    if "host" not in said:
        return postgres_url
    netloc = f"{parts.username}@127.0.0.1:{said['port'][0]}"
    return urlunsplit(parts._replace(netloc=netloc, query=f"schema={said['schema'][0]}"))

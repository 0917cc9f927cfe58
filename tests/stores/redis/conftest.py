"""What tests of the Redis store share: stores by the server's clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from nuvom.stores.redis.store import RedisStore
from nuvom.stores.registry import open_store
from tests.valkey import Server

Open = Callable[..., RedisStore]


@pytest.fixture
def opened() -> Iterator[Open]:
    """Open stores, which are closed after the test."""
    with ExitStack() as stack:

        def open_(url: str, *, busy_timeout: float | None = 5.0) -> RedisStore:
            store = open_store(url, busy_timeout=busy_timeout)
            assert isinstance(store, RedisStore)
            return stack.enter_context(closing(store))

        yield open_


@pytest.fixture
def live(opened: Open, redis_url: str) -> RedisStore:
    """A store by the server's clock."""
    return opened(redis_url)


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of the test's own."""
    made = Server()
    yield made
    made.remove()

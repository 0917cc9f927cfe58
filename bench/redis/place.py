"""Where a bench on Redis takes place: a server that writes to disk each second, and a prefix for each stage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from uuid import uuid4

import redis

from bench.stage import Stage, stage
from nuvom.stores.redis.store import RedisStore
from tests.valkey import GIVEN, Server

_SETTINGS = {"appendonly": "yes", "appendfsync": "everysec"}
_AT_ONCE = 1_000  # keys that one step looks at


@contextmanager
def serving() -> Iterator[str]:
    """Give the URL of the server that NUVOM_TEST_REDIS_URL names, or of one from a wheel."""
    if GIVEN:
        yield GIVEN
        return
    server = Server(**_SETTINGS)
    try:
        yield server.url
    finally:
        server.remove()


@contextmanager
def prefixed(server: str) -> Iterator[str]:
    """Give the URL of an empty store on a server; nothing of it is left afterwards."""
    prefix = f"bench-{uuid4().hex[:12]}"
    try:
        yield f"{server}{'&' if '?' in server else '?'}prefix={prefix}"
    finally:
        with connected(server) as connection:
            delete(connection, f"{{{prefix}}}:*")


@contextmanager
def server_stage(server: str) -> Iterator[Stage]:
    """Set up a stage in a store of its own."""
    with prefixed(server) as url, stage(url) as place:
        yield place


@contextmanager
def connected(server: str) -> Iterator[redis.Redis]:
    """Open a client of the driver's."""
    with closing(redis.Redis.from_url(server, protocol=2)) as connection:
        yield connection


@contextmanager
def keys(place: Stage) -> Iterator[tuple[redis.Redis, str]]:
    """Open a client of the driver's, and say what the keys of the store begin with."""
    store = place.app.store
    assert isinstance(store, RedisStore)
    with connected(place.url.partition("?prefix=")[0]) as connection:
        yield connection, store._database.address.prefix.decode()


def delete(connection: redis.Redis, pattern: str) -> None:
    """Delete keys step by step: a million at once would hold up the server."""
    for found in _steps(connection, pattern):
        if found:
            connection.unlink(*found)


def _steps(connection: redis.Redis, pattern: str) -> Iterator[list[bytes]]:
    cursor = 0
    while True:
        cursor, found = connection.scan(cursor, match=pattern, count=_AT_ONCE)
        yield found
        if cursor == 0:
            return

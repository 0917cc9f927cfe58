"""The raw engine: redis-py and a stream with one group of consumers, no logic of a queue."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import redis

from bench.raw import BATCH
from bench.redis.place import connected, delete

_ROW: dict[str | bytes, str] = {"task": "bench.noop", "arguments": "[[1,2],{}]"}
_GROUP, _CONSUMER = "group", "consumer"


class RawStream:
    """What an engine without any logic of a queue does, a `bench.raw.Raw`."""

    def __init__(self, connection: redis.Redis, stream: str) -> None:
        self._connection = connection
        self._stream = stream

    def push(self, count: int) -> None:
        for _ in range(count):
            self._connection.xadd(self._stream, _ROW)

    def push_many(self, count: int) -> None:
        for start in range(0, count, 1_000):
            with self._connection.pipeline(transaction=False) as pipeline:
                for _ in range(min(1_000, count - start)):
                    pipeline.xadd(self._stream, _ROW)
                pipeline.execute()

    def drain(self) -> None:
        """Read 100, acknowledge and delete 100; what came of them is kept nowhere."""
        read = self._connection.xreadgroup
        while found := read(_GROUP, _CONSUMER, {self._stream: ">"}, count=BATCH):
            ids = [each for each, _ in found[0][1]]
            with self._connection.pipeline(transaction=False) as pipeline:
                pipeline.xack(self._stream, _GROUP, *ids)
                pipeline.xdel(self._stream, *ids)
                pipeline.execute()


@contextmanager
def raw_server(server: str) -> Iterator[RawStream]:
    """Make an empty stream of a server; it is gone afterwards."""
    name = f"raw-{uuid4().hex[:12]}"
    with connected(server) as connection:
        connection.xgroup_create(name, _GROUP, mkstream=True)
        try:
            yield RawStream(connection, name)
        finally:
            delete(connection, name)

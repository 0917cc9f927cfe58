"""Huey: threads in one process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from huey import RedisHuey

from bench.peers.measure import arguments, measure

THREADS = 8
_said: list[Callable[[], None]] = []


class _Peer:
    def __init__(self, huey: RedisHuey) -> None:
        self._huey = huey

        @huey.task()
        def noop(first: int, second: int) -> int:
            _said[-1]()
            return first + second

        self._noop = noop

    async def push(self, count: int) -> None:
        for _ in range(count):
            self._noop(1, 2)

    push_bulk = push  # it has none

    async def work(self, ran: Callable[[], None]) -> None:
        _said.append(ran)
        consumer = self._huey.create_consumer(workers=THREADS, worker_type="thread", periodic=False)
        consumer.start()
        try:
            await asyncio.Event().wait()
        finally:
            consumer.stop(graceful=False)


if __name__ == "__main__":
    url, jobs = arguments()
    asyncio.run(measure(_Peer(RedisHuey("bench", url=url)), jobs))

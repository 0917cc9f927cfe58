"""SAQ: coroutines, many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from saq import Queue, Worker

from bench.peers.measure import arguments, measure

CONCURRENCY = 100
_said: list[Callable[[], None]] = []


async def noop(_: Any, *, first: int, second: int) -> int:
    _said[-1]()
    return first + second


class _Peer:
    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    async def push(self, count: int) -> None:
        for _ in range(count):
            await self._queue.enqueue("noop", first=1, second=2)

    push_bulk = push  # it has none

    async def work(self, ran: Callable[[], None]) -> None:
        _said.append(ran)
        worker = Worker(self._queue, functions=[noop], concurrency=CONCURRENCY)
        try:
            await worker.start()
        finally:
            await worker.stop()


async def _main() -> None:
    url, jobs = arguments()
    queue = Queue.from_url(url)
    await queue.connect()
    await measure(_Peer(queue), jobs)


if __name__ == "__main__":
    asyncio.run(_main())

"""Taskiq: coroutines over a stream, which it acknowledges; many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from taskiq.api import run_receiver_task
from taskiq_redis import RedisAsyncResultBackend, RedisStreamBroker

from bench.peers.measure import arguments, measure

AT_ONCE = 100
_said: list[Callable[[], None]] = []


class _Peer:
    def __init__(self, broker: RedisStreamBroker) -> None:
        self._broker = broker

        @broker.task(task_name="noop")
        async def noop(first: int, second: int) -> int:
            _said[-1]()
            return first + second

        self._noop = noop

    async def push(self, count: int) -> None:
        for _ in range(count):
            await self._noop.kiq(1, 2)

    push_bulk = push  # it has none

    async def work(self, ran: Callable[[], None]) -> None:
        _said.append(ran)
        await run_receiver_task(self._broker, max_async_tasks=AT_ONCE)


async def _main() -> None:
    url, jobs = arguments()
    results: RedisAsyncResultBackend[int] = RedisAsyncResultBackend(url, result_ex_time=600)
    broker = RedisStreamBroker(url).with_result_backend(results)
    await broker.startup()
    await measure(_Peer(broker), jobs)
    await broker.shutdown()


if __name__ == "__main__":
    asyncio.run(_main())

"""arq: coroutines, many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from arq import ArqRedis, create_pool, func
from arq.connections import RedisSettings
from arq.worker import Worker

from bench.peers.measure import arguments, measure

MAX_JOBS = 100
_said: list[Callable[[], None]] = []


async def noop(_: Any, first: int, second: int) -> int:
    _said[-1]()
    return first + second


class _Peer:
    def __init__(self, pool: ArqRedis) -> None:
        self._pool = pool

    async def push(self, count: int) -> None:
        for _ in range(count):
            await self._pool.enqueue_job("noop", 1, 2)

    push_bulk = push  # it has none

    async def work(self, ran: Callable[[], None]) -> None:
        _said.append(ran)
        functions = [func(noop, name="noop")]
        worker = Worker(functions, redis_pool=self._pool, max_jobs=MAX_JOBS, handle_signals=False)
        await worker.async_run()


async def _main() -> None:
    url, jobs = arguments()
    await measure(_Peer(await create_pool(RedisSettings.from_dsn(url))), jobs)


if __name__ == "__main__":
    asyncio.run(_main())

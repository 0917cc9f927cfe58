"""Chancy: coroutine jobs in its loop, many at once, and a new look as soon as one has ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from chancy import Chancy, Queue, Worker, job

from bench.peers.measure import arguments, measure
from bench.peers.sql import told_by

CONCURRENCY = 100
_EMPTY = "SELECT NOT EXISTS (SELECT 1 FROM chancy_jobs WHERE state IN ('pending', 'running', 'retrying'))"
_said: list[Callable[[], None]] = []


@job()
async def noop(**_: int) -> None:
    for ran in _said:
        ran()


class _Peer:
    def __init__(self, chancy: Chancy) -> None:
        self._chancy = chancy
        self._job = noop.job.with_kwargs(first=1, second=2)

    async def push(self, count: int) -> None:
        for _ in range(count):
            await self._chancy.push(self._job)

    async def push_bulk(self, count: int) -> None:
        async for _ in self._chancy.push_many([self._job] * count):
            pass

    async def work(self, ran: Callable[[], None]) -> None:
        _said.append(ran)
        async with Worker(self._chancy, register_signal_handlers=False) as worker:
            await worker.wait_for_shutdown()


async def main() -> None:
    url, jobs = arguments()
    async with Chancy(url, log=logging.getLogger("chancy")) as chancy:
        await chancy.migrate()
        await chancy.declare(
            Queue(
                "default",
                concurrency=CONCURRENCY,
                executor=Chancy.Executor.Async,
                polling_interval=1,
                eager_polling=True,
            )
        )
        await measure(_Peer(chancy), jobs, told_by(url, _EMPTY))


if __name__ == "__main__":
    asyncio.run(main())

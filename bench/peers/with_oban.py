"""Oban: many coroutine jobs at once in one queue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import uvloop
from oban import Oban, worker
from oban.job import Job
from oban.schema import install
from psycopg_pool import AsyncConnectionPool

from bench.peers.measure import arguments, measure
from bench.peers.sql import told_by

LIMIT = 100
_EMPTY = "SELECT NOT EXISTS (SELECT 1 FROM oban_jobs WHERE state::text <> 'completed')"
_ARGUMENTS = {"first": 1, "second": 2}
_said: list[Callable[[], None]] = []


@worker(queue="default")
class Noop:
    async def process(self, _: Job) -> None:
        for ran in _said:
            ran()


class _Peer:
    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool
        self._producer = Oban(pool=pool, name="producer")

    async def push(self, count: int) -> None:
        for _ in range(count):
            await self._producer.enqueue(Noop.new(_ARGUMENTS))

    async def push_bulk(self, count: int) -> None:
        await self._producer.enqueue_many([Noop.new(_ARGUMENTS) for _ in range(count)])

    async def work(self, ran: Callable[[], None]) -> None:
        _said.append(ran)
        oban = Oban(pool=self._pool, queues={"default": LIMIT})
        await oban.start()
        try:
            await asyncio.Event().wait()
        finally:
            await oban.stop()


async def main() -> None:
    url, jobs = arguments()
    pool = await Oban.create_pool(url)
    await install(pool)
    await measure(_Peer(pool), jobs, told_by(url, _EMPTY))
    await pool.close()


if __name__ == "__main__":
    uvloop.run(main())

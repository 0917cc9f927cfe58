"""PgQueuer: asyncpg and uvloop as it comes, and the batch size at which it drains fastest."""

from __future__ import annotations

from collections.abc import Callable

import asyncpg
import uvloop
from pgqueuer import PgQueuer
from pgqueuer.models import Job

from bench.peers.measure import arguments, measure
from bench.peers.sql import told_by

BATCH = 100
_PAYLOAD = b"[[1,2],{}]"
_EMPTY = "SELECT NOT EXISTS (SELECT 1 FROM pgqueuer)"


class _Peer:
    def __init__(self, queuer: PgQueuer) -> None:
        self._queuer = queuer

    async def push(self, count: int) -> None:
        for _ in range(count):
            await self._queuer.queries.enqueue("noop", _PAYLOAD)

    async def push_bulk(self, count: int) -> None:
        await self._queuer.queries.enqueue(["noop"] * count, [_PAYLOAD] * count, [0] * count)

    async def work(self, ran: Callable[[], None]) -> None:
        @self._queuer.entrypoint("noop")
        async def noop(_: Job) -> None:
            ran()

        await self._queuer.run(batch_size=BATCH)


async def _main() -> None:
    url, jobs = arguments()
    async with asyncpg.create_pool(url) as pool:
        queuer = PgQueuer.from_asyncpg_pool(pool)
        await queuer.queries.install()
        await measure(_Peer(queuer), jobs, told_by(url, _EMPTY))


uvloop.run(_main())

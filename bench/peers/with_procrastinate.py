"""Procrastinate: coroutine tasks, many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from procrastinate import App, PsycopgConnector

from bench.peers.measure import arguments, measure
from bench.peers.sql import told_by

CONCURRENCY = 20
_EMPTY = "SELECT NOT EXISTS (SELECT 1 FROM procrastinate_jobs WHERE status IN ('todo', 'doing'))"
_SAID = {"first": 1, "second": 2}


class _Peer:
    def __init__(self, app: App) -> None:
        self._app = app
        self._ran: Callable[[], None] = lambda: None

        @app.task(name="noop")
        async def noop(**_: int) -> None:
            self._ran()

        self._noop = noop

    async def push(self, count: int) -> None:
        for _ in range(count):
            await self._noop.defer_async(**_SAID)

    async def push_bulk(self, count: int) -> None:
        await self._noop.batch_defer_async(*[_SAID] * count)

    async def work(self, ran: Callable[[], None]) -> None:
        self._ran = ran
        await self._app.run_worker_async(concurrency=CONCURRENCY, install_signal_handlers=False)


async def _main() -> None:
    url, jobs = arguments()
    app = App(connector=PsycopgConnector(conninfo=url, max_size=CONCURRENCY))
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        await measure(_Peer(app), jobs, told_by(url, _EMPTY))


asyncio.run(_main())

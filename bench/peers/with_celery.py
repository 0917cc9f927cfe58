"""Celery: late acknowledgement, threads in one process, results kept."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from celery import Celery

from bench.peers.measure import arguments, measure

THREADS = 8
_said: list[Callable[[], None]] = []


class _Peer:
    def __init__(self, app: Celery) -> None:
        self._app = app

        @app.task(name="noop")
        def noop(first: int, second: int) -> int:
            _said[-1]()
            return first + second

        self._noop = noop

    async def push(self, count: int) -> None:
        for _ in range(count):
            self._noop.delay(1, 2)

    push_bulk = push  # it has none

    async def work(self, ran: Callable[[], None]) -> None:
        _said.append(ran)
        options = {"pool": "threads", "concurrency": THREADS, "loglevel": "ERROR", "quiet": True}
        worker = self._app.Worker(**options, without_gossip=True, without_mingle=True, without_heartbeat=True)
        threading.Thread(target=worker.start, daemon=True).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    url, jobs = arguments()
    app = Celery("bench", broker=url, backend=url)
    app.conf.update(
        task_acks_late=True,
        worker_prefetch_multiplier=4,
        broker_connection_retry_on_startup=True,
        worker_redirect_stdouts=False,  # what is found is printed
    )
    asyncio.run(measure(_Peer(app), jobs))

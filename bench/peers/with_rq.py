"""RQ: a worker that runs jobs in its own process, one after the other."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from importlib import import_module

from redis import Redis
from rq import Queue, SimpleWorker
from rq.timeouts import TimerDeathPenalty

from bench.peers.measure import arguments, measure

_MODULE = "bench.peers.with_rq"  # as the worker imports it, which is not what is run here
_NOOP = f"{_MODULE}.noop"
said: list[Callable[[], None]] = []


def noop(first: int, second: int) -> int:
    said[-1]()
    return first + second


class _Worker(SimpleWorker):
    death_penalty_class = TimerDeathPenalty  # the usual one needs the main thread

    def _install_signal_handlers(self) -> None:
        """Do nothing: signals are the main thread's."""


class _Peer:
    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    async def push(self, count: int) -> None:
        for _ in range(count):
            self._queue.enqueue(_NOOP, 1, 2)

    async def push_bulk(self, count: int) -> None:
        self._queue.enqueue_many([Queue.prepare_data(_NOOP, (1, 2)) for _ in range(count)])

    async def work(self, ran: Callable[[], None]) -> None:
        import_module(_MODULE).said.append(ran)
        worker = _Worker([self._queue], connection=self._queue.connection)
        threading.Thread(target=worker.work, kwargs={"logging_level": logging.ERROR}, daemon=True).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    url, jobs = arguments()
    asyncio.run(measure(_Peer(Queue(connection=Redis.from_url(url))), jobs))

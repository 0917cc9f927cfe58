"""Dramatiq: threads in one process, results kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends.redis import RedisBackend

from bench.peers.measure import arguments, measure

THREADS = 8
_said: list[Callable[[], None]] = []


class _Peer:
    def __init__(self, broker: RedisBroker) -> None:
        self._broker = broker

        @dramatiq.actor(broker=broker, store_results=True)
        def noop(first: int, second: int) -> int:
            _said[-1]()
            return first + second

        self._noop = noop

    async def push(self, count: int) -> None:
        for _ in range(count):
            self._noop.send(1, 2)

    push_bulk = push  # it has none

    async def work(self, ran: Callable[[], None]) -> None:
        _said.append(ran)
        worker = dramatiq.Worker(self._broker, worker_threads=THREADS)
        worker.start()
        try:
            await asyncio.Event().wait()
        finally:
            worker.stop(timeout=2_000)


if __name__ == "__main__":
    url, jobs = arguments()
    broker = RedisBroker(url=url)
    broker.add_middleware(Results(backend=RedisBackend(url=url)))
    dramatiq.set_broker(broker)
    asyncio.run(measure(_Peer(broker), jobs))

"""How a peer is measured, in a process that knows nothing of Nuvom: `python -m bench.peers.with_… URL JOBS`."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Protocol

BULK = 1_000
TURNS = 5
_PATIENCE = 300.0  # seconds for a drain
_EVERY = 0.01


class Peer(Protocol):
    """What a peer does, by its own means."""

    async def push(self, count: int) -> None:
        """Push jobs by a call each."""

    async def push_bulk(self, count: int) -> None:
        """Push jobs by one call."""

    async def work(self, ran: Callable[[], None]) -> None:
        """Run jobs until cancelled; each says that it `ran`."""


class Runs:
    """How many jobs ran, and when the first of them did."""

    def __init__(self) -> None:
        self.count = 0
        self.began = 0.0
        self._lock = threading.Lock()  # some peers run jobs in threads

    def __call__(self) -> None:
        with self._lock:
            if not self.count:
                self.began = time.perf_counter()
            self.count += 1


async def _at_once() -> bool:
    return True


async def measure(peer: Peer, jobs: int, empty: Callable[[], Awaitable[bool]] = _at_once) -> None:
    """Print jobs per second as JSON: `single`, `bulk` and `drain`.

    Args:
        peer: what is measured.
        jobs: how many are drained, at least as many as are pushed one by one.
        empty: says whether the outcome of every job is stored; where nobody can say, it is when the last one ran.
    """
    singles = max(5, jobs // 50)
    await peer.push(1)  # what only the first pays
    single = median([await _rate(singles, peer.push) for _ in range(TURNS)])
    bulk = median([await _rate(BULK, peer.push_bulk) for _ in range(TURNS)])
    pushed = 1 + TURNS * (singles + BULK)
    while pushed < jobs:
        await peer.push_bulk(BULK)
        pushed += BULK
    print(json.dumps({"single": single, "bulk": bulk, "drain": await _drain(peer, pushed, empty)}))


def arguments() -> tuple[str, int]:
    """The server's URL and how many jobs."""
    url, jobs = sys.argv[1:]
    return url, int(jobs)


async def _rate(count: int, push: Callable[[int], Awaitable[None]]) -> float:
    began = time.perf_counter()
    await push(count)
    return count / (time.perf_counter() - began)


async def _drain(peer: Peer, jobs: int, empty: Callable[[], Awaitable[bool]]) -> float:
    """Jobs per second from the start of the first to the last outcome in the store."""
    runs = Runs()
    working = asyncio.create_task(peer.work(runs))
    deadline = time.monotonic() + _PATIENCE
    while runs.count < jobs and not working.done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{runs.count:,} of {jobs:,} jobs ran within {_PATIENCE:.0f} s")
        await asyncio.sleep(_EVERY)
    while not await empty():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not every outcome was stored within {_PATIENCE:.0f} s")
        await asyncio.sleep(_EVERY)
    elapsed = time.perf_counter() - runs.began
    working.cancel()
    await asyncio.wait([working], timeout=5)
    return runs.count / elapsed

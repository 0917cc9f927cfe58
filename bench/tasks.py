"""The tasks of the benches; workers find them as `--app bench.tasks:app`."""

from __future__ import annotations

import asyncio
import time

from nuvom import Nuvom

app = Nuvom()


@app.task(name="bench.noop")
def noop(first: int, second: int) -> int:
    """As little as a task can do."""
    return first or second


@app.task(name="bench.started")
def started() -> float:
    """The moment of the start on the clock that all processes of a host share (clock_gettime(2), CLOCK_MONOTONIC)."""
    return time.monotonic()


@app.task(name="bench.naps")
async def naps(seconds: float) -> None:
    """Wait in the event loop."""
    await asyncio.sleep(seconds)


@app.task(name="bench.woke")
def woke() -> float:
    """The moment of the start as wall time, seconds since 1970."""
    return time.time()

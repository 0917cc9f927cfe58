"""All benches of Redis, one after the other on one server."""

from __future__ import annotations

from collections.abc import Iterator

from bench.figures import Figure
from bench.redis.jobs import claim, drain, enqueue, latency, memory
from bench.redis.place import serving
from bench.redis.schedules import dispatch, herd, million

PARTS = {
    "enqueue": enqueue,
    "drain": drain,
    "latency": latency,
    "herd": herd,
    "dispatch": dispatch,
    "million": million,
    "claim": claim,
    "memory": memory,
}


def redis(scale: float) -> Iterator[Figure]:
    with serving() as server:
        for part in PARTS.values():
            yield from part(server, scale)

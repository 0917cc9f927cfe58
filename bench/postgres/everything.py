"""All benches of PostgreSQL, one after the other on one server."""

from __future__ import annotations

from collections.abc import Iterator

from bench.figures import Figure
from bench.postgres.jobs import claim, drain, enqueue, latency, notify
from bench.postgres.place import serving
from bench.postgres.schedules import dispatch, herd, million

PARTS = {
    "enqueue": enqueue,
    "notify": notify,
    "drain": drain,
    "latency": latency,
    "herd": herd,
    "dispatch": dispatch,
    "million": million,
    "claim": claim,
}


def postgres(scale: float) -> Iterator[Figure]:
    with serving() as server:
        for part in PARTS.values():
            yield from part(server, scale)

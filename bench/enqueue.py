"""Pushing jobs: one durable call at a time, and a thousand at once."""

from __future__ import annotations

from collections.abc import Iterator

from bench.figures import Figure, share
from bench.raw import RawQueue, raw_queue
from bench.stage import stage
from bench.tasks import noop
from bench.timing import in_turns, rate

TURNS = 9
BULK = 1_000


def enqueue(scale: float) -> Iterator[Figure]:
    with stage() as place, raw_queue(place.folder, "full", claims=False) as raw:
        singles = max(5, int(300 * scale))
        _push(1)  # what only the first pays
        raw.push(1)
        nuvom, beside = in_turns(
            lambda: rate(singles, lambda: _push(singles)), lambda: rate(singles, lambda: raw.push(singles)), TURNS
        )
        yield Figure(
            name="enqueue-single",
            nuvom=nuvom,
            raw=beside,
            unit="/s",
            target=share(0.8),
            what="task.delay(1, 2), on disk; raw: INSERT, FULL",
        )
        bulks = max(1, int(5 * scale))
        nuvom, beside = in_turns(
            lambda: rate(bulks * BULK, lambda: _push_bulks(bulks)),
            lambda: rate(bulks * BULK, lambda: _push_raw_bulks(raw, bulks)),
            TURNS,
        )
        yield Figure(
            name="enqueue-bulk",
            nuvom=nuvom,
            raw=beside,
            unit="/s",
            target=share(0.2),
            what="task.map of 1,000, on disk; raw: executemany of 1,000, FULL",
        )


def _push(count: int) -> None:
    for _ in range(count):
        noop.delay(1, 2)


def _push_bulks(count: int) -> None:
    for _ in range(count):
        noop.map([(1, 2)] * BULK)


def _push_raw_bulks(raw: RawQueue, count: int) -> None:
    for _ in range(count):
        raw.push_many(BULK)

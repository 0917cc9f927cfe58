"""Pushing jobs: one durable call at a time, and a thousand at once."""

from __future__ import annotations

from collections.abc import Iterator

from bench.figures import Figure, share
from bench.raw import Raw, raw_queue
from bench.stage import stage
from bench.tasks import noop
from bench.timing import in_turns, rate

TURNS = 9
BULK = 1_000


def enqueue(scale: float) -> Iterator[Figure]:
    with stage() as place, raw_queue(place.folder, "full", claims=False) as raw:
        yield single(raw, scale, "enqueue-single", "task.delay(1, 2), on disk; raw: INSERT, FULL")
        what = "task.map of 1,000, on disk; raw: executemany of 1,000, FULL"
        yield bulk(raw, scale, "enqueue-bulk", what, share_of_raw=0.2)


def single(raw: Raw, scale: float, name: str, what: str, *, share_of_raw: float = 0.8) -> Figure:
    """One call after the other, each on disk when it returns."""
    count = max(5, int(300 * scale))
    push(1)  # what only the first pays
    raw.push(1)
    nuvom, beside = in_turns(
        lambda: rate(count, lambda: push(count)), lambda: rate(count, lambda: raw.push(count)), TURNS
    )
    return Figure(name=name, nuvom=nuvom, raw=beside, unit="/s", target=share(share_of_raw), what=what)


def bulk(raw: Raw, scale: float, name: str, what: str, *, share_of_raw: float) -> Figure:
    """A thousand at once."""
    count = BULK * max(1, int(5 * scale))
    nuvom, beside = in_turns(
        lambda: rate(count, lambda: push_bulks(count)), lambda: rate(count, lambda: _push_raw_bulks(raw, count)), TURNS
    )
    return Figure(name=name, nuvom=nuvom, raw=beside, unit="/s", target=share(share_of_raw), what=what)


def push(count: int) -> None:
    """Push jobs by a call each."""
    for _ in range(count):
        noop.delay(1, 2)


def push_bulks(count: int) -> None:
    """Push jobs, a thousand by a call."""
    for _ in range(count // BULK):
        noop.map([(1, 2)] * BULK)


def _push_raw_bulks(raw: Raw, count: int) -> None:
    for _ in range(count // BULK):
        raw.push_many(BULK)

"""Queues: what waits, runs and ended in each, and those of which nothing is claimed for a while."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nuvom._job import JobState, JobStatus
from nuvom.stores.redis.database import Database
from nuvom.stores.rows import moment
from nuvom.stores.values import QueuePause, QueueStats, Throughput

_SLICE = 10_000_000  # microseconds; SLICE of ended.lua
_MINUTE, _HOUR = 60_000_000, 3_600_000_000
_OPEN = ("ready", "delayed", "held", "running")
_SLICES = 60  # that one script adds up: some milliseconds


def counts(database: Database) -> Mapping[JobStatus, int]:
    """Return how many jobs there are of each status."""
    counted = dict.fromkeys(JobStatus, 0)
    queues: dict[bytes, Sequence[bytes]] = {}
    ended: Sequence[bytes] | None = None
    for found, totals in _pages(database, ""):
        ended = totals if ended is None else ended
        queues.update((queue, states) for queue, states, _ in found)
    for states in (*queues.values(), ended or ()):
        for state, number in _numbers(states).items():
            counted[JobState(state).status] += number
    return counted


def stats(database: Database) -> list[QueueStats]:
    """Return each queue that has jobs waiting or running, or is paused."""
    paused = _paused(database)
    found = {queue: QueueStats(queue, 0, 0, 0, 0, None) for queue in paused}
    for page, _ in _pages(database, "oldest"):
        for name, states, oldest in page:
            queue, numbers = name.decode(), _numbers(states)
            if any(numbers.values()):
                ready, delayed, held, running = (numbers.get(state, 0) for state in _OPEN)
                since = moment(int(oldest)) if oldest else None
                found[queue] = QueueStats(queue, ready, delayed, held, running, since)
    return [found[queue]._replace(pause=paused.get(queue)) for queue in sorted(found)]


def pause(database: Database, queue: str, note: str | None) -> bool:
    """Let no claim take anything of a queue from now on; False when it was paused already."""
    return bool(database.write("pause_queue", queue, "" if note is None else f" {note}"))


def resume(database: Database, queue: str) -> bool:
    """Let a queue go on; False when it was not paused."""
    return bool(database.write("resume_queue", queue))


def throughput(database: Database) -> list[Throughput]:
    """Return what ended in each queue lately; see `JobStore.throughput`."""
    now = database.now_us()
    last = now - now % _SLICE
    minute, earliest = last - _MINUTE + _SLICE, last - _HOUR + _SLICE
    recent = _ended(database, minute, last)
    hour = Counter(recent)
    for end in range(minute - _SLICE, earliest - 1, -_SLICES * _SLICE):
        hour.update(_ended(database, max(earliest, end - (_SLICES - 1) * _SLICE), end))
    queues = sorted({what.partition(":")[2] for what in hour})
    return [
        Throughput(
            queue,
            recent[f"succeeded:{queue}"],
            recent[f"failed:{queue}"],
            hour[f"succeeded:{queue}"],
            hour[f"failed:{queue}"],
        )
        for queue in queues
    ]


def _ended(database: Database, first: int, last: int) -> Counter[str]:
    """Return what ended in slices of time, those that begin at `first`, at `last` and between, by `state:queue`."""
    found = database.read("throughput", first, last, _SLICE)
    return Counter({what.decode(): int(number) for what, number in found})


def _pages(database: Database, asked: str) -> Iterator[tuple[Sequence[Any], Sequence[bytes]]]:
    cursor = b"0"
    while True:
        cursor, found, totals = database.read("queue_page", cursor, asked)
        yield found, totals
        if cursor == b"0":
            return


def _numbers(flat: Sequence[bytes]) -> dict[str, int]:
    """Return how many jobs are in each of the states of a hash."""
    return {state.decode(): int(number) for state, number in zip(flat[::2], flat[1::2], strict=True)}


def _paused(database: Database) -> dict[str, QueuePause]:
    flat = database.read("paused_queues")
    found = {}
    for queue, said in zip(flat[::2], flat[1::2], strict=True):
        since, separator, note = said.decode().partition(" ")
        found[queue.decode()] = QueuePause(moment(int(since)), note if separator else None)
    return found

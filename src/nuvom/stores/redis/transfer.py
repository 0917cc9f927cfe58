"""Rows of a Redis server on their way to another store or from one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from nuvom._ids import raw, text
from nuvom.stores.redis.database import Argument, Database
from nuvom.stores.redis.moved_jobs import read_job, write_job
from nuvom.stores.redis.moved_rows import (
    read_fences,
    read_flows,
    read_occurrences,
    read_queues,
    read_schedules,
    read_tasks,
    write_fence,
    write_flow,
    write_occurrence,
    write_queue,
    write_schedule,
    write_task_row,
)
from nuvom.stores.redis.occurrences import read_key, write_key
from nuvom.stores.schedule_rows import UNREADABLE
from nuvom.stores.transfer import Key, Kind, Page, Row

# Where scripts find the keys of a kind, and under which name they return its rows.
_INDEX = {
    Kind.FENCES: "fences",
    Kind.OCCURRENCES: "ledger",
    Kind.TASKS: "tasks",
    Kind.FLOWS: "flows",
    Kind.QUEUES: "paused",
    Kind.JOBS: "jobs",
    Kind.SCHEDULES: "schedule_list",
}
_ROWS = {**_INDEX, Kind.OCCURRENCES: "occurrences", Kind.SCHEDULES: "schedules"}
_COPY: Mapping[Kind, tuple[str, Callable[[Row], Sequence[Argument]]]] = {
    Kind.FENCES: ("copy_fences", write_fence),
    Kind.OCCURRENCES: ("copy_occurrences", write_occurrence),
    Kind.TASKS: ("copy_tasks", write_task_row),
    Kind.FLOWS: ("copy_flows", write_flow),
    Kind.QUEUES: ("copy_queues", write_queue),
    Kind.JOBS: ("copy_jobs", write_job),
    Kind.SCHEDULES: ("copy_schedules", write_schedule),
}
_READ: Mapping[Kind, Callable[[Sequence[Key], Any], list[Row]]] = {
    Kind.FENCES: read_fences,
    Kind.OCCURRENCES: read_occurrences,
    Kind.TASKS: read_tasks,
    Kind.FLOWS: read_flows,
    Kind.QUEUES: read_queues,
    Kind.JOBS: lambda keys, found: [read_job(key, each) for key, each in zip(keys, found, strict=True) if each[0]],
    Kind.SCHEDULES: read_schedules,
}
_PLACE = 12  # digits before the id in the index of jobs


class RedisTransfer:
    """A `nuvom.stores.transfer.Transfer`; the promises are written there."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self) -> Mapping[Kind, int]:
        """Return how many rows of each kind there are."""
        return dict(zip(Kind, self._database.read("count_all"), strict=True))

    def keys(self, kind: Kind, after: object | None, limit: int) -> Page:
        """Return the keys of the next rows, and the place after them."""
        place = after if isinstance(after, bytes) else b""
        found, following = self._database.read("moving_keys", _INDEX[kind], place, limit)
        return Page([_key(kind, each) for each in found], following or None)

    def rows(self, kind: Kind, keys: Sequence[Key]) -> list[Row]:
        """Return those of these rows that are there."""
        if not keys:
            return []
        found = self._database.read("moving_rows", _ROWS[kind], *(_word(kind, key) for key in keys))
        try:
            return _READ[kind](keys, found)
        except UNREADABLE as error:
            raise ValueError(f"a row of {kind.value} does not decode: {error}") from error

    def write(self, kind: Kind, rows: Sequence[Row]) -> int:
        """Store rows as they are; returns how many were new."""
        script, told = _COPY[kind]
        try:
            words = [word for row in rows for word in told(row)]
        except UNREADABLE as error:
            raise ValueError(f"it does not decode: {error}") from error
        if not words:
            return 0
        answer = self._database.write(script, *words)
        if isinstance(answer, list):
            taken, owner = (each.decode() for each in answer)
            raise ValueError(f"the name of schedule {taken} belongs to schedule {owner}")
        return int(answer)

    def settle(self, keys: Sequence[str], flows: Sequence[str]) -> None:
        """Let jobs go on that nobody holds back, and wake services."""
        self._database.write("settle_copied", orjson.dumps(list(keys)), orjson.dumps(list(flows)))


def _key(kind: Kind, word: bytes) -> Key:
    match kind:
        case Kind.OCCURRENCES:
            schedule_id, nominal, source = read_key(word)
            return raw(schedule_id), nominal, source
        case Kind.FENCES | Kind.SCHEDULES:
            return (raw(word.decode()),)
        case Kind.JOBS:
            return (raw(word[_PLACE:].decode()),)
        case Kind.FLOWS:
            return (word.partition(b"\0")[2].decode(),)
        case _:
            return (word.decode(),)


def _word(kind: Kind, key: Key) -> str:
    match kind:
        case Kind.OCCURRENCES:
            schedule_id, nominal, source = key
            return write_key(text(schedule_id), nominal, source)
        case _:
            return text(key[0]) if isinstance(key[0], bytes) else str(key[0])

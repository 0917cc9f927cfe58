"""Rows of a SQLite database on their way to another store or from one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from nuvom.stores import schedule_rows
from nuvom.stores.sqlite.database import Database
from nuvom.stores.sqlite.endings import Endings
from nuvom.stores.sqlite.fetching import fetch
from nuvom.stores.sqlite.statements import load
from nuvom.stores.transfer import AttemptRow, FenceRow, JobRow, Key, Kind, Page, Row


class _Statements(NamedTuple):
    """Names of the files for a kind, and what is before the first of its keys."""

    keys: str
    whole: str
    copy: str
    start: Key


_STATEMENTS = {
    Kind.FENCES: _Statements("fence_keys", "whole_fence", "copy_fence", (b"",)),
    Kind.OCCURRENCES: _Statements("occurrence_keys", "whole_occurrence", "copy_occurrence", (b"", 0, "")),
    Kind.TASKS: _Statements("task_keys", "whole_task", "copy_task", ("",)),
    Kind.FLOWS: _Statements("flow_keys", "whole_flow", "copy_flow", ("",)),
    Kind.QUEUES: _Statements("queue_keys", "whole_queue", "copy_queue", ("",)),
    Kind.JOBS: _Statements("job_keys", "whole_job", "copy_job", (0,)),
    Kind.SCHEDULES: _Statements("schedule_keys", "get_schedule", "copy_schedule", (0,)),
}
_JOB, _UNTOLD = len(JobRow._fields) - 2, JobRow._fields.index("untold")
_ATTEMPT = JobRow._fields.index("attempt")
_DEFINITION = FenceRow._fields.index("definition")
_JSON_TEXT = [  # what a schedule keeps as text here
    schedule_rows.COLUMNS.index(column) for column in ("options", "defaults", "metadata", "unknown", "overridden")
]


class SqliteTransfer:
    """A `nuvom.stores.transfer.Transfer`; the promises are written there."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self) -> Mapping[Kind, int]:
        """Return how many rows of each kind there are."""
        with self._database.read() as connection:
            return dict(zip(Kind, connection.execute(load("count_all")).fetchone(), strict=True))

    def keys(self, kind: Kind, after: object | None, limit: int) -> Page:
        """Return the keys of the next rows, and the place after them."""
        statements = _STATEMENTS[kind]
        place = after if isinstance(after, tuple) else statements.start
        with self._database.read() as connection:
            rows = fetch(connection, load(statements.keys), (*place, limit))
        if kind in (Kind.JOBS, Kind.SCHEDULES):  # by their place, which is none of their keys
            return Page([row[1:] for row in rows], rows[-1][:1] if len(rows) == limit else None)
        return Page(rows, rows[-1] if len(rows) == limit else None)

    def rows(self, kind: Kind, keys: Sequence[Key]) -> list[Row]:
        """Return those of these rows that are there."""
        statement = load(_STATEMENTS[kind].whole)
        with self._database.read() as connection:
            found = [row for key in keys for row in fetch(connection, statement, key)]
            match kind:
                case Kind.JOBS:
                    return [_whole(connection, row) for row in found]
                case Kind.FENCES:
                    return [_encoded(row, [_DEFINITION]) for row in found]
                case Kind.SCHEDULES:
                    return [_encoded(row, _JSON_TEXT) for row in found]
                case _:
                    return found

    def write(self, kind: Kind, rows: Sequence[Row]) -> int:
        """Store rows as they are; returns how many were new."""
        with self._database.write(durable=True) as connection:
            match kind:
                case Kind.JOBS:
                    return sum(_copy_job(connection, row) for row in rows)
                case Kind.FENCES:
                    return _copied(connection, kind, (_decoded(row, [_DEFINITION]) for row in rows))
                case Kind.SCHEDULES:
                    return _copied(connection, kind, (_decoded(row, _JSON_TEXT) for row in rows))
                case _:
                    return _copied(connection, kind, rows)

    def settle(self, keys: Sequence[str], flows: Sequence[str]) -> None:
        """Let jobs go on that nobody holds back, and wake services."""
        endings = Endings()
        for key in keys:
            endings.left(key)
        for flow in flows:
            endings.moved(flow)
        with self._database.write(durable=True) as connection:
            endings.apply(connection, self._database.now_us())
        self._database.wake("worker")
        self._database.wake("scheduler")


def _whole(connection: sqlite3.Connection, row: Row) -> Row:
    """Return a job's row with its history."""
    attempts = fetch(connection, load("attempts"), {"id": row[0]}) if row[_ATTEMPT] else ()
    return (*row, tuple(AttemptRow(*attempt) for attempt in attempts))


def _copied(connection: sqlite3.Connection, kind: Kind, rows: Iterable[Row]) -> int:
    return connection.executemany(load(_STATEMENTS[kind].copy), rows).rowcount


def _copy_job(connection: sqlite3.Connection, row: Row) -> bool:
    inserted = connection.execute(load("copy_job"), row[:_JOB])
    if inserted.rowcount == 0:
        return False
    place = inserted.lastrowid
    connection.executemany(load("copy_attempt"), ((place, *attempt) for attempt in row[-1]))
    if row[_UNTOLD]:
        connection.execute(load("insert_untold"), (place,))
    return True


def _encoded(row: Row, places: Iterable[int]) -> Row:
    return _mapped(row, places, lambda value: value.encode() if isinstance(value, str) else value)


def _decoded(row: Row, places: Iterable[int]) -> Row:
    return _mapped(row, places, lambda value: value.decode() if isinstance(value, bytes) else value)


def _mapped(row: Row, places: Iterable[int], change: Any) -> Row:
    values = list(row)
    for place in places:
        values[place] = change(values[place])
    return tuple(values)

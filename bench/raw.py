"""The raw engine: Python's sqlite3, a table of five columns with an integer key, WAL, nothing else."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal, Protocol

BATCH = 100

_TABLE = "CREATE TABLE jobs (id INTEGER PRIMARY KEY, task TEXT, arguments BLOB, state INTEGER NOT NULL, result BLOB)"
_READY = "CREATE INDEX ready ON jobs (id) WHERE state = 0"  # without it a claim would read all that is finished
_INSERT = "INSERT INTO jobs VALUES (?, ?, ?, ?, ?)"
_CLAIM = """
    UPDATE jobs SET state = 1 WHERE id IN (SELECT id FROM jobs WHERE state = 0 ORDER BY id LIMIT ?)
    RETURNING id, task, arguments
"""
_FINISH = "UPDATE jobs SET state = 2, result = ? WHERE id = ?"
_ROW = (None, "bench.noop", b"[[1,2],{}]", 0, None)


class Raw(Protocol):
    """What an engine without any logic of a queue does."""

    def push(self, count: int) -> None:
        """Insert rows, each in a transaction of its own."""

    def push_many(self, count: int) -> None:
        """Insert rows in one transaction."""

    def drain(self) -> None:
        """Claim 100 and finish 100 with a result each, until nothing is left."""


class RawQueue:
    """The same of SQLite, a `Raw`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def push(self, count: int) -> None:
        for _ in range(count):
            self._connection.execute(_INSERT, _ROW)

    def push_many(self, count: int) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(_INSERT, [_ROW] * count)
        self._connection.execute("COMMIT")

    def drain(self) -> None:
        execute = self._connection.execute
        while True:
            execute("BEGIN IMMEDIATE")
            rows = execute(_CLAIM, (BATCH,)).fetchall()
            execute("COMMIT")
            if not rows:
                return
            execute("BEGIN IMMEDIATE")
            self._connection.executemany(_FINISH, [(b"1", row[0]) for row in rows])
            execute("COMMIT")


@contextmanager
def raw_queue(folder: Path, synchronous: Literal["full", "normal"], *, claims: bool) -> Iterator[RawQueue]:
    """Open an empty queue in a file of its own; `claims` is whether it must find what is ready."""
    with closing(connect(folder / f"raw-{synchronous}.db", synchronous)) as connection:
        connection.execute(_TABLE)
        if claims:
            connection.execute(_READY)
        yield RawQueue(connection)


def connect(path: Path, synchronous: Literal["full", "normal"]) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    return connection

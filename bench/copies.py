"""Many rows fast: one that came in through the public face, copied by a statement."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

RANDOM_ID = "randomblob(16)"

_CACHE_KIB = 400_000


def copy(path: Path, table: str, seq: int, count: int, changes: Mapping[str, str]) -> None:
    """Insert copies of the row `seq`, with some columns computed from `n` and from the row itself.

    Args:
        path: the store's file.
        table: `jobs` or `schedules`.
        seq: which row.
        count: how many copies, at least one.
        changes: SQL by column.
    """
    with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})") if row[1] != "seq"]
        values = [changes.get(column, column) for column in columns]
        connection.execute(
            f"""
            WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < ?)
            INSERT INTO {table} ({", ".join(columns)})
            SELECT {", ".join(values)} FROM counted CROSS JOIN {table} WHERE seq = ?
            """,
            (count, seq),
        )
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

"""What the database says of the jobs of a peer on PostgreSQL."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import psycopg


def told_by(url: str, sql: str) -> Callable[[], Awaitable[bool]]:
    """Return what asks a database by SQL whether the outcome of every job is stored."""

    async def told() -> bool:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as look:
            return await (await look.execute(sql)).fetchone() == (True,)

    return told

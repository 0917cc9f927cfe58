"""Where a bench on PostgreSQL takes place: a server with default durability, and a fresh schema for each stage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from uuid import uuid4

import psycopg
from psycopg import sql

from bench.stage import Stage, stage
from nuvom.stores.postgres.address import parse
from nuvom.stores.registry import open_store
from tests.servers import GIVEN, Server, drop_schema, with_parameters

RANDOM_ID = "gen_random_uuid()"

_SETTINGS = {"shared_buffers": "256MB", "max_connections": "200", "max_wal_size": "4GB"}


@contextmanager
def serving() -> Iterator[str]:
    """Give the URL of the server that NUVOM_TEST_POSTGRES_URL names, or of one from a wheel."""
    if GIVEN:
        yield GIVEN
        return
    server = Server(**_SETTINGS)
    try:
        yield server.url
    finally:
        server.remove()


@contextmanager
def schema(server: str) -> Iterator[str]:
    """Give the URL of a fresh, migrated store on a server."""
    name = f"bench_{uuid4().hex[:12]}"
    url = with_parameters(server, schema=name)
    try:
        with closing(open_store(url)) as store:
            store.migrate()
        yield url
    finally:
        drop_schema(server, name)


@contextmanager
def server_stage(server: str) -> Iterator[Stage]:
    """Set up a stage in a fresh schema."""
    with schema(server) as url, stage(url) as place:
        yield place


@contextmanager
def look(url: str) -> Iterator[psycopg.Connection]:
    """Open a connection in whose statements the store's tables need no schema."""
    address = parse(url)
    with closing(psycopg.connect(address.conninfo, autocommit=True)) as connection:
        connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(address.schema)))
        yield connection


def copy(url: str, table: str, seq: int, count: int, changes: Mapping[str, str]) -> None:
    """Insert copies of the row `seq`, with some columns computed from `n` and from the row itself.

    Args:
        url: the store's.
        table: `jobs` or `schedules`.
        seq: which row.
        count: how many copies.
        changes: SQL by column.
    """
    with look(url) as connection:
        found = connection.execute(
            "SELECT attname FROM pg_attribute "
            "WHERE attrelid = %s::regclass AND attnum > 0 AND attname <> 'seq' ORDER BY attnum",
            (table,),
        ).fetchall()
        values = ", ".join(changes.get(name, name) for (name,) in found)
        names = ", ".join(name for (name,) in found)
        connection.execute("SET synchronous_commit TO off")
        connection.execute(
            f"INSERT INTO {table} ({names}) SELECT {values} FROM generate_series(1, %s) AS n, {table} WHERE seq = %s",
            (count, seq),
        )

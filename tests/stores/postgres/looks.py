"""What tests see of a PostgreSQL store behind its back: plans, and rows that no release of it would write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

import psycopg
from psycopg import RawCursor

from nuvom.stores.postgres.connections import SESSION
from nuvom.stores.postgres.statements import load


@contextmanager
def behind(url: str) -> Iterator[psycopg.Connection[Any]]:
    """Give a connection of the test's own, in autocommit, whose search_path is the store's schema."""
    parts = urlsplit(url)
    said = parse_qs(parts.query)
    [schema] = said.pop("schema")
    query = "&".join(f"{name}={values[0]}" for name, values in said.items())
    with closing(psycopg.connect(urlunsplit(parts._replace(query=query)), autocommit=True)) as connection:
        connection.execute(f'SET search_path TO "{schema}"'.encode())
        yield connection


def plan_of(url: str, statement: str, parameters: Mapping[str, object] | Sequence[object]) -> str:
    """Return how the server would run a statement in a session of the store."""
    [schema] = parse_qs(urlsplit(url).query)["schema"]
    loaded = load(statement, f'"{schema}"')
    values = [parameters[name] for name in loaded.names] if isinstance(parameters, Mapping) else parameters
    with behind(url) as connection:
        for setting in SESSION:
            connection.execute(f"SET {setting}".encode())
        rows = RawCursor(connection).execute(b"EXPLAIN " + loaded.sql, values).fetchall()
    return "\n".join(line for (line,) in rows)

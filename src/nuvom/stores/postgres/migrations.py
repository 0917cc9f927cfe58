"""The schema's numbered steps, applied under an advisory lock, all that are missing in one transaction."""

from __future__ import annotations

from typing import Any, NamedTuple

import psycopg

from nuvom.errors import SchemaTooNew, StoreUnusable
from nuvom.stores.postgres.address import Address, parse
from nuvom.stores.postgres.statements import in_schema, source
from nuvom.stores.values import Pending


class Migration(NamedTuple):
    """One step. A release whose own version is below `compatible_from` cannot work on a schema that has it."""

    version: int
    name: str
    compatible_from: int


MIGRATIONS = (
    Migration(1, "0001_core", compatible_from=1),
    Migration(2, "0002_fences", compatible_from=1),
)
VERSION = MIGRATIONS[-1].version

_Connection = psycopg.Connection[Any]


def stored_version(connection: _Connection, schema: str) -> tuple[int, int]:
    """Return the schema's version and which release can still work on it; (0, 0) where there is none.

    Args:
        connection: to the database, in a transaction or not.
        schema: as SQL writes it.
    """
    table = connection.execute("SELECT pg_catalog.to_regclass(%s)", (f"{schema}.migrations",)).fetchone()
    if table is None or table[0] is None:
        return 0, 0
    versions = in_schema("SELECT max(version), max(compatible_from) FROM nuvom.migrations", schema)
    version, compatible_from = connection.execute(versions.encode()).fetchone() or (None, None)
    return version or 0, compatible_from or 0


def check(connection: _Connection, schema: str, location: str) -> None:
    """Refuse a schema that lacks something, or that is too far ahead.

    Raises:
        StoreUnusable: `nuvom migrate` has not been run.
        SchemaTooNew: it was run by a release that this one cannot work beside.
    """
    version, compatible_from = stored_version(connection, schema)
    _refuse_newer(version, compatible_from, location)
    if version < VERSION:
        lacks = f"has schema {version} of {VERSION}" if version else f"has no tables of Nuvom in the schema {schema}"
        raise StoreUnusable(f"{location} {lacks}: run `nuvom migrate`")


def missing(version: int) -> list[Migration]:
    """Return the steps that a schema of this version lacks."""
    return [migration for migration in MIGRATIONS if migration.version > version]


def migrate(connection: _Connection, address: Address, lock_class: int) -> list[str]:
    """Apply what is missing in one transaction, one process at a time; returns the names of what was applied."""
    version, compatible_from = stored_version(connection, address.quoted)
    _refuse_newer(version, compatible_from, address.url)
    if not missing(version):
        return []
    with connection.transaction():
        # By a role's own isolation what is read after the lock might be what was there before it.
        connection.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        connection.execute("SELECT pg_catalog.pg_advisory_xact_lock(%s::int, -1)", (lock_class,))
        if not _has_schema(connection, address.schema):  # CREATE … IF NOT EXISTS needs the right to, even where it is
            connection.execute(f"CREATE SCHEMA {address.quoted}".encode())
        version, _ = stored_version(connection, address.quoted)  # again: another process may have held the lock
        steps = missing(version)
        for step in steps:
            connection.execute(sql_of(step, address.quoted).encode())
    return [step.name for step in steps]


def pending(connection: _Connection, address: Address, lock_class: int) -> Pending:
    """Return what `migrate` would apply; raises SchemaTooNew as it does."""
    version, compatible_from = stored_version(connection, address.quoted)
    _refuse_newer(version, compatible_from, address.url)
    steps = missing(version)
    if not steps:
        return Pending([], f"-- {address.url} lacks nothing.\n")
    made = "" if _has_schema(connection, address.schema) else f"CREATE SCHEMA {address.quoted};\n"
    body = "\n".join(sql_of(step, address.quoted) for step in steps)
    lock = f"SELECT pg_catalog.pg_advisory_xact_lock({lock_class}, -1);\n"
    return Pending([step.name for step in steps], f"BEGIN;\n{lock}{made}\n{body}\nCOMMIT;\n")


def drop(url: str) -> None:
    """Remove a schema that was made for a moment, and all in it; nothing where there is none."""
    address = parse(url)
    with psycopg.connect(address.conninfo, autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {address.quoted} CASCADE".encode())


def sql_of(step: Migration, schema: str) -> str:
    """Return all that a step does, as somebody else may run it: with the note that it was applied."""
    values = f"VALUES ({step.version}, {step.compatible_from}, '{step.name}');"
    note = f"INSERT INTO nuvom.migrations (version, compatible_from, name) {values}"
    return in_schema(f"{source('migrations', step.name)}\n{note}\n", schema)


def _has_schema(connection: _Connection, name: str) -> bool:
    found = connection.execute("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = %s", (name,)).fetchone()
    return found is not None


def _refuse_newer(version: int, compatible_from: int, location: str) -> None:
    if compatible_from > VERSION:
        raise SchemaTooNew(
            f"{location} has schema {version}, which needs a release with schema {compatible_from} or later; "
            f"this one has {VERSION}: upgrade nuvom here"
        )

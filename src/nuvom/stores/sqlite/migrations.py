"""The schema's numbered steps: whoever opens a file first applies what it lacks, in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime
from importlib.resources import files
from typing import NamedTuple

from nuvom._clock import to_us
from nuvom.errors import SchemaTooNew
from nuvom.stores.sqlite.statements import load


class Migration(NamedTuple):
    """One step. A release whose own version is below `compatible_from` cannot work on a file that has it."""

    version: int
    name: str
    compatible_from: int


MIGRATIONS = (
    Migration(1, "0001_core", compatible_from=1),
    Migration(2, "0002_policies", compatible_from=2),  # a scheduler that does not know a policy would break it
    Migration(3, "0003_limits", compatible_from=3),  # a worker that does not know a limit would break it
)
VERSION = MIGRATIONS[-1].version


def stored_version(connection: sqlite3.Connection) -> int:
    """Return the schema's version in a file, 0 for a new one."""
    return _state(connection)[0]


def is_current(connection: sqlite3.Connection, location: str) -> bool:
    """Tell whether a file lacks nothing that this release needs; raises SchemaTooNew where it is too far ahead."""
    version, compatible_from = _state(connection)
    if compatible_from > VERSION:
        raise SchemaTooNew(
            f"{location} has schema {version}, which needs a release with schema {compatible_from} or later; "
            f"this one has {VERSION}: upgrade nuvom here"
        )
    return version >= VERSION


def migrate(connection: sqlite3.Connection, location: str, now: datetime) -> list[str]:
    """Apply what is missing, inside the caller's write transaction; returns the names of what was applied."""
    if is_current(connection, location):
        return []
    connection.execute(load("create_migrations"))
    version, _ = _state(connection)
    missing = [migration for migration in MIGRATIONS if migration.version > version]
    for migration in missing:
        for statement in _statements(migration.name):
            connection.execute(statement)
        connection.execute(load("insert_migration"), {**migration._asdict(), "applied_at": to_us(now)})
    return [migration.name for migration in missing]


def _state(connection: sqlite3.Connection) -> tuple[int, int]:
    if connection.execute(load("has_migrations")).fetchone() is None:
        return 0, 0
    version, compatible_from = connection.execute(load("schema_version")).fetchone()
    return version, compatible_from


def _statements(name: str) -> Iterator[str]:
    # One by one: executescript() commits what is open, and all of a migration is to be one transaction.
    source = files("nuvom.stores.sqlite").joinpath("migrations", f"{name}.sql").read_text(encoding="utf-8")
    statement = ""
    for line in source.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""

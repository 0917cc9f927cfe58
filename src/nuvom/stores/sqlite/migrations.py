"""The schema's numbered steps: whoever opens a file first applies what it lacks, in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from nuvom._clock import to_us
from nuvom.errors import SchemaTooNew
from nuvom.stores.sqlite.failures import translated
from nuvom.stores.sqlite.statements import load
from nuvom.stores.values import Pending


class Migration(NamedTuple):
    """One step. A release whose own version is below `compatible_from` cannot work on a file that has it."""

    version: int
    name: str
    compatible_from: int


MIGRATIONS = (
    Migration(1, "0001_core", compatible_from=1),
    Migration(2, "0002_policies", compatible_from=2),  # a scheduler that does not know a policy would break it
    Migration(3, "0003_limits", compatible_from=3),  # a worker that does not know a limit would break it
    Migration(4, "0004_fences", compatible_from=3),
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
    missing = _missing(version)
    for migration in missing:
        for statement in _statements(migration.name):
            connection.execute(statement)
        connection.execute(load("insert_migration"), {**migration._asdict(), "applied_at": to_us(now)})
    return [migration.name for migration in missing]


def pending(path: Path | None) -> Pending:
    """Return what a first use of a file would apply to it; only looks, also where there is no file.

    Args:
        path: the file; None for a database in memory, which lacks nothing when it is used.
    """
    version = VERSION if path is None else _version_of(path)
    steps = _missing(version)
    if not steps:
        return Pending([], f"-- {path or 'a database in memory'} lacks nothing.\n")
    body = "\n".join(map(_sql_of, steps))
    script = f"BEGIN IMMEDIATE;\n{load('create_migrations')};\n\n{body}\nCOMMIT;\n"
    return Pending([step.name for step in steps], script)


def _version_of(path: Path) -> int:
    if not path.exists():
        return 0
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            is_current(connection, str(path))
            return stored_version(connection)
    except sqlite3.Error as error:
        raise translated(error, str(path)) from error


def _missing(version: int) -> list[Migration]:
    return [migration for migration in MIGRATIONS if migration.version > version]


def _sql_of(step: Migration) -> str:
    values = f"VALUES ({step.version}, {step.compatible_from}, '{step.name}', unixepoch() * 1000000);"
    return f"{_source(step.name)}\nINSERT INTO migrations (version, compatible_from, name, applied_at) {values}\n"


def _source(name: str) -> str:
    return files("nuvom.stores.sqlite").joinpath("migrations", f"{name}.sql").read_text(encoding="utf-8")


def _state(connection: sqlite3.Connection) -> tuple[int, int]:
    if connection.execute(load("has_migrations")).fetchone() is None:
        return 0, 0
    version, compatible_from = connection.execute(load("schema_version")).fetchone()
    return version, compatible_from


def _statements(name: str) -> Iterator[str]:
    # One by one: executescript() commits what is open, and all of a migration is to be one transaction.
    statement = ""
    for line in _source(name).splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""

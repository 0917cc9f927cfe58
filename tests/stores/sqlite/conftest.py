"""A SQLite store on a file of each test's own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from nuvom.stores.registry import open_store
from nuvom.stores.sqlite.store import SqliteStore
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.harness import START


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store's file is, or is to be."""
    return tmp_path / "nuvom.db"


@pytest.fixture
def clock() -> VirtualClock:
    """The store's clock."""
    return VirtualClock(START)


@pytest.fixture
def store(path: Path, clock: VirtualClock) -> Iterator[SqliteStore]:
    """A migrated store."""
    opened = open_store(f"sqlite:///{path}", clock=clock)
    assert isinstance(opened, SqliteStore)
    with closing(opened):
        opened.migrate()
        yield opened


@pytest.fixture
def file(path: Path, store: SqliteStore) -> Iterator[sqlite3.Connection]:
    """Another process's connection to the same file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection

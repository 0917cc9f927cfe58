"""A SQLite store on a file of each test's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nuvom.stores.registry import open_store
from nuvom.stores.sqlite.store import SqliteStore
from nuvom.testing.clock import VirtualClock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store's file is, or is to be."""
    return tmp_path / "nuvom.db"


@pytest.fixture
def clock() -> VirtualClock:
    """The store's clock."""
    return VirtualClock(datetime(2026, 3, 1, 12, tzinfo=UTC))


@pytest.fixture
def store(path: Path, clock: VirtualClock) -> Iterator[SqliteStore]:
    """A migrated store."""
    opened = open_store(f"sqlite:///{path}", clock=clock)
    assert isinstance(opened, SqliteStore)
    with closing(opened):
        opened.migrate()
        yield opened

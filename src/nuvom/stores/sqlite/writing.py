"""A write transaction as a context."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from nuvom.stores.sqlite.database import Database

Role = Literal["full", "normal", "reader"]


class Writing(AbstractContextManager[sqlite3.Connection]):
    """A write transaction as a context; a generator would do, and cost each commit some microseconds."""

    __slots__ = ("_connection", "_database", "_role")

    def __init__(self, database: Database, role: Role) -> None:
        self._database = database
        self._role: Role = role

    def __enter__(self) -> sqlite3.Connection:
        self._connection = self._database.begin(self._role)
        return self._connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.end(self._connection, error)

"""A caller's transaction on a connection of theirs to the same file: the store's statements in it, not its end."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nuvom.stores.lent import Lent, autocommits, file_of, refuse, refuse_asynchronous
from nuvom.stores.sqlite.failures import translated

_LEGACY = -1  # sqlite3.LEGACY_TRANSACTION_CONTROL, since Python 3.12


class Apart:
    """A block of a store that nobody's connection can lead to."""

    asynchronous = False

    def check(self) -> None:
        """Take any connection."""


class Theirs:
    """A caller's connection for the length of a block.

    Args:
        given: the connection.
        path: the store's file.
        url: the store's.
    """

    asynchronous = False

    def __init__(self, given: Lent, path: Path, url: str) -> None:
        if given.asynchronous:
            refuse_asynchronous(given, url)
        self._given = given
        self._path = path
        self._url = url

    def check(self) -> None:
        """Refuse a connection to another database, or one that would commit by itself.

        Raises:
            ValueError: it is to another file; both are named.
            TypeError: its kind is unknown.
            RuntimeError: it is in autocommit, and no transaction is open.
        """
        self._begun(self._connection())

    @property
    def in_transaction(self) -> bool:
        """Whether there may be something that only this connection sees."""
        return self._connection().in_transaction

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Give the connection inside a savepoint, so that what fails halfway leaves nothing."""
        connection = self._connection()
        with self._as_ours(connection, str):
            self._begin(connection)
            connection.execute("SAVEPOINT nuvom")
            try:
                yield connection
            except BaseException:
                with suppress(sqlite3.Error):  # what failed may have rolled back all of it
                    connection.execute("ROLLBACK TO nuvom")
                    connection.execute("RELEASE nuvom")
                raise
            connection.execute("RELEASE nuvom")

    @contextmanager
    def read(self, text: Callable[[bytes], object]) -> Iterator[sqlite3.Connection]:
        """Give the connection to read what it wrote and nobody else sees yet.

        Args:
            text: how text is decoded.
        """
        connection = self._connection()
        with self._as_ours(connection, text):
            yield connection

    def _connection(self) -> sqlite3.Connection:
        driver = self._given.driver()
        if not isinstance(driver, sqlite3.Connection) or not self._is_file(file_of(driver)):
            refuse(driver, self._url)
        return driver

    def _is_file(self, name: str) -> bool:
        with suppress(OSError):
            return bool(name) and self._path.samefile(name)
        return False

    def _begin(self, connection: sqlite3.Connection) -> None:
        """Begin as the connection's own first INSERT would, but for a writer, who cannot begin by reading."""
        self._begun(connection)
        if not connection.in_transaction:
            connection.execute("BEGIN IMMEDIATE")

    def _begun(self, connection: sqlite3.Connection) -> None:
        mode: int = getattr(connection, "autocommit", _LEGACY)
        begins = connection.isolation_level is not None if mode == _LEGACY else not mode
        if not begins and not connection.in_transaction:
            raise autocommits(self._given.remedy)

    @contextmanager
    def _as_ours(self, connection: sqlite3.Connection, text: Callable[[bytes], object]) -> Iterator[None]:
        """Read rows as the store does meanwhile, and as the caller does afterwards."""
        kept = connection.row_factory, connection.text_factory
        connection.row_factory, connection.text_factory = None, text
        try:
            yield
        except sqlite3.Error as error:
            raise translated(error, str(self._path)) from error
        finally:
            connection.row_factory, connection.text_factory = kept

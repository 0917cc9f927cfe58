"""A caller's transaction on a connection of theirs: the store's statements in it, not its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, TypeVar, cast
from weakref import WeakSet

import psycopg
from psycopg import AsyncRawCursor, RawCursor, pq
from psycopg.adapt import AdaptersMap
from psycopg.rows import tuple_row

from nuvom import _joined
from nuvom.errors import StoreError
from nuvom.stores.lent import Lent, autocommits, refuse
from nuvom.stores.postgres.adapters import adapt
from nuvom.stores.postgres.database import NOW, Database, Row, Session
from nuvom.stores.postgres.failures import translated

_T = TypeVar("_T")
_ADAPTERS = AdaptersMap(psycopg.adapters)
adapt(_ADAPTERS)
_Connection = psycopg.Connection[Any] | psycopg.AsyncConnection[Any]

# What no other database answers: when its server started, to the microsecond, and how it is called there. Seconds since
# 1970, because a time as text is in the zone and the style that a connection has set (Django sets its own zone).
_PLACE = b"SELECT extract(epoch FROM pg_catalog.pg_postmaster_start_time()), pg_catalog.current_database()::text"
# The clock comes with the savepoint, in one round trip.
_BEGIN = f"SAVEPOINT nuvom; SELECT {NOW}".encode()
_END = b"RELEASE SAVEPOINT nuvom"
_UNDO = b"ROLLBACK TO SAVEPOINT nuvom; RELEASE SAVEPOINT nuvom"


class Home:
    """Which database the store is in, as its server says it, and the connections that are known to lead there."""

    def __init__(self, database: Database) -> None:
        self.known: WeakSet[_Connection] = WeakSet()
        self._database = database
        self._place: Row | None = None

    def is_at(self, place: Row) -> bool:
        """Tell whether a connection to this place leads to the store's database."""
        if self._place != place:  # not asked yet, or the server was started anew
            self._place = self._database.apart(lambda session: session.cursor.execute(_PLACE).fetchone())
        return self._place == place


class Theirs:
    """A caller's connection for the length of a block.

    Nothing is repeated in it: what the server rolled back was the caller's, too. Where several statements belong
    together they stand in a savepoint, so that what fails halfway leaves nothing. A single one needs none: after its
    failure the transaction is as after one of the caller's own, and its round trips are spared.

    Args:
        given: the connection.
        database: the store's.
        home: where that is.
    """

    def __init__(self, given: Lent, database: Database, home: Home) -> None:
        self.asynchronous: bool = given.asynchronous
        self._given = given
        self._database = database
        self._home = home
        self._loop = _running_loop()
        if self.asynchronous and self._loop is None:
            raise RuntimeError("this connection belongs to an event loop, and none is running here: use it in there")

    def check(self) -> None:
        """Refuse a connection to another database, or one that would commit by itself.

        Raises:
            ValueError: it is to another database; both are named.
            TypeError: its kind is unknown.
            RuntimeError: it is in autocommit, and no transaction is open.
        """
        self._cursor()

    def write(self, work: Callable[[Session], _T]) -> _T:
        """Run `work` in a savepoint and return what it returns."""
        return self._translating(lambda: self._in_savepoint(work))

    def single(self, work: Callable[[Session], _T]) -> _T:
        """Run `work`, which is one statement, or some that change nothing."""
        return self._translating(lambda: work(self._session(self._cursor(), None)))

    @property
    def in_transaction(self) -> bool:
        """Whether there may be something that only this connection sees."""
        return self._cursor().connection.info.transaction_status != pq.TransactionStatus.IDLE

    def _in_savepoint(self, work: Callable[[Session], _T]) -> _T:
        cursor = self._cursor()
        ((now_us,),) = cursor.execute(_BEGIN).fetchall()
        given = self._database.given_now
        try:
            result = work(self._session(cursor, now_us if given is None else given))
        except BaseException:
            with suppress(psycopg.Error, StoreError):  # the first failure says more
                cursor.execute(_UNDO)
            raise
        cursor.execute(_END)
        return result

    def _session(self, cursor: _Cursor, now_us: int | None) -> Session:
        return Session(cast("RawCursor[Row]", cursor), self._database, now_us)

    def _translating(self, call: Callable[[], _T]) -> _T:
        try:
            return call()
        except psycopg.Error as error:
            raise translated(error, self._database.address.url) from error

    def _cursor(self) -> _Cursor:
        found = self._given.driver()
        connection = self._on_loop(found) if asyncio.iscoroutine(found) else found
        kind = psycopg.AsyncConnection if self.asynchronous else psycopg.Connection
        if not isinstance(connection, kind):
            refuse(connection, self._database.address.url)
        if connection.autocommit and connection.info.transaction_status == pq.TransactionStatus.IDLE:
            raise autocommits(self._given.remedy)
        if connection.pgconn.pipeline_status != pq.PipelineStatus.OFF:
            raise RuntimeError("this connection is in a pipeline, where no answer comes in time; leave it first")
        cursor = _Cursor(connection, self._on_loop if self.asynchronous else None)
        if connection not in self._home.known:
            (found,) = self._translating(lambda: cursor.execute(_PLACE).fetchall())
            if not self._home.is_at(found):
                refuse(connection, self._database.address.url)
            self._home.known.add(connection)
        return cursor

    def _on_loop(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine on the connection's loop, from the thread in which the store works."""
        loop = self._loop
        if loop is None or _running_loop() is loop:
            coroutine.close()
            raise RuntimeError(
                "the transaction that is open here is asynchronous, and this call would block its event loop: "
                "await the call's twin, such as task.adelay() for task.delay()"
            )
        return asyncio.run_coroutine_threadsafe(_unless_left(_joined.place(), coroutine), loop).result()


class _Raw(RawCursor[Row]):
    """A cursor by which values cross as they do on the store's own connections."""

    @property
    def adapters(self) -> AdaptersMap:
        """Those of the store."""
        return _ADAPTERS


class _AsyncRaw(AsyncRawCursor[Row]):
    """The same on an asynchronous connection."""

    @property
    def adapters(self) -> AdaptersMap:
        """Those of the store."""
        return _ADAPTERS


class _Cursor:
    """Statements on a caller's connection of either kind: rows are tuples, whatever the caller's factories make."""

    def __init__(self, connection: _Connection, on_loop: Callable[[Coroutine[Any, Any, Any]], Any] | None) -> None:
        self.connection = connection
        self.rowcount: int = -1
        self._on_loop = on_loop
        self._rows: list[Row] = []
        self._own: Any = (_Raw if on_loop is None else _AsyncRaw)(cast("Any", connection), row_factory=tuple_row)

    def execute(self, query: bytes, parameters: Sequence[object] | None = None, *, binary: bool = False) -> _Cursor:
        """Run SQL, and take the rows of the last statement."""
        if self._on_loop is not None:
            self._rows = self._on_loop(self._executed(query, parameters, binary=binary))
        else:
            self._own.execute(query, parameters, binary=binary)
            self._to_last()
            self._rows = self._own.fetchall() if self._own.description else []
        self.rowcount = self._own.rowcount
        return self

    def fetchall(self) -> list[Row]:
        """Return the rows that were not fetched yet."""
        rows, self._rows = self._rows, []
        return rows

    def fetchone(self) -> Row | None:
        """Return the next row."""
        return self._rows.pop(0) if self._rows else None

    async def _executed(self, query: bytes, parameters: Sequence[object] | None, *, binary: bool) -> list[Row]:
        await self._own.execute(query, parameters, binary=binary)
        self._to_last()
        return await self._own.fetchall() if self._own.description else []

    def _to_last(self) -> None:
        while self._own.nextset():
            pass


async def _unless_left(place: _joined.Place, coroutine: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine whose caller still waits for it: one that was cancelled rolls back, and this came after that."""
    if place.left:
        coroutine.close()
        raise asyncio.CancelledError
    return await coroutine


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None

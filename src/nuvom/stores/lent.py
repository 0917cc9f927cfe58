"""Connections of the caller's own: what kind they are, how one gets at the driver's, and which database that is to."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn
from urllib.parse import quote

_KINDS = (
    "a psycopg Connection or AsyncConnection, a SQLAlchemy Session, Connection, AsyncSession or AsyncConnection, "
    "Django's connection, or a sqlite3.Connection"
)


class Lent(NamedTuple):
    """A connection that was lent for a block."""

    given: object
    driver: Callable[[], Any]  # returns the driver's own as it is now, or a coroutine that does
    asynchronous: bool
    remedy: str  # how one opens a transaction on it


def lent(connection: object) -> Lent:
    """Recognise a connection or a session; nothing is imported that its owner has not.

    Args:
        connection: what a caller gave; one of an unknown kind is taken for a driver's own.
    """
    if _is(connection, "sqlalchemy.ext.asyncio", "AsyncSession", "async_scoped_session"):
        return Lent(connection, lambda: _async_session(connection), True, _ALCHEMY)
    if _is(connection, "sqlalchemy.ext.asyncio", "AsyncConnection"):
        return Lent(connection, lambda: _async_connection(connection), True, _ALCHEMY)
    if _is(connection, "sqlalchemy.orm", "Session", "scoped_session"):
        return Lent(connection, lambda: _connection(_any(connection).connection()), False, _ALCHEMY)
    if _is(connection, "sqlalchemy", "Connection"):
        return Lent(connection, lambda: _connection(connection), False, _ALCHEMY)
    if _is(connection, "django.utils.connection", "ConnectionProxy") or _is(
        connection, "django.db.backends.base.base", "BaseDatabaseWrapper"
    ):
        return Lent(connection, lambda: _django(connection), False, "write `with transaction.atomic():` around it")
    if isinstance(connection, sqlite3.Connection):
        return Lent(connection, lambda: connection, False, "execute BEGIN IMMEDIATE first")
    if _is(connection, "psycopg", "AsyncConnection"):
        return Lent(connection, lambda: connection, True, "write `async with connection.transaction():` around it")
    return Lent(connection, lambda: connection, False, "write `with connection.transaction():` around it")


def refuse(driver: object, url: str) -> NoReturn:
    """Refuse a connection that a store cannot work in.

    Args:
        driver: the driver's own connection.
        url: of the store, masked.

    Raises:
        ValueError: it is to another database; both are named.
        TypeError: it is of no kind that is known.
    """
    place = _place(driver)
    if place is None:
        kind = f"{type(driver).__module__}.{type(driver).__qualname__}"
        raise TypeError(f"nuvom.transaction() does not know connections of {kind}; give it {_KINDS}")
    raise ValueError(
        f"this connection is to {place}, and jobs are kept in {url}: one transaction cannot hold both; "
        "set NUVOM_URL to the database of your rows, or push after your commit"
    )


def refuse_asynchronous(given: Lent, url: str) -> NoReturn:
    """Refuse an asynchronous connection to a store in a file, as `refuse` does."""
    if _is(given.given, "psycopg", "AsyncConnection"):
        refuse(given.given, url)
    raise TypeError(
        f"jobs are kept in {url}, where only a sqlite3.Connection, or a SQLAlchemy or Django one on sqlite3, can be "
        f"joined, not {type(given.given).__qualname__}: its driver keeps the connection in a thread of its own"
    )


def autocommits(remedy: str) -> RuntimeError:
    """Return the error for a connection on which each statement commits by itself."""
    return RuntimeError(
        f"this connection is in autocommit and no transaction is open, so nothing would be atomic: {remedy}"
    )


_ALCHEMY = "leave out isolation_level='AUTOCOMMIT'"


def _is(value: object, module: str, *names: str) -> bool:
    found = sys.modules.get(module)
    return found is not None and isinstance(value, tuple(getattr(found, name, ()) for name in names))


def _any(value: object) -> Any:
    return value


def _connection(connection: Any) -> Any:
    if not connection.in_transaction():
        connection.exec_driver_sql("SELECT 1")  # SQLAlchemy begins with the first statement, and ours go past it
    return connection.connection.driver_connection


async def _async_connection(connection: Any) -> Any:
    if not connection.in_transaction():
        await connection.exec_driver_sql("SELECT 1")
    return (await connection.get_raw_connection()).driver_connection


async def _async_session(session: Any) -> Any:
    return await _async_connection(await session.connection())


def _django(connection: Any) -> Any:
    connection.ensure_connection()
    return connection.connection


def _place(driver: object) -> str | None:
    """Return where a driver's connection leads, without a password; None for a driver that is not known."""
    if isinstance(driver, sqlite3.Connection):
        return f"sqlite:///{file_of(driver) or ':memory:'}"
    if _is(driver, "psycopg", "Connection", "AsyncConnection"):
        info = _any(driver).info
        host = f"{info.host}:{info.port}" if not info.host.startswith("/") else ""
        query = "" if host else f"?host={info.host}&port={info.port}"
        return f"postgresql://{quote(info.user)}@{host}/{quote(info.dbname)}{query}"
    return None


def file_of(connection: sqlite3.Connection) -> str:
    """Return the file of a connection, empty for one in memory or on disk without a name."""
    cursor = connection.cursor()
    cursor.row_factory = None
    found = {name: path for _, name, path in cursor.execute("PRAGMA database_list")}
    path = found.get("main", found.get(b"main", ""))  # as the connection's text_factory has it
    return path.decode() if isinstance(path, bytes) else str(path or "")

"""Connections of applications to the test's server, of each kind that `nuvom.transaction` takes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, NamedTuple

import django
import django.conf
import django.db
import django.db.transaction
import psycopg
import sqlalchemy
import sqlalchemy.ext.asyncio
import sqlalchemy.orm

CREATE = "CREATE TABLE IF NOT EXISTS public.orders (id integer)"
INSERT = "INSERT INTO public.orders VALUES (7)"


class Lender(NamedTuple):
    """An application in the middle of its transaction."""

    connection: Any  # what it gives to nuvom.transaction
    execute: Callable[[str], Any]
    commit: Callable[[], Any]
    rollback: Callable[[], Any]


class AsyncLender(NamedTuple):
    """The same, whose calls are awaited."""

    connection: Any
    execute: Callable[[str], Awaitable[Any]]
    commit: Callable[[], Awaitable[Any]]
    rollback: Callable[[], Awaitable[Any]]


@contextmanager
def psycopg_connection(url: str) -> Iterator[Lender]:
    with psycopg.connect(url) as connection:
        yield Lender(connection, connection.execute, connection.commit, connection.rollback)


@contextmanager
def psycopg_block(url: str) -> Iterator[Lender]:
    """An autocommitting connection inside of `connection.transaction()`."""
    with psycopg.connect(url, autocommit=True) as connection:
        block = connection.transaction()
        block.__enter__()
        yield Lender(
            connection,
            connection.execute,
            lambda: block.__exit__(None, None, None),
            lambda: block.__exit__(psycopg.Rollback, psycopg.Rollback(), None),
        )


@contextmanager
def alchemy_session(url: str) -> Iterator[Lender]:
    engine = sqlalchemy.create_engine(_alchemy(url))
    with sqlalchemy.orm.Session(engine) as session:
        yield Lender(session, lambda text: session.execute(sqlalchemy.text(text)), session.commit, session.rollback)
    engine.dispose()


@contextmanager
def alchemy_connection(url: str) -> Iterator[Lender]:
    engine = sqlalchemy.create_engine(_alchemy(url))
    with engine.connect() as connection:
        yield Lender(
            connection, lambda text: connection.execute(sqlalchemy.text(text)), connection.commit, connection.rollback
        )
    engine.dispose()


@contextmanager
def django_connection(url: str) -> Iterator[Lender]:
    with django_alias(url) as alias:
        connection = django.db.connections[alias]
        atomic = django.db.transaction.atomic(using=alias)
        atomic.__enter__()

        def execute(text: str) -> None:
            with connection.cursor() as cursor:
                cursor.execute(text)

        def rollback() -> None:
            django.db.transaction.set_rollback(True, using=alias)
            atomic.__exit__(None, None, None)

        yield Lender(connection, execute, lambda: atomic.__exit__(None, None, None), rollback)


@contextmanager
def django_alias(url: str) -> Iterator[str]:
    """The name of a database in Django's settings."""
    if not django.conf.settings.configured:
        django.conf.settings.configure(DATABASES={})
        django.setup()
    info = psycopg.conninfo.conninfo_to_dict(url)
    made = {"ENGINE": "django.db.backends.postgresql", "NAME": info["dbname"], "USER": info["user"]}
    made |= {"HOST": info["host"], "PORT": str(info["port"])}
    handler = django.db.connections
    handler.settings = {**handler.settings, "jobs": {**handler.settings["default"], **made}}
    try:
        yield "jobs"
    finally:
        handler["jobs"].close()
        del handler["jobs"]


@asynccontextmanager
async def async_psycopg(url: str) -> AsyncIterator[AsyncLender]:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        yield AsyncLender(connection, connection.execute, connection.commit, connection.rollback)


@asynccontextmanager
async def async_session(url: str) -> AsyncIterator[AsyncLender]:
    engine = sqlalchemy.ext.asyncio.create_async_engine(_alchemy(url))
    async with sqlalchemy.ext.asyncio.AsyncSession(engine) as session:
        yield AsyncLender(
            session, lambda text: session.execute(sqlalchemy.text(text)), session.commit, session.rollback
        )
    await engine.dispose()


@asynccontextmanager
async def async_connection(url: str) -> AsyncIterator[AsyncLender]:
    engine = sqlalchemy.ext.asyncio.create_async_engine(_alchemy(url))
    async with engine.connect() as connection:
        yield AsyncLender(
            connection, lambda text: connection.execute(sqlalchemy.text(text)), connection.commit, connection.rollback
        )
    await engine.dispose()


SYNC = [psycopg_connection, psycopg_block, alchemy_session, alchemy_connection, django_connection]
ASYNC = [async_psycopg, async_session, async_connection]


def _alchemy(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://", 1)

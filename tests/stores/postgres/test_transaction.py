"""`nuvom.transaction` on PostgreSQL: jobs share the fate of an application's rows, by whatever driver."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import django.db
import psycopg
import pytest
import sqlalchemy
from psycopg.rows import dict_row

from nuvom import Hook, JobNotFound, Nuvom, StoreError, Task
from nuvom._job import JobStatus
from nuvom.stores.postgres.address import parse
from tests.faults.postgres.pooler import Pooler
from tests.stores.postgres import lenders
from tests.stores.postgres.lenders import ASYNC, INSERT, SYNC


def echo(order: int) -> int:
    return order


@pytest.fixture
def app(postgres_url: str) -> Iterator[Nuvom]:
    with Nuvom(postgres_url) as app:
        yield app


@pytest.fixture
def send(app: Nuvom) -> Task[..., Any, Any]:
    return app.task(name="send")(echo)


@pytest.fixture
def orders(postgres_server: str) -> Iterator[psycopg.Connection[Any]]:
    """A look at the application's table from outside."""
    with closing(psycopg.connect(postgres_server, autocommit=True)) as connection:
        connection.execute(lenders.CREATE)
        yield connection
        connection.execute("DROP TABLE public.orders")


def count(orders: psycopg.Connection[Any]) -> int:
    (number,) = orders.execute("SELECT count(*) FROM public.orders").fetchone() or (0,)
    return int(number)


@pytest.mark.parametrize("lender", SYNC, ids=lambda lender: lender.__name__)
def test_rows_and_jobs_appear_together_at_the_commit(
    lender: Any, app: Nuvom, send: Task[..., Any, Any], orders: psycopg.Connection[Any], postgres_server: str
) -> None:
    with lender(postgres_server) as lent:
        with app.transaction(lent.connection):
            lent.execute(INSERT)
            handle = send.delay(7)
            send.map([(8,), (9,)])
            send.options(name="remind").schedule(7, in_="1d")
            assert handle.status() is JobStatus.QUEUED
        assert app.schedules.list() == []
        with pytest.raises(JobNotFound):
            handle.status()
        assert count(orders) == 0
        lent.commit()
    assert app.jobs.counts()[JobStatus.QUEUED] == 3
    assert app.schedules.get("remind").name == "remind"
    assert count(orders) == 1


@pytest.mark.parametrize("lender", SYNC, ids=lambda lender: lender.__name__)
def test_after_a_rollback_nothing_stays(
    lender: Any, app: Nuvom, send: Task[..., Any, Any], orders: psycopg.Connection[Any], postgres_server: str
) -> None:
    kept = send.delay(1)
    send.options(name="kept").schedule(1, in_="1d")
    with lender(postgres_server) as lent:
        with app.transaction(lent.connection):
            send.delay(7)  # what Nuvom says may well be the first of the transaction
            lent.execute(INSERT)
            send.options(unique="done").delay(8)
            send.options(name="remind").schedule(7, in_="1d")
            assert app.schedules.cancel("kept")
            assert kept.cancel() == "cancelled"
        lent.rollback()
    assert [job.id for job in app.jobs.list()] == [kept.id]
    assert kept.status() is JobStatus.QUEUED
    assert [schedule.name for schedule in app.schedules.list()] == ["kept"]
    assert count(orders) == 0


@pytest.mark.parametrize("lender", ASYNC, ids=lambda lender: lender.__name__)
def test_async_rows_and_jobs_share_their_fate(
    lender: Any, app: Nuvom, send: Task[..., Any, Any], orders: psycopg.Connection[Any], postgres_server: str
) -> None:
    async def main() -> None:
        async with lender(postgres_server) as lent:
            async with app.transaction(lent.connection):
                await send.adelay(6)
                await send.options(name="remind").aschedule(6, in_="1d")
                await lent.execute(INSERT)
            await lent.rollback()
            assert app.jobs.list() == []
            assert app.schedules.list() == []
            with app.transaction(lent.connection):
                await lent.execute(INSERT)
                handle = await send.adelay(7)
                await send.amap([(8,), (9,)])
                await send.options(unique="done").adelay(10)
                await send.options(name="remind").aschedule(7, in_="1d")
                await app.schedules.apause("remind")
                assert await handle.astatus() is JobStatus.QUEUED
            assert app.jobs.list() == []
            assert count(orders) == 0
            await lent.commit()

    asyncio.run(main())
    assert app.jobs.counts()[JobStatus.QUEUED] == 4
    assert app.schedules.get("remind").state == "paused"
    assert count(orders) == 1


@pytest.mark.parametrize("lender", ASYNC, ids=lambda lender: lender.__name__)
def test_a_blocking_call_in_an_async_transaction_names_its_twin(
    lender: Any, app: Nuvom, send: Task[..., Any, Any], orders: psycopg.Connection[Any], postgres_server: str
) -> None:
    async def main() -> None:
        async with lender(postgres_server) as lent, app.transaction(lent.connection):
            with pytest.raises(RuntimeError, match=r"such as task.adelay\(\) for task.delay\(\)"):
                send.delay(7)

    asyncio.run(main())
    assert app.jobs.list() == []


def test_a_twin_that_is_cancelled_pushes_nothing_after_the_rollback(
    app: Nuvom, send: Task[..., Any, Any], postgres_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        begun, going_on = asyncio.Event(), asyncio.Event()
        hooks = app.hooks

        class Slow(Hook):
            def on_enqueue(self, job: Any) -> None:
                loop.call_soon_threadsafe(begun.set)
                asyncio.run_coroutine_threadsafe(going_on.wait(), loop).result()

        hooks.append(Slow())  # holds the thread between the call and its first statement
        async with lenders.async_psycopg(postgres_server) as lent:

            async def block() -> None:
                async with app.transaction(lent.connection):
                    await lent.execute("SELECT 1")
                    await send.adelay(7)

            task = asyncio.create_task(block())
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await lent.rollback()
            going_on.set()
            await loop.shutdown_default_executor()
            assert lent.connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
            await lent.commit()

    asyncio.run(main())
    assert app.jobs.list() == []


def test_a_task_of_its_own_does_not_slip_into_the_transaction(
    app: Nuvom, send: Task[..., Any, Any], postgres_server: str
) -> None:
    async def main() -> None:
        async with lenders.async_psycopg(postgres_server) as lent:
            async with app.transaction(lent.connection):
                with pytest.raises(RuntimeError, match="no gather, no create_task"):
                    await asyncio.gather(send.adelay(7))
            await send.adelay(8)
            await lent.rollback()

    asyncio.run(main())
    assert [job.arguments for job in app.jobs.list()] == [b"[[8],{}]"]


def test_workers_are_woken_by_the_commit_and_not_before(
    app: Nuvom, send: Task[..., Any, Any], postgres_server: str
) -> None:
    with closing(app.store.listener("worker")) as ear, lenders.psycopg_connection(postgres_server) as lent:
        while ear.wait(0.1):
            pass  # it begins with a look of its own
        with app.transaction(lent.connection):
            send.delay(7)
        assert not ear.wait(0.1)
        lent.commit()
        assert ear.wait(1)


def test_the_connection_stays_as_its_owner_set_it(app: Nuvom, send: Task[..., Any, Any], postgres_server: str) -> None:
    with psycopg.connect(postgres_server, row_factory=dict_row) as connection:
        connection.execute("SET search_path TO pg_temp")
        connection.execute("SET LOCAL lock_timeout TO '7s'")
        connection.adapters.register_dumper(int, psycopg.types.numeric.Int2Dumper)
        connection.adapters.register_loader("int8", psycopg.types.string.TextLoader)
        with app.transaction(connection):
            send.options(unique="done").delay(7)
            send.delay(8)
        found = connection.execute(
            "SELECT current_setting('search_path') AS path, current_setting('lock_timeout') AS lock, "
            "current_setting('synchronous_commit') AS sync, pg_typeof(%s)::text AS kind",
            (1,),
        ).fetchone()
        assert found == {"path": "pg_temp", "lock": "7s", "sync": "on", "kind": "smallint"}
        assert not connection.autocommit
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS


def test_a_savepoint_of_the_application_takes_its_jobs_along(
    app: Nuvom, send: Task[..., Any, Any], postgres_server: str
) -> None:
    with psycopg.connect(postgres_server) as connection, app.transaction(connection):
        send.delay(1)
        with connection.transaction() as inner:
            send.delay(2)
            raise psycopg.Rollback(inner)
        send.delay(3)
    assert sorted(job.arguments for job in app.jobs.list()) == [b"[[1],{}]", b"[[3],{}]"]


def test_a_call_of_several_statements_that_fails_leaves_the_rest_of_the_transaction_as_it_was(
    app: Nuvom,
    send: Task[..., Any, Any],
    orders: psycopg.Connection[Any],
    postgres_server: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("between two statements")

    with lenders.psycopg_connection(postgres_server) as lent:
        with app.transaction(lent.connection):
            lent.execute(INSERT)
            with monkeypatch.context() as patched:
                patched.setattr("nuvom.stores.postgres.endings.Endings.apply", fail)
                with pytest.raises(RuntimeError, match="between two statements"):
                    send.options(unique="done").delay(7)
            send.options(unique="done").delay(8)
        lent.commit()
    assert [job.arguments for job in app.jobs.list()] == [b"[[8],{}]"]
    assert count(orders) == 1


def test_a_transaction_that_has_failed_says_so(app: Nuvom, send: Task[..., Any, Any], postgres_server: str) -> None:
    with lenders.psycopg_connection(postgres_server) as lent, app.transaction(lent.connection):
        with pytest.raises(psycopg.Error):
            lent.execute("SELECT 1 / 0")
        with pytest.raises(StoreError, match="current transaction is aborted"):
            send.delay(7)


def test_a_connection_that_fails_as_its_block_begins_is_told_as_the_stores_error(
    app: Nuvom, postgres_server: str
) -> None:
    with psycopg.connect(postgres_server) as connection:
        with pytest.raises(psycopg.errors.SyntaxError):
            connection.execute("SELEC")
        with pytest.raises(StoreError, match=r"refused a statement \(25P02\)"), app.transaction(connection):
            pass


def test_autocommit_is_refused_with_each_kinds_own_remedy(app: Nuvom, postgres_server: str) -> None:
    with (
        psycopg.connect(postgres_server, autocommit=True) as connection,
        pytest.raises(RuntimeError, match=r"with connection.transaction\(\):"),
    ):
        app.transaction(connection).__enter__()
    url = postgres_server.replace("postgresql://", "postgresql+psycopg://", 1)
    engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as made, pytest.raises(RuntimeError, match="leave out isolation_level='AUTOCOMMIT'"):
        app.transaction(made).__enter__()
    engine.dispose()
    with (
        lenders.django_alias(postgres_server) as alias,
        pytest.raises(RuntimeError, match=r"with transaction.atomic\(\):"),
    ):
        app.transaction(django.db.connections[alias]).__enter__()


def test_a_connection_to_another_database_is_refused_and_no_password_is_said(app: Nuvom, postgres_server: str) -> None:
    with closing(psycopg.connect(postgres_server, autocommit=True)) as own:
        own.execute("CREATE DATABASE nuvom_elsewhere")
        try:
            url = psycopg.conninfo.make_conninfo(postgres_server, dbname="nuvom_elsewhere", password="s3cret")
            with closing(psycopg.connect(url)) as other, pytest.raises(ValueError) as refused:
                app.transaction(other).__enter__()
        finally:
            own.execute("DROP DATABASE nuvom_elsewhere")
    assert "/nuvom_elsewhere" in str(refused.value)
    assert app.store.url in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_an_async_connection_to_another_database_is_refused_when_its_block_begins(
    app: Nuvom, postgres_server: str
) -> None:
    async def main(url: str) -> None:
        async with lenders.async_psycopg(url) as lent:
            await app.transaction(lent.connection).__aenter__()

    with closing(psycopg.connect(postgres_server, autocommit=True)) as own:
        own.execute("CREATE DATABASE nuvom_elsewhere")
        try:
            url = psycopg.conninfo.make_conninfo(postgres_server, dbname="nuvom_elsewhere")
            with pytest.raises(ValueError, match="/nuvom_elsewhere"):
                asyncio.run(main(url))
        finally:
            own.execute("DROP DATABASE nuvom_elsewhere")


def test_a_connection_of_the_same_database_by_another_name_is_joined(
    app: Nuvom, send: Task[..., Any, Any], postgres_server: str
) -> None:
    with lenders.psycopg_connection(f"{postgres_server}&application_name=web") as lent:
        with app.transaction(lent.connection):
            send.delay(7)
        lent.commit()
    assert len(app.jobs.list()) == 1


def test_a_connection_whose_times_look_different_is_of_the_same_database(
    app: Nuvom, send: Task[..., Any, Any], postgres_server: str
) -> None:
    for setting in ("timezone TO 'Asia/Tokyo'", "datestyle TO 'SQL, DMY'"):
        with psycopg.connect(postgres_server) as connection:
            connection.execute(f"SET {setting}")
            with app.transaction(connection):
                handle = send.delay(7)
        assert handle.status() is JobStatus.QUEUED, setting


def test_a_file_is_no_part_of_a_servers_transaction(app: Nuvom, tmp_path: Any, postgres_server: str) -> None:
    import sqlite3

    with closing(sqlite3.connect(tmp_path / "own.db")) as own, pytest.raises(ValueError, match=f"{tmp_path}/own.db"):
        app.transaction(own).__enter__()
    with (
        Nuvom(f"sqlite:///{tmp_path}/own.db") as embedded,
        psycopg.connect(postgres_server) as connection,
        pytest.raises(ValueError, match="this connection is to postgresql://"),
    ):
        embedded.transaction(connection).__enter__()


def test_jobs_that_were_lent_to_a_transaction_run_after_it(
    app: Nuvom, send: Task[..., Any, Any], postgres_server: str
) -> None:
    with lenders.psycopg_connection(postgres_server) as lent:
        with app.transaction(lent.connection):
            handle = send.delay(7)
            with pytest.raises(RuntimeError, match="runs after its commit"):
                handle.result(timeout=60)
        lent.commit()
    assert handle.status() is JobStatus.QUEUED


def test_behind_a_pooler_a_block_works_and_shared_sessions_stay_as_they_are(tcp_url: str) -> None:
    with (
        Pooler(tcp_url) as pooler,
        Nuvom(pooler.url) as app,
        psycopg.connect(parse(pooler.url).conninfo, prepare_threshold=None) as connection,
    ):
        send = app.task(name="send")(echo)
        with app.transaction(connection):
            send.options(unique="done").delay(7)
        connection.rollback()
        with app.transaction(connection):
            send.delay(8)
        connection.commit()
        assert [job.arguments for job in app.jobs.list()] == [b"[[8],{}]"]
        paths = set()
        for _ in range(4):
            paths.add(connection.execute("SHOW search_path").fetchone())
            connection.commit()
        assert paths == {('"$user", public',)}

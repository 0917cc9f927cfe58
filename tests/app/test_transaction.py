"""`nuvom.transaction` on the embedded store: what is said inside shares the fate of the caller's own transaction."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
import sqlalchemy.orm

import nuvom.testing
from nuvom import JobNotFound, Nuvom, ScheduleNotFound, Task
from nuvom._job import JobStatus


def echo(order: int) -> int:
    return order


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Nuvom]:
    with Nuvom(f"sqlite:///{tmp_path}/jobs.db") as app:
        yield app


@pytest.fixture
def connection(app: Nuvom, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    app.store.migrate()
    with closing(sqlite3.connect(tmp_path / "jobs.db")) as connection:
        connection.execute("CREATE TABLE orders (id INTEGER)")
        yield connection


@pytest.fixture
def send(app: Nuvom) -> Task[..., Any, Any]:
    return app.task(name="send")(echo)


def test_rows_jobs_and_schedules_appear_together_at_the_commit(
    app: Nuvom, connection: sqlite3.Connection, send: Task[..., Any, Any]
) -> None:
    with app.transaction(connection):
        connection.execute("INSERT INTO orders VALUES (7)")
        handle = send.delay(7)
        send.map([(8,), (9,)])
        send.options(name="remind").schedule(7, in_="1d")

    with pytest.raises(JobNotFound, match="its transaction is not committed"):
        handle.status()
    assert app.jobs.list() == []
    assert app.schedules.list() == []

    connection.commit()

    assert app.jobs.counts()[JobStatus.QUEUED] == 3
    assert handle.status() is JobStatus.QUEUED
    assert app.schedules.get("remind").name == "remind"


def test_after_a_rollback_nothing_stays(app: Nuvom, connection: sqlite3.Connection, send: Task[..., Any, Any]) -> None:
    kept = send.delay(1)
    send.options(name="kept").schedule(1, in_="1d")
    with app.transaction(connection):
        connection.execute("INSERT INTO orders VALUES (7)")
        send.delay(7)
        send.options(name="remind").schedule(7, in_="1d")
        app.schedules.cancel("kept")
        assert kept.cancel() == "cancelled"
        app.queues.pause("default")
    connection.rollback()

    assert [job.id for job in app.jobs.list()] == [kept.id]
    assert kept.status() is JobStatus.QUEUED
    assert [schedule.name for schedule in app.schedules.list()] == ["kept"]
    assert app.queues.list()[0].pause is None
    assert connection.execute("SELECT count(*) FROM orders").fetchone() == (0,)


def test_inside_the_block_one_sees_what_was_said_in_it(
    app: Nuvom, connection: sqlite3.Connection, send: Task[..., Any, Any]
) -> None:
    with app.transaction(connection):
        handle = send.delay(7)
        schedule = send.options(name="remind").schedule(7, in_="1d")
        assert handle.status() is JobStatus.QUEUED
        assert app.schedules.get("remind").pause("later").state == "paused"
        assert app.schedules.get("remind").id == schedule.id
        assert handle.cancel() == "cancelled"
        assert handle.retry()
    connection.commit()
    assert app.schedules.get("remind").note == "later"
    assert handle.status() is JobStatus.QUEUED


def test_a_call_that_fails_leaves_the_rest_of_the_transaction_as_it_was(
    app: Nuvom, connection: sqlite3.Connection, send: Task[..., Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = RuntimeError("between two statements")

    def fail(*_: object) -> None:
        raise broken

    with app.transaction(connection):
        connection.execute("INSERT INTO orders VALUES (7)")
        with monkeypatch.context() as patched:
            patched.setattr("nuvom.stores.sqlite.endings.Endings.apply", fail)
            with pytest.raises(RuntimeError, match="between two statements"):
                send.delay(7)
        send.delay(8)
    connection.commit()
    assert [job.arguments for job in app.jobs.list()] == [b"[[8],{}]"]
    assert connection.execute("SELECT id FROM orders").fetchall() == [(7,)]


def test_the_connection_stays_as_its_owner_set_it(
    app: Nuvom, connection: sqlite3.Connection, send: Task[..., Any, Any]
) -> None:
    def shout(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> str:
        return f"row {row}!"

    connection.row_factory = shout
    connection.text_factory = bytes
    with app.transaction(connection):
        send.delay(7)
        assert app.jobs.list()[0].task == "send"
        assert connection.execute("SELECT 'x'").fetchone() == "row (b'x',)!"
    assert connection.in_transaction
    assert connection.isolation_level == ""
    connection.commit()
    assert app.jobs.counts()[JobStatus.QUEUED] == 1


def test_a_transaction_that_was_begun_by_hand_is_joined(
    app: Nuvom, connection: sqlite3.Connection, tmp_path: Path, send: Task[..., Any, Any]
) -> None:
    with closing(sqlite3.connect(tmp_path / "jobs.db", isolation_level=None)) as own:
        own.execute("BEGIN IMMEDIATE")
        with app.transaction(own):
            send.delay(7)
        own.execute("ROLLBACK")
    assert app.jobs.list() == []


def test_a_session_of_sqlalchemy_on_the_same_file_is_joined(
    app: Nuvom, connection: sqlite3.Connection, tmp_path: Path, send: Task[..., Any, Any]
) -> None:
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path}/jobs.db")
    with sqlalchemy.orm.Session(engine) as session:
        with app.transaction(session):
            send.delay(7)
            session.execute(sqlalchemy.text("INSERT INTO orders VALUES (7)"))
        session.rollback()
        with app.transaction(session):
            send.delay(8)
        session.commit()
    engine.dispose()
    assert [job.arguments for job in app.jobs.list()] == [b"[[8],{}]"]
    assert connection.execute("SELECT count(*) FROM orders").fetchone() == (0,)


def test_autocommit_without_a_transaction_is_refused(
    app: Nuvom, connection: sqlite3.Connection, tmp_path: Path
) -> None:
    own = sqlite3.connect(tmp_path / "jobs.db", isolation_level=None)
    with (
        closing(own),
        pytest.raises(RuntimeError, match=r"autocommit and no transaction is open.*execute BEGIN IMMEDIATE first"),
        app.transaction(own),
    ):
        pass


def test_a_transaction_that_ended_inside_the_block_is_not_gone_on_with_in_autocommit(
    app: Nuvom, connection: sqlite3.Connection, tmp_path: Path, send: Task[..., Any, Any]
) -> None:
    with closing(sqlite3.connect(tmp_path / "jobs.db", isolation_level=None)) as own:
        own.execute("BEGIN IMMEDIATE")
        with app.transaction(own):
            own.execute("COMMIT")
            with pytest.raises(RuntimeError, match="autocommit"):
                send.delay(7)
    assert app.jobs.list() == []


def test_another_file_is_refused_and_both_are_named(app: Nuvom, connection: sqlite3.Connection, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as other, pytest.raises(ValueError) as refused:
        app.transaction(other).__enter__()
    assert f"{tmp_path}/other.db" in str(refused.value)
    assert f"{tmp_path}/jobs.db" in str(refused.value)


def test_a_connection_by_another_path_to_the_same_file_is_joined(
    app: Nuvom, connection: sqlite3.Connection, tmp_path: Path, send: Task[..., Any, Any]
) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "jobs.db")
    with closing(sqlite3.connect(tmp_path / "link.db")) as other:
        with app.transaction(other):
            send.delay(7)
        other.commit()
    assert len(app.jobs.list()) == 1


@pytest.mark.parametrize("unknown", [None, 7, "sqlite:///jobs.db"])
def test_what_is_no_connection_is_refused_by_its_kind(app: Nuvom, unknown: object) -> None:
    with pytest.raises(TypeError, match=f"builtins.{type(unknown).__name__}; give it a psycopg"):
        app.transaction(unknown).__enter__()


def test_code_that_is_tested_in_memory_keeps_its_rows_where_it_likes(
    app: Nuvom, connection: sqlite3.Connection, send: Task[..., Any, Any]
) -> None:
    with nuvom.testing.memory(app) as tested:
        with app.transaction(connection):
            connection.execute("INSERT INTO orders VALUES (7)")
            send.delay(7)
        connection.commit()
        assert len(tested.jobs(task=send)) == 1
    assert app.jobs.list() == []


def test_after_the_block_each_call_is_on_its_own_again(
    app: Nuvom, connection: sqlite3.Connection, send: Task[..., Any, Any]
) -> None:
    with app.transaction(connection):
        pass
    handle = send.delay(7)
    assert handle.status() is JobStatus.QUEUED
    assert not connection.in_transaction


def test_a_block_that_ended_by_an_error_is_over(
    app: Nuvom, connection: sqlite3.Connection, send: Task[..., Any, Any]
) -> None:
    with pytest.raises(ZeroDivisionError), app.transaction(connection):
        send.delay(1 // 0)
    handle = send.delay(7)
    assert handle.status() is JobStatus.QUEUED


def test_the_inner_of_two_blocks_is_the_one_that_counts(
    app: Nuvom, connection: sqlite3.Connection, tmp_path: Path, send: Task[..., Any, Any]
) -> None:
    with Nuvom(f"sqlite:///{tmp_path}/second.db") as second:
        second.store.migrate()
        again = second.task(name="send")(echo)
        with closing(sqlite3.connect(tmp_path / "second.db")) as other:
            with app.transaction(connection), second.transaction(other):
                send.delay(1)
                again.delay(2)
            other.rollback()
        connection.commit()
        assert second.jobs.list() == []
    assert [job.arguments for job in app.jobs.list()] == [b"[[1],{}]"]


def test_another_thread_is_not_inside_the_block(
    app: Nuvom, connection: sqlite3.Connection, send: Task[..., Any, Any]
) -> None:
    found: list[JobStatus] = []
    with app.transaction(connection):  # which has said nothing yet, and so holds no lock
        other = threading.Thread(target=lambda: found.append(send.delay(7).status()))
        other.start()
        other.join()
    connection.rollback()
    assert found == [JobStatus.QUEUED]
    assert len(app.jobs.list()) == 1


def test_a_child_of_a_fork_says_nothing_on_the_connection_of_its_parent(
    app: Nuvom, connection: sqlite3.Connection, send: Task[..., Any, Any]
) -> None:
    with app.transaction(connection):
        if (child := os.fork()) == 0:
            try:
                send.delay(7)
            finally:
                os._exit(5 if isinstance(sys.exception(), RuntimeError) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5


def test_a_task_that_was_begun_inside_a_block_has_to_be_told_where_it_belongs(
    app: Nuvom, connection: sqlite3.Connection, send: Task[..., Any, Any]
) -> None:
    async def main() -> None:
        over = asyncio.Event()

        async def later() -> None:
            await over.wait()
            await send.adelay(3)

        with app.transaction(connection):
            await send.adelay(1)
            with pytest.raises(RuntimeError, match="no gather, no create_task"):
                await asyncio.gather(send.adelay(2))
            begun = asyncio.create_task(later())
        connection.rollback()
        over.set()
        await begun  # the block is over, wherever its context was copied to

    asyncio.run(main())
    assert [job.arguments for job in app.jobs.list()] == [b"[[3],{}]"]


def test_async_twins_use_a_blocking_connection_in_its_own_thread(
    app: Nuvom, connection: sqlite3.Connection, send: Task[..., Any, Any]
) -> None:
    async def main() -> None:
        async with app.transaction(connection):
            handle = await send.adelay(1)
            await send.amap([(2,)])
            await send.options(name="remind").aschedule(1, in_="1d")
            assert await handle.acancel() == "cancelled"
        connection.commit()

    asyncio.run(main())
    assert app.jobs.counts() == {**dict.fromkeys(JobStatus, 0), JobStatus.QUEUED: 1, JobStatus.CANCELLED: 1}
    assert app.schedules.get("remind").name == "remind"


def test_no_result_is_waited_for_before_the_commit(
    app: Nuvom, connection: sqlite3.Connection, send: Task[..., Any, Any]
) -> None:
    async def asked() -> None:
        with app.transaction(connection):
            handle = await send.adelay(1)
            with pytest.raises(RuntimeError, match="runs after its commit"):
                await handle.aresult()

    with app.transaction(connection):
        handle = send.delay(1)
        with pytest.raises(RuntimeError, match="runs after its commit"):
            handle.result(timeout=60)
    with pytest.raises(JobNotFound):
        handle.result(timeout=60)
    connection.rollback()
    asyncio.run(asked())
    connection.rollback()


def test_jobs_are_not_run_inside_a_block(app: Nuvom, connection: sqlite3.Connection) -> None:
    with (
        app.transaction(connection),
        pytest.raises(RuntimeError, match=r"drain\(\) runs jobs and cannot do that inside"),
    ):
        app.drain()


def test_schedules_that_are_kept_elsewhere_are_refused(
    connection: sqlite3.Connection, tmp_path: Path, send: Task[..., Any, Any]
) -> None:
    with Nuvom(f"sqlite:///{tmp_path}/jobs.db", scheduler="tests.scheduler.doubles:Five") as app:
        task = app.task(name="send")(echo)
        with app.transaction(connection):
            task.delay(1)
            with pytest.raises(RuntimeError, match="doubles:Five keeps schedules elsewhere"):
                task.schedule(1, at=datetime.now(UTC) + timedelta(days=1))
        connection.rollback()
        assert app.jobs.list() == []


def test_a_block_is_entered_once(app: Nuvom, connection: sqlite3.Connection) -> None:
    block = app.transaction(connection)
    with block:
        pass
    with pytest.raises(RuntimeError, match="entered before"):
        block.__enter__()


def test_a_worker_finds_the_job_after_the_commit(
    app: Nuvom, connection: sqlite3.Connection, send: Task[..., Any, Any]
) -> None:
    ear = app.store.listener("worker")
    try:
        with app.transaction(connection):
            handle = send.delay(7)
        connection.commit()
        assert ear.wait(10)
    finally:
        ear.close()
    app.drain()
    assert handle.result() == 7


def test_nothing_of_a_schedule_is_left_that_was_made_and_rolled_back(
    app: Nuvom, connection: sqlite3.Connection, send: Task[..., Any, Any]
) -> None:
    with app.transaction(connection):
        send.options(name="remind").schedule(7, interval=10)
    connection.rollback()
    with pytest.raises(ScheduleNotFound):
        app.schedules.get("remind")

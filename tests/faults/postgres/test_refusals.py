"""What a server refuses is said with its cause and its remedy, and nothing is done by halves."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import sql

from nuvom._job import JobStatus
from nuvom.errors import StoreBusy, StoreUnavailable
from nuvom.stores.base import Store
from nuvom.stores.registry import open_store
from nuvom.testing.conformance.examples import a_job, a_worker, pushed, the
from tests.faults.postgres.proxy import Proxy
from tests.servers import QUICK, Server, with_parameters
from tests.waiting import until

Connection = psycopg.Connection[Any]


@pytest.fixture
def other(server: Server, schema: str) -> Iterator[Connection]:
    """Somebody else's connection, by which names are found in the store's schema."""
    with closing(psycopg.connect(server.url, autocommit=True)) as connection:
        connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(schema)))
        yield connection


@contextmanager
def opened_as(server: Server, schema: str, busy_timeout: float = 5.0, **settings: str) -> Iterator[Store]:
    """Open the store as a role with settings of its own."""
    role = sql.Identifier(f"{schema}_role")
    with closing(psycopg.connect(server.url, autocommit=True)) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN SUPERUSER").format(role))
        for name, value in settings.items():
            said = sql.SQL("ALTER ROLE {} SET {} = {}").format(role, sql.Identifier(name), sql.Literal(value))
            connection.execute(said)
        url = with_parameters(server.tcp_url.replace("postgres@", f"{schema}_role@"), schema=schema)
        with closing(open_store(url, busy_timeout=busy_timeout)) as store:
            yield store
        connection.execute(sql.SQL("DROP ROLE {}").format(role))


def a_caller_waits(server: Server) -> bool:
    """Tell whether a session waits for a lock."""
    with closing(psycopg.connect(server.url)) as connection:
        found = connection.execute("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'").fetchone()
    return found is not None


def test_a_transaction_ended_by_a_deadlock_is_repeated_and_its_caller_notices_nothing(
    server: Server, schema: str, direct: Store, other: Connection
) -> None:
    jobs = [pushed(direct) for _ in range(2)]
    other.execute("SET deadlock_timeout TO '1min'")
    with opened_as(server, schema, deadlock_timeout="500ms") as store, ThreadPoolExecutor() as threads:
        with other.transaction():
            other.execute("SELECT FROM jobs WHERE id = %s FOR UPDATE", (jobs[1],))
            answers = threads.submit(store.jobs.cancel_many, jobs)
            until(lambda: a_caller_waits(server))
            other.execute("SELECT FROM jobs WHERE id = %s FOR UPDATE", (jobs[0],))  # until the caller's was ended
        assert answers.result(5) == ["cancelled", "cancelled"]
    assert deadlocks(server) > 0


def deadlocks(server: Server) -> int:
    with closing(psycopg.connect(server.url)) as connection:
        found = connection.execute("SELECT sum(deadlocks)::int FROM pg_stat_database").fetchone()
    return found[0] if found else 0


def test_a_statement_that_cannot_be_serialized_is_repeated(
    server: Server, schema: str, direct: Store, other: Connection
) -> None:
    worker = a_worker(direct)
    with (
        opened_as(server, schema, default_transaction_isolation="repeatable read") as store,
        ThreadPoolExecutor() as threads,
    ):
        with other.transaction():
            other.execute("UPDATE workers SET beat_at = beat_at WHERE id = %s", (worker,))
            lost = threads.submit(store.workers.heartbeat, [worker])
            until(lambda: a_caller_waits(server))
        assert lost.result(5) == frozenset()


def test_what_a_transaction_reads_after_a_lock_was_committed_before_whatever_the_default_isolation_is(
    server: Server, schema: str, direct: Store
) -> None:
    with opened_as(server, schema, default_transaction_isolation="serializable") as store:
        with ThreadPoolExecutor(8) as threads:
            batches = threads.map(lambda _: store.jobs.push([a_job(task="one", unique="done")]), range(24))
            answers = [answer for batch in batches for answer in batch]
        assert len({answer.id for answer in answers}) == 1
        assert sum(answer.new for answer in answers) == 1


def test_who_waits_while_another_migrates_has_nothing_to_do_whatever_the_default_isolation_is(
    server: Server, schema: str, other: Connection
) -> None:
    new = f"{schema}_new"
    with (
        opened_as(server, new, default_transaction_isolation="repeatable read") as store,
        ThreadPoolExecutor() as threads,
    ):
        script = store.pending().sql
        lock = next(line for line in script.splitlines() if "pg_advisory_xact_lock" in line)
        with other.transaction():
            other.execute(lock.encode())
            applied = threads.submit(store.migrate)
            until(lambda: a_caller_waits(server))
            other.execute(script.partition("BEGIN;")[2].rpartition("COMMIT;")[0].encode())
        assert applied.result(5) == []
    other.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(new)))


def test_a_lock_that_stays_is_told_as_such_within_the_time_that_a_caller_waits(
    server: Server, schema: str, direct: Store, other: Connection
) -> None:
    job = pushed(direct)
    with opened_as(server, schema, busy_timeout=1.5) as store:
        with other.transaction():
            other.execute("SELECT FROM jobs WHERE id = %s FOR UPDATE", (job,))
            with pytest.raises(StoreBusy, match=r"is locked by another transaction .*lock timeout.*pg_stat_activity"):
                store.jobs.cancel(job)
        assert store.jobs.cancel(job) == "cancelled"


def test_a_session_that_may_only_read_is_not_used_again(
    server: Server, schema: str, direct: Store, other: Connection
) -> None:
    job = a_job()
    with opened_as(server, schema, default_transaction_read_only="on") as store:
        with pytest.raises(StoreUnavailable, match="is read-only") as error:
            store.jobs.push([job])
        assert not error.value.unknown
        role = sql.Identifier(f"{schema}_role")
        other.execute(sql.SQL("ALTER ROLE {} RESET default_transaction_read_only").format(role))
        assert store.jobs.push([job])[0].new
    assert direct.jobs.get(job.id) is not None


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("lock_timeout", "is locked by another transaction .*due to lock timeout"),
        ("statement_timeout", "took too long .*due to statement timeout.*give this role a longer statement_timeout"),
    ],
)
def test_a_time_limit_of_the_role_is_named_and_nothing_was_done(
    server: Server, schema: str, direct: Store, other: Connection, setting: str, said: str
) -> None:
    job = a_job()
    with opened_as(server, schema, **{setting: "300ms"}) as store:
        store.now()  # connects
        with other.transaction():
            other.execute("LOCK TABLE jobs IN EXCLUSIVE MODE")
            with pytest.raises(StoreBusy, match=said) as error:
                store.jobs.push([job])
            assert not error.value.unknown
        assert direct.jobs.get(job.id) is None
        assert store.jobs.push([job])[0].new


def test_threads_share_a_small_pool_and_one_that_waits_too_long_is_told_what_to_set(
    server: Server, schema: str, direct: Store, other: Connection
) -> None:
    url = with_parameters(server.tcp_url, schema=schema, pool="1")
    with closing(open_store(url, busy_timeout=2.0)) as store, ThreadPoolExecutor(8) as threads:
        pushes = threads.map(lambda _: store.jobs.push([a_job()]), range(100))
        assert all(answer.new for batch in pushes for answer in batch)
        job = pushed(direct)
        with other.transaction():
            other.execute("SELECT FROM jobs WHERE id = %s FOR UPDATE", (job,))
            asked = [threads.submit(store.jobs.cancel, job) for _ in range(8)]
            errors = [str(each.exception(5)) for each in asked]
        assert any("is locked by another transaction" in error for error in errors)
        assert any("all 1 connections" in error and "add ?pool=" in error for error in errors)
        assert store.jobs.cancel(job) == "cancelled"


def test_a_server_without_a_connection_to_spare_is_told_as_such_and_used_when_there_is_one(schema: str) -> None:
    server = Server(**{**QUICK, "max_connections": "4", "superuser_reserved_connections": "0"})
    try:
        with closing(open_store(server.tcp_url)) as store:
            store.migrate()
            pushed(store)
        with closing(open_store(server.tcp_url)) as store:
            others = [psycopg.connect(server.url) for _ in range(4)]
            with pytest.raises(StoreUnavailable, match=r"is away: .*too many clients") as error:
                pushed(store)
            assert not error.value.unknown
            others.pop().close()
            until(lambda: worked(store))
            for each in others:
                each.close()
    finally:
        server.remove()


def worked(store: Store) -> bool:
    try:
        pushed(store)
    except StoreUnavailable:
        return False
    return True


def test_a_session_ended_in_the_middle_of_a_transaction_is_repeated_from_its_start(
    server: Server, direct: Store, proxy: Proxy, other: Connection, store: Store
) -> None:
    job = pushed(direct)
    pushed(store)
    with ThreadPoolExecutor() as threads, other.transaction():
        other.execute("SELECT FROM jobs WHERE id = %s FOR UPDATE", (job,))
        answer = threads.submit(store.jobs.cancel, job)
        until(lambda: a_caller_waits(server))
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        until(lambda: a_caller_waits(server))
    assert answer.result(5) == "cancelled"
    assert the(direct, job).status is JobStatus.CANCELLED

"""Roles that own nothing: what producers and services may do with the rights of `nuvom files postgres-roles`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import quote
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from typer.testing import CliRunner

from nuvom import Nuvom, StoreError, StoreUnusable, Task
from nuvom._job import JobStatus
from nuvom.cli.program import program
from nuvom.stores.values import Claim, Retention
from tests import servers

NOTHING = timedelta(0)


class Site(NamedTuple):
    """A schema that its owner migrated, and two roles with their rights in it."""

    schema: str
    owner: str  # URLs
    producer: str
    service: str


def echo(order: int) -> int:
    return order


def call(*arguments: str) -> str:
    answer = CliRunner().invoke(program, arguments)
    assert answer.exit_code == 0, answer.output
    return answer.stdout


@contextmanager
def roles(server: str) -> Iterator[dict[str, str]]:
    """Roles of a test's own, by what they are for: they may log in, and that is all."""
    mark = uuid4().hex[:8]
    made = {name: f'{name} "{mark}"' for name in ("owner", "producer", "service")}  # a name that has to be quoted
    with closing(psycopg.connect(server, autocommit=True)) as connection:
        for role in made.values():
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
        try:
            yield made
        finally:
            for role in made.values():
                connection.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(sql.Identifier(role)))
                connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def url_of(server: str, role: str, schema: str) -> str:
    info = {**psycopg.conninfo.conninfo_to_dict(server), "user": role}
    query = "&".join(f"{name}={value}" for name, value in info.items() if name not in ("user", "dbname"))
    return f"postgresql://{quote(role)}@/{info['dbname']}?{query}&schema={schema}"


def run(server: str, role: str, script: str) -> None:
    """Run a script as a role, as psql would."""
    with closing(psycopg.connect(server, user=role, autocommit=True)) as connection:
        connection.execute(script.encode())


@pytest.fixture(scope="module")
def made(postgres_server: str) -> Iterator[Site]:
    schema = f"Jobs-{uuid4().hex[:8]}"
    with roles(postgres_server) as names:
        with closing(psycopg.connect(postgres_server, autocommit=True)) as connection:
            connection.execute(
                sql.SQL("CREATE SCHEMA {} AUTHORIZATION {}").format(
                    sql.Identifier(schema), sql.Identifier(names["owner"])
                )
            )
        owner = url_of(postgres_server, names["owner"], schema)
        run(postgres_server, names["owner"], call("migrate", "--sql", "--url", owner))
        script = call(
            "files", "postgres-roles", "--producer", names["producer"], "--service", names["service"], "--url", owner
        )
        run(postgres_server, names["owner"], script)
        run(postgres_server, names["owner"], script)  # as one does after each migration
        yield Site(schema, owner, *(url_of(postgres_server, names[name], schema) for name in ("producer", "service")))


@pytest.fixture
def site(made: Site, postgres_server: str) -> Site:
    servers.emptied(made.owner)
    return made


@pytest.fixture
def producer(site: Site) -> Iterator[Nuvom]:
    with Nuvom(site.producer) as app:
        yield app


@pytest.fixture
def service(site: Site) -> Iterator[Nuvom]:
    with Nuvom(site.service) as app:
        app.task(name="send")(echo)
        app.task(name="limited", concurrency=1, key="order")(echo)
        yield app


def test_a_producer_pushes_schedules_and_waits_for_what_a_service_runs(producer: Nuvom, service: Nuvom) -> None:
    send = producer.task(name="send")(echo)
    limited = producer.task(name="limited", concurrency=1, key="order")(echo)
    handles: list[Any] = [
        send.delay(1),
        *send.map([(2,), (3,)]),
        send.options(unique="done").delay(4),
        send.options(id="order-5").delay(5),
        limited.delay(6),
        limited.delay(6),
    ]
    assert service.drain() == 7
    assert [handle.result(timeout=20) for handle in handles] == [1, 2, 3, 4, 5, 6, 6]
    assert handles[0].attempts() == []


def test_a_producer_keeps_schedules(producer: Nuvom, service: Nuvom) -> None:
    send = producer.task(name="send")(echo)
    for seconds in (10, 20):
        schedule = send.options(name="remind").schedule(1, interval=seconds)
    assert schedule.pause("later").resume().state == "active"
    assert producer.schedules.trigger("remind").status() is JobStatus.QUEUED
    assert producer.schedules.cancel("remind")
    assert send.options(name="remind").schedule(1, in_="1d").state == "active"
    send.schedule(1, in_=0)
    assert service.drain() == 2
    assert producer.schedules.runs("remind")[0].outcome == "dispatched"


def test_a_producer_runs_a_schedule_by_hand_for_which_another_job_stands(producer: Nuvom) -> None:
    producer.task(name="send")(echo).options(name="remind", unique="done").schedule(1, in_="1d")
    handles = [producer.schedules.trigger("remind") for _ in range(2)]
    assert handles[0].id == handles[1].id
    assert producer.schedules.runs("remind")[0].outcome == "skipped_unique"


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM {}.jobs",
        "TRUNCATE {}.jobs",
        "UPDATE {}.jobs SET worker = 'me', state = 'running'",
        "UPDATE {}.jobs SET attempt = 2",
        "UPDATE {}.jobs SET arguments = '[[], {{}}]'",
        "UPDATE {}.tasks SET queue = 'mine'",
        "INSERT INTO {}.workers VALUES ('me', 'worker', 'host', 1, '1', NULL, '[]', NULL, 0, 0, 0)",
        "DELETE FROM {}.occurrences",
        "DELETE FROM {}.migrations",
        "DROP TABLE {}.waiters",
        "CREATE TABLE {}.mine (id integer)",
        "CREATE INDEX ON {}.jobs (task)",
    ],
)
def test_a_producer_may_not(site: Site, statement: str) -> None:
    with (
        closing(psycopg.connect(site.producer.partition("&schema=")[0], autocommit=True)) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(sql.SQL(statement).format(sql.Identifier(site.schema)))


def test_a_producer_claims_and_cancels_nothing(producer: Nuvom, service: Nuvom) -> None:
    handle = producer.task(name="send")(echo).delay(1)
    with pytest.raises(StoreUnusable, match=r"permission denied.*docs/postgresql\.md"):
        producer.store.jobs.claim(Claim("me", 1))
    with pytest.raises(StoreUnusable, match=r"permission denied.*docs/postgresql\.md"):
        handle.cancel()
    assert handle.status() is JobStatus.QUEUED


@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE {}.jobs",
        "DROP TABLE {}.waiters",
        "CREATE TABLE {}.mine (id integer)",
        "ALTER TABLE {}.jobs ADD COLUMN mine integer",
        "DELETE FROM {}.migrations",
    ],
)
def test_a_service_may_not(site: Site, statement: str) -> None:
    with (
        closing(psycopg.connect(site.service.partition("&schema=")[0], autocommit=True)) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(sql.SQL(statement).format(sql.Identifier(site.schema)))


def test_a_service_does_all_that_services_and_people_do(service: Nuvom) -> None:
    send: Task[..., Any, Any] = service.registry["send"]
    handle = send.delay(1)
    assert handle.cancel() == "cancelled"
    assert handle.retry()
    send.options(name="remind").schedule(2, in_=0)
    service.queues.pause("default")
    service.queues.resume("default")
    assert service.drain() == 2
    assert service.jobs.counts()[JobStatus.SUCCEEDED] == 2
    assert service.store.health().schema == service.store.health().schema_needed
    while service.store.prune(Retention(jobs=NOTHING, failed=NOTHING, occurrences=NOTHING, frequent=NOTHING, rows=0)):
        pass


def test_who_may_not_migrate_is_told_what_is_missing_and_makes_nothing(site: Site, postgres_server: str) -> None:
    url = site.service.replace(f"schema={site.schema}", "schema=elsewhere")
    with (
        Nuvom(url) as app,
        pytest.raises(StoreUnusable, match=r"has no tables of Nuvom in the schema .*`nuvom migrate`"),
    ):
        app.jobs.list()
    with Nuvom(url, auto_migrate=True) as app, pytest.raises(StoreError, match="permission denied"):
        app.jobs.list()
    with closing(psycopg.connect(postgres_server)) as connection:
        assert connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = 'elsewhere'").fetchone() is None


def test_a_producer_pushes_in_a_transaction_of_its_own(producer: Nuvom, site: Site) -> None:
    async def main() -> None:
        connection = await psycopg.AsyncConnection.connect(site.producer.partition("&schema=")[0])
        async with connection, producer.transaction(connection):
            await producer.task(name="send")(echo).adelay(1)

    asyncio.run(main())
    assert producer.jobs.counts()[JobStatus.QUEUED] == 1

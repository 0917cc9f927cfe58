"""A schema in which anybody may put things: whatever lies there stands for nothing that the store means."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from nuvom import Nuvom, Task
from nuvom._job import JobStatus
from tests import servers

_FUNCTIONS = """
unnest(bigint[]) bigint; unnest(text[]) text; unnest(uuid[]) uuid; now() timestamptz; statement_timestamp() timestamptz;
clock_timestamp() timestamptz; pg_notify(text, text) void; set_config(text, text, boolean) text;
current_setting(text) text; pg_backend_pid() integer; pg_advisory_xact_lock(integer, integer) void;
to_regclass(text) regclass; to_timestamp(numeric) timestamptz; lower(text) text; length(text) integer;
coalesce_(bigint, bigint) bigint; least_(bigint, bigint) bigint; current_database() name
"""
_AGGREGATES = "array_agg(uuid) array_agg(bigint) count(smallint) count(text) sum(bigint) min(bigint) max(bigint)"
_OPERATORS = """
= text text boolean; <> text text boolean; = bigint bigint boolean; < bigint bigint boolean; > bigint bigint boolean;
+ bigint bigint bigint; - bigint bigint bigint; = uuid uuid boolean; = "char" "char" boolean; || text text text;
* numeric integer numeric
"""


def hostile() -> Iterator[str]:
    """SQL that lays the traps: each raises an error when it is stepped on."""
    body = "LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'hijacked'; END $$"
    for said in _FUNCTIONS.replace("\n", " ").split(";"):
        signature, _, kind = said.strip().rpartition(" ")
        many = "SETOF " if signature.startswith("unnest") else ""
        yield f"CREATE FUNCTION public.{signature} RETURNS {many}{kind} {body}"
    yield f"CREATE FUNCTION public.taken(bigint, anyelement) RETURNS bigint {body}"
    for signature in _AGGREGATES.split():
        yield f"CREATE AGGREGATE public.{signature} (SFUNC = public.taken, STYPE = bigint, INITCOND = '0')"
    for number, said in enumerate(_OPERATORS.replace("\n", " ").split(";")):
        name, left, right, kind = said.split()
        yield f"CREATE FUNCTION public.trap{number}({left}, {right}) RETURNS {kind} {body}"
        yield f"CREATE OPERATOR public.{name} (FUNCTION = public.trap{number}, LEFTARG = {left}, RIGHTARG = {right})"
    for table in ("jobs", "workers", "tasks", "schedules", "fences", "flows", "migrations"):
        yield f"CREATE TABLE public.{table} (nothing integer)"


@pytest.fixture(scope="module")
def database(postgres_server: str) -> Iterator[str]:
    """The URL of a database full of traps."""
    name = f"hostile_{uuid4().hex[:8]}"
    with closing(psycopg.connect(postgres_server, autocommit=True)) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        url = postgres_server.replace("/postgres?", f"/{name}?")
        with closing(psycopg.connect(url, autocommit=True)) as inside:
            for statement in hostile():
                inside.execute(statement.encode())
        yield url
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def echo(order: int) -> int:
    return order


def tasks(app: Nuvom) -> tuple[Task[..., Any, Any], Task[..., Any, Any]]:
    return app.task(name="send")(echo), app.task(name="limited", concurrency=1, unique="queued")(echo)


def test_the_traps_are_real(database: str) -> None:
    with closing(psycopg.connect(database, autocommit=True)) as connection:
        with pytest.raises(psycopg.errors.RaiseException, match="hijacked"):
            connection.execute("SELECT unnest('{1}'::bigint[])")
        connection.execute("SET search_path TO public, pg_catalog")
        for trap in ("SELECT now()", "SELECT 'a'::text = 'b'::text", "SELECT pg_notify('a', 'b')"):
            with pytest.raises(psycopg.errors.RaiseException, match="hijacked"):
                connection.execute(trap.encode())


def test_services_and_producers_step_on_none_where_public_comes_before_the_catalog(database: str) -> None:
    url = servers.with_parameters(database, options="-csearch_path%3Dpublic%2Cpg_catalog", schema="jobs")
    with Nuvom(url) as app:
        send, limited = tasks(app)
        assert app.store.migrate()
        handles = [send.delay(1), *send.map([(2,), (3,)]), limited.delay(4), limited.delay(5)]
        send.options(name="remind").schedule(6, in_=0)
        send.options(name="later").schedule(7, in_="1d").pause()
        handles[1].cancel()
        assert app.drain() == 4
        assert handles[0].result(timeout=20) == 1
        assert handles[3] == handles[4]
        assert handles[1].retry()
        assert app.drain() == 1
        assert app.schedules.cancel("later")
        assert app.jobs.counts()[JobStatus.FAILED] == 0


def test_a_transaction_of_an_application_steps_on_none(database: str) -> None:
    with Nuvom(servers.with_parameters(database, schema="own")) as app, psycopg.connect(database) as connection:
        send, limited = tasks(app)
        app.store.migrate()
        with app.transaction(connection):
            send.delay(1)
            limited.delay(2)
            send.options(name="remind").schedule(3, in_="1d")
        connection.commit()
        assert app.jobs.counts()[JobStatus.QUEUED] == 2

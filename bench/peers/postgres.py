"""Nuvom beside other queues on PostgreSQL: each drains, and is pushed to, on the same server in the same run."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

import psycopg

from bench.figures import Figure, share
from bench.postgres.jobs import drained, enqueue
from bench.postgres.place import serving
from bench.stage import environment

JOBS = 10_000
INSTALLING = 600.0  # seconds
MEASURING = 900.0


class Peer(NamedTuple):
    """A queue: how people call it, what pip calls it, and the settings at which it is measured."""

    name: str
    packages: tuple[str, ...]
    settings: str

    @property
    def module(self) -> str:
        return f"bench.peers.with_{self.name.lower()}"


class LeftOut(Exception):
    """A peer cannot be measured here; says why in one line."""


PEERS = (
    Peer("PgQueuer", ("pgqueuer[asyncpg]",), "asyncpg pool, batch_size=100"),
    Peer("Procrastinate", ("procrastinate",), "coroutine tasks, concurrency=20"),
    Peer("Chancy", ("chancy",), "AsyncExecutor, concurrency=100, eager_polling"),
    Peer("Oban", ("oban",), "coroutine workers, limit=100"),
)
_DRIVER = "psycopg[binary,pool]"  # by which `measure` looks


def peers_postgres(scale: float) -> Iterator[Figure]:
    jobs = max(100, int(JOBS * scale))
    with serving() as server:
        ours = {"drain": drained(server, 1, jobs)[0]}
        ours |= {figure.name.rpartition("-")[2]: figure.nuvom for figure in enqueue(server, scale)}
        for peer in PEERS:
            try:
                theirs = _measured(peer, server, jobs)
            except LeftOut as reason:
                print(f"{peer.name} is left out: {reason}", file=sys.stderr, flush=True)
            else:
                yield from figures(peer, ours, theirs)


def figures(peer: Peer, ours: Mapping[str, float], theirs: Mapping[str, float]) -> Iterator[Figure]:
    """Ours beside theirs: draining with one worker process, and pushing by single calls and by a thousand."""
    for part, what in (
        ("drain", "no-op jobs, one worker process"),
        ("single", "one call a job"),
        ("bulk", "1,000 by a call"),
    ):
        yield Figure(
            name=f"peer-{peer.name.lower()}-{part}",
            nuvom=ours[part],
            raw=theirs[part],
            unit="/s",
            target=share(5) if part == "drain" else None,
            what=f"{what}; raw: {peer.name}, {peer.settings}",
        )


def said(done: subprocess.CompletedProcess[str]) -> dict[str, float]:
    """What a peer's process found: the last line of what it printed.

    Raises:
        LeftOut: it failed, or what it printed is no finding.
    """
    if done.returncode:
        raise LeftOut(reason(done.stderr) or f"exit code {done.returncode}")
    try:
        found = json.loads(done.stdout.splitlines()[-1])
        return {part: float(found[part]) for part in ("drain", "single", "bulk")}
    except (IndexError, KeyError, TypeError, ValueError):
        raise LeftOut(f"it printed {done.stdout[-100:]!r}") from None


def reason(errors: str) -> str:
    """The line of pip's or Python's errors that says what is wrong."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    of_pip = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return (of_pip or lines or [""])[-1]


def _measured(peer: Peer, server: str, jobs: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="nuvom-peer-") as folder, _database(server, peer) as url:
        python = _installed(peer, Path(folder))
        return said(_run([python, "-m", peer.module, url, str(jobs)], MEASURING))


def _installed(peer: Peer, folder: Path) -> str:
    """Make an environment of the peer's own and return its Python."""
    python = str(folder / "bin" / "python")
    for command in (
        [sys.executable, "-m", "venv", str(folder)],
        [python, "-m", "pip", "install", "--quiet", *peer.packages, _DRIVER],
    ):
        done = _run(command, INSTALLING)
        if done.returncode:
            raise LeftOut(reason(done.stderr) or reason(done.stdout))
    return python


def _run(command: Sequence[str], seconds: float) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise LeftOut(f"it took longer than {seconds:.0f} s") from None


@contextmanager
def _database(server: str, peer: Peer) -> Iterator[str]:
    """Give the URL of an empty database: some peers know no other schema than public."""
    name = f"nuvom_bench_{peer.name.lower()}"
    with closing(psycopg.connect(server, autocommit=True)) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

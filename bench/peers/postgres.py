"""Nuvom beside other queues on PostgreSQL: each drains, and is pushed to, on the same server in the same run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg

from bench.figures import Figure
from bench.peers.apart import LeftOut, Peer, figures, measured
from bench.postgres.jobs import drained, enqueue
from bench.postgres.place import serving

JOBS = 10_000
TIMES = 5  # as fast as a peer

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
                yield from figures(peer, ours, theirs, TIMES)


def _measured(peer: Peer, server: str, jobs: int) -> dict[str, float]:
    with _database(server, peer) as url:
        return measured(peer, url, jobs, _DRIVER)


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

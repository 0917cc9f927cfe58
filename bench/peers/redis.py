"""Nuvom beside other queues on Redis: each drains, and is pushed to, on the same server in the same run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

from bench.figures import Figure
from bench.peers.apart import LeftOut, Peer, figures, measured
from bench.redis.jobs import drained, enqueue
from bench.redis.place import connected, serving

JOBS = 10_000
TIMES = 15  # as fast as a peer
PEERS = (
    Peer("Huey", ("huey", "redis"), "8 threads, results kept"),
    Peer("Dramatiq", ("dramatiq[redis]",), "8 threads, results kept"),
    Peer("Celery", ("celery[redis]",), "acks_late, 8 threads, results kept"),
    Peer("SAQ", ("saq[redis]", "typing_extensions"), "concurrency=100"),
    Peer("Taskiq", ("taskiq-redis", "taskiq<0.13"), "a stream, results kept, 100 at once"),
    Peer("arq", ("arq",), "max_jobs=100"),
    Peer("RQ", ("rq",), "SimpleWorker, which does not fork"),
)
_DATABASE = "15"  # of the server, which is emptied: some peers know no prefix


def peers_redis(scale: float) -> Iterator[Figure]:
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
    url = urlunsplit(urlsplit(server)._replace(path=f"/{_DATABASE}"))
    with connected(url) as connection:
        connection.flushdb()
        try:
            return measured(peer, url, jobs)
        finally:
            connection.flushdb()

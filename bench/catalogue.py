"""All benches by name, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bench.asynchronous import asynchronous
from bench.claim import claim
from bench.cron import cron
from bench.dispatch import dispatch
from bench.drain import drain
from bench.enqueue import enqueue
from bench.figures import Figure
from bench.held import held
from bench.herd import herd
from bench.latency import latency
from bench.million import million
from bench.peers.postgres import peers_postgres
from bench.peers.redis import peers_redis
from bench.plan import planning
from bench.postgres.everything import postgres
from bench.redis.everything import redis
from bench.start import start

Bench = Callable[[float], Iterator[Figure]]

BENCHES: dict[str, Bench] = {
    "enqueue": enqueue,
    "drain": drain,
    "latency": latency,
    "herd": herd,
    "plan": planning,
    "dispatch": dispatch,
    "million": million,
    "claim": claim,
    "held": held,
    "async": asynchronous,
    "start": start,
    "cron": cron,
    "postgres": postgres,
    "redis": redis,
    "peers-postgres": peers_postgres,
    "peers-redis": peers_redis,
}

ONLY_BY_NAME = {"peers-postgres", "peers-redis"}  # they install what is not Nuvom's

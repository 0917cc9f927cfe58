"""`./run soak redis [MINUTES]`: services on a Redis server that is killed, cut off, stalled and full."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import redis

from tests.faults.redis.proxy import Proxy
from tests.soak.servers import Fault, Soak
from tests.valkey import Server

SETTINGS = {"appendonly": "yes", "appendfsync": "always", "auto_aof_rewrite_min_size": "16mb"}


def main(minutes: str = "5") -> int:
    """Run it; 0 if every promise held, 1 if not."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(**SETTINGS)
        try:
            return Valkey(Path(folder), server, Proxy(server.url)).run(60 * float(minutes))
        finally:
            server.remove()


class Valkey(Soak):
    """A server that syncs always, whose memory must stop growing."""

    stored = "memory"

    def kinds(self) -> dict[str, Fault]:
        return {
            **self.usual(),
            "all connections killed": self.disconnect,
            "its scripts forgotten": self.forget,
            "without memory for 5 s": self.fill,
            "stopped for 7 s": lambda: self.stop(7),
            "cut at a claim": lambda: self.cut_at("claim"),
            "cut at an outcome": lambda: self.cut_at("finish"),
            "cut at a dispatch": lambda: self.cut_at("apply"),
        }

    def disconnect(self) -> None:
        with self.client() as client:
            for kind in ("normal", "pubsub"):
                client.client_kill_filter(_type=kind, skipme=True)

    def forget(self) -> None:
        with self.client() as client:
            client.script_flush()

    def fill(self) -> None:
        with self.client() as client:
            client.config_set("maxmemory", "1")
            time.sleep(5)
            client.config_set("maxmemory", "0")

    def stop(self, seconds: float) -> None:
        assert isinstance(self.server, Server)
        os.kill(self.server.pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(self.server.pid, signal.SIGCONT)

    def size(self) -> int | None:
        try:
            with self.client() as client:
                return int(client.info("memory")["used_memory"])
        except redis.RedisError:
            return None

    @contextmanager
    def client(self) -> Iterator[redis.Redis]:
        """A client past the proxy."""
        with closing(redis.Redis.from_url(self.server.url, socket_timeout=2)) as made:
            yield made

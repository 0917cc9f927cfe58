"""`./run soak postgres [MINUTES]`: services on a PostgreSQL server that is killed, cut off and stalled."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path

import psycopg

from tests.faults.postgres.proxy import Proxy
from tests.servers import Server
from tests.soak.servers import Fault, Soak

SETTINGS = {"autovacuum_naptime": "5s", "log_min_messages": "fatal", "max_wal_size": "256MB"}


def main(minutes: str = "5") -> int:
    """Run it; 0 if every promise held, 1 if not."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(**SETTINGS)
        try:
            return Postgres(Path(folder), server, Proxy(server.tcp_url)).run(60 * float(minutes))
        finally:
            server.remove()


class Postgres(Soak):
    """A PostgreSQL server, whose tables must stop growing."""

    stored = "tables and indexes"

    def kinds(self) -> dict[str, Fault]:
        return {
            **self.usual(),
            "all sessions ended": self.terminate,
            "cut at a commit": lambda: self.cut_at("COMMIT"),
            "cut at a claim": lambda: self.cut_at("SET state = 'running'"),
            "cut at an outcome": lambda: self.cut_at("SET state = 'succeeded'"),
        }

    def terminate(self) -> None:
        with closing(psycopg.connect(self.server.url, autocommit=True)) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'nuvom'"
            )

    def size(self) -> int | None:
        try:
            with closing(psycopg.connect(self.server.url, connect_timeout=2)) as connection:
                found = connection.execute(
                    "SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class "
                    "WHERE relnamespace = 'nuvom'::regnamespace AND relkind = 'r'"
                ).fetchone()
        except psycopg.Error:
            return None
        return found[0] if found else 0

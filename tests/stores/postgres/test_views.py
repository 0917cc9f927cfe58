"""What people and their tools read beside the tables."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg import sql

from nuvom.stores.base import Store
from nuvom.stores.postgres.address import parse
from nuvom.stores.registry import open_store
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import daily, pushed, stored

NOW = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)


def seen(url: str, view: str, columns: str) -> list[tuple[object, ...]]:
    address = parse(url)
    with closing(psycopg.connect(address.conninfo, options="-c timezone=UTC")) as connection:
        query = f"SELECT {columns} FROM {{}}"
        return connection.execute(sql.SQL(query).format(sql.Identifier(address.schema, view))).fetchall()


def opened(url: str) -> Store:
    return open_store(url, clock=VirtualClock(NOW))


def test_people_see_jobs_with_their_times_and_statuses(postgres_url: str) -> None:
    with closing(opened(postgres_url)) as store:
        pushed(store, run_at=NOW + timedelta(hours=1))
    assert seen(postgres_url, "readable_jobs", "status, run_at, created_at, started_at") == [
        ("queued", NOW + timedelta(hours=1), NOW, None)
    ]


def test_people_see_schedules_with_their_times(postgres_url: str) -> None:
    with closing(opened(postgres_url)) as store:
        envelope = stored(store, daily(NOW))
    assert seen(postgres_url, "readable_schedules", "id::text, type, trigger, state, next_run") == [
        (envelope.id, "cron", envelope.cron, "active", envelope.next_run)
    ]

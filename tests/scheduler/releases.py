"""Two releases of the tz database, and schedules that were computed with one of them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from nuvom._schedule import ScheduleEnvelope
from nuvom.stores.base import Store
from nuvom.testing.clock import VirtualClock
from nuvom.triggers.zones import release
from tests.scheduler.driving import service_of, settle
from tests.scheduler.examples import cron, seconds
from tests.scheduler.zone_files import Rules

ZONE = "Europe/Berlin"
HOUR = timedelta(hours=1)
OLD, NEW, NEWEST = "2030a", "2030b", "2030c"

Database = Callable[[str, Rules], Path]


def offset(hours: float) -> Rules:
    return [(None, timedelta(hours=hours))]


def kept(store: Store, expression: str, name: str = "cron", zone: str = ZONE, **fields: Any) -> ScheduleEnvelope:
    """Store a cron schedule as a producer with the tz database of now does."""
    wanted = cron(expression, zone, store.now(), name, tzdata=release(), times_since=store.now(), **fields)
    return store.schedules.upsert(wanted).envelope


def read(store: Store, envelope: ScheduleEnvelope) -> ScheduleEnvelope:
    found = store.schedules.get(envelope.id)
    assert found is not None
    return found


def told(store: Store, envelope: ScheduleEnvelope) -> list[str]:
    """Return the rows of a schedule, oldest first."""
    rows = store.ledger.occurrences(envelope.id, 100)
    return [f"{row.nominal:%d %H:%M} {row.outcome}" for row in reversed(rows)]


def run_until(store: Store, clock: VirtualClock, end: datetime) -> None:
    """Serve as one process does, from now to `end`."""
    service = service_of(store, clock)
    while True:
        pause = settle(service)
        if clock.now() + seconds(pause) > end:
            clock.advance(end - clock.now())
            return
        clock.advance(pause)

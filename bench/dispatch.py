"""Schedules that are overdue: how many occurrences a scheduler dispatches, with the next time of each."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime

from bench.copies import RANDOM_ID, copy
from bench.figures import Figure, at_least
from bench.raw import connect
from bench.stage import Stage, stage
from bench.tasks import noop
from bench.timing import in_turns, rate
from nuvom.scheduler.service import SchedulerService

SCHEDULES = 100_000
ZONES = ("UTC", "Europe/Berlin")
AGO = 50  # minutes
BATCH = 500

HOUR, _MINUTE = 3_600_000_000, 60_000_000  # microseconds
_DISPATCHED = "SELECT (SELECT count(*) FROM occurrences WHERE outcome = 'dispatched'), (SELECT count(*) FROM jobs)"
_RAW = """
    CREATE TABLE schedules (id INTEGER PRIMARY KEY, task TEXT, arguments BLOB, interval REAL, next_run INTEGER);
    CREATE TABLE jobs (id INTEGER PRIMARY KEY, task TEXT, arguments BLOB, state INTEGER NOT NULL, result BLOB);
    CREATE TABLE occurrences (schedule INTEGER, nominal INTEGER, job INTEGER, outcome TEXT, recorded_at INTEGER);
    CREATE INDEX due ON schedules (next_run);
"""


def dispatch(scale: float) -> Iterator[Figure]:
    schedules = max(400, int(SCHEDULES * scale))
    nuvom, raw = in_turns(lambda: _round(schedules), lambda: _raw_round(schedules))
    yield Figure(
        name="dispatch",
        nuvom=nuvom,
        raw=raw,
        unit="/s",
        target=at_least(50_000),
        what=f"{schedules:,} overdue, half intervals, half crons in {len(ZONES)} zones; "
        "raw: 2 INSERTs + UPDATE, 500 at once",
    )


def _round(schedules: int) -> float:
    with stage() as place:
        made = overdue(schedules, lambda seq, count, latest, spread: _copy_due(place, seq, count, latest, spread))
        speed = dispatched(place, made)
        with closing(sqlite3.connect(place.database)) as look:
            if look.execute(_DISPATCHED).fetchone() != (made, made):
                raise RuntimeError(f"of {made:,} schedules not every one was dispatched once")
        return speed


def dispatched(place: Stage, made: int) -> float:
    """Occurrences per second of a scheduler in this process that serves until nothing is due."""
    service = SchedulerService(place.app.store)
    return rate(made, lambda: _serve(service))


def _serve(service: SchedulerService) -> None:
    while service.step() == 0.0:
        pass


def overdue(schedules: int, copy_due: Callable[[int, int, int, int], None]) -> int:
    """Store hourly schedules that were due within the last 50 minutes, so not soon again; returns how many.

    Args:
        schedules: about how many.
        copy_due: copies the schedule `seq`, `count` times, due at most `spread` microseconds before `latest`.
    """
    now = datetime.now(UTC)
    minutes = [(now.minute - ago) % 60 for ago in range(1, AGO + 1)]
    templates = [noop.schedule(1, 2, interval=3_600)]
    templates += [
        noop.schedule(1, minute, cron=f"{minute} * * * *", timezone_name=zone) for zone in ZONES for minute in minutes
    ]
    crons = len(templates) - 1
    copy_due(1, schedules // 2, _us(now), AGO * _MINUTE)
    for seq, template in enumerate(templates[1:], 2):
        assert template.next_run is not None
        copy_due(seq, schedules // 2 // crons, _us(template.next_run) - HOUR, 1)
    return schedules // 2 + schedules // 2 // crons * crons


def _us(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000


def _copy_due(place: Stage, seq: int, count: int, latest: int, spread: int) -> None:
    next_run = f"{latest} - abs(random() % {spread})"
    copy(
        place.database,
        "schedules",
        seq,
        count,
        {"id": RANDOM_ID, "name": "NULL", "anchor": next_run, "next_run": next_run, "next_nominal": next_run},
    )


def _raw_round(schedules: int) -> float:
    with stage() as place, closing(connect(place.folder / "raw.db", "normal")) as connection:
        connection.executescript(_RAW)
        rows = [(None, "bench.noop", b"[[1,2],{}]", 3_600.0, number) for number in range(schedules)]
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO schedules VALUES (?, ?, ?, ?, ?)", rows)
        connection.execute("COMMIT")
        return rate(schedules, lambda: _raw_serve(connection, schedules))


def _raw_serve(connection: sqlite3.Connection, now: int) -> None:
    due = "SELECT id, task, arguments, next_run FROM schedules WHERE next_run < ? ORDER BY next_run LIMIT ?"
    while rows := connection.execute(due, (now, BATCH)).fetchall():
        connection.execute("BEGIN IMMEDIATE")
        advanced = [(now + HOUR, row[0]) for row in rows]
        connection.executemany("UPDATE schedules SET next_run = ? WHERE id = ?", advanced)
        jobs = [(row[0], row[1], row[2], 0, None) for row in rows]
        connection.executemany("INSERT INTO jobs VALUES (?, ?, ?, ?, ?)", jobs)
        occurrences = [(row[0], row[3], row[0], "dispatched", now) for row in rows]
        connection.executemany("INSERT INTO occurrences VALUES (?, ?, ?, ?, ?)", occurrences)
        connection.execute("COMMIT")

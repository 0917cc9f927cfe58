"""A file of an older release: brought up to date with everything that is in it, or left as it was."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import nuvom.stores.sqlite
from nuvom._clock import to_us
from nuvom._ids import raw
from nuvom._schedule import Overlap, ScheduleState
from nuvom.stores.registry import open_store
from nuvom.stores.sqlite.migrations import MIGRATIONS
from nuvom.stores.sqlite.statements import load
from nuvom.stores.sqlite.store import SqliteStore
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import MINUTE, NO_ID, a_worker, claimed, fresh_id, ledger, planned
from nuvom.testing.conformance.harness import START

FOLDER = Path(nuvom.stores.sqlite.__file__).parent / "migrations"
NOW = to_us(START)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of schema 1 with a schedule, a row of its ledger and that row's job, which waits."""
    path = tmp_path / "nuvom.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((FOLDER / "0001_core.sql").read_text())
        connection.executescript(load("create_migrations"))
        connection.execute(load("insert_migration"), {**MIGRATIONS[0]._asdict(), "applied_at": NOW})
        connection.execute(
            "INSERT INTO jobs (id, task, queue, run_at, state, arguments, created_at, schedule_id, scheduled_for)"
            " VALUES (?, 'tasks.send', 'default', ?, 'ready', CAST('[[],{}]' AS BLOB), ?, ?, ?)",
            (raw(fresh_id()), NOW, NOW, raw(NO_ID), NOW),
        )
        connection.execute(
            "INSERT INTO schedules (id, name, task, arguments, schedule_type, interval, timezone_name, anchor,"
            " next_nominal, next_run, catch_up, state, origin, generation, defaults, created_at, updated_at) VALUES"
            " (?, 'old', 'tasks.send', CAST('[[],{}]' AS BLOB), 'interval', 60, 'UTC', ?, ?, ?, 'latest', 'active',"
            ' \'api\', 7, \'{"queue":"default","priority":0,"max_crashes":3}\', ?, ?)',
            (raw(NO_ID), NOW - 60_000_000, NOW, NOW, NOW, NOW),
        )
        connection.execute(
            "INSERT INTO occurrences (schedule_id, nominal, outcome, reason, recorded_at)"
            " VALUES (?, ?, 'missed', 'late', ?)",
            (raw(NO_ID), NOW - 60_000_000, NOW),
        )
        connection.commit()
    path.chmod(0o600)
    return path


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    """The file, opened by this release."""
    opened = open_store(f"sqlite:///{path}", clock=VirtualClock(START))
    assert isinstance(opened, SqliteStore)
    with closing(opened):
        yield opened


def test_what_an_older_file_holds_goes_on(store: SqliteStore) -> None:
    assert store.migrate() == [migration.name for migration in MIGRATIONS[1:]]
    schedule = store.schedules.by_name("old")
    assert schedule is not None
    assert (schedule.generation, schedule.state, schedule.next_run) == (7, ScheduleState.ACTIVE, START)
    assert (schedule.overlap, schedule.grace, schedule.max_runs, schedule.overridden) == (Overlap.ALLOW, None, None, ())
    assert store.schedules.apply([planned(schedule, START + MINUTE)]) == []
    assert [row.outcome for row in ledger(store, schedule.id)] == ["dispatched", "missed"]
    assert len(claimed(store, a_worker(store))) == 2


STATES = ("ready", "delayed", "held", "running", "succeeded", "failed", "cancelled", "expired")
FILL = """
INSERT INTO jobs (id, task, queue, run_at, state, arguments, attempt, worker, key, created_at, finished_at)
VALUES (?1, 'tasks.send', 'default', ?3, ?2, CAST('[[],{}]' AS BLOB), 2, iif(?2 = 'running', 'w', NULL), ?2, ?3, ?4)
"""


def test_jobs_of_every_state_keep_their_place_and_their_attempts(tmp_path: Path) -> None:
    path = tmp_path / "nuvom.db"
    with closing(sqlite3.connect(path)) as connection:
        for migration in MIGRATIONS[:2]:
            connection.executescript((FOLDER / f"{migration.name}.sql").read_text())
        connection.executescript(load("create_migrations"))
        connection.execute(load("insert_migration"), {**MIGRATIONS[1]._asdict(), "applied_at": NOW})
        for place, state in enumerate(STATES):
            finished = NOW if place > STATES.index("running") else None
            connection.execute(FILL, (raw(fresh_id()), state, NOW, finished))
        connection.execute(
            "INSERT INTO attempts (job, attempt, worker, ended_at) SELECT seq, 1, 'v', ?1 FROM jobs", [NOW]
        )
        connection.commit()
        before = [connection.execute(f"SELECT {what}").fetchall() for what in KEPT]
    path.chmod(0o600)
    with closing(open_store(f"sqlite:///{path}", clock=VirtualClock(START))) as store:
        store.migrate()
    with closing(sqlite3.connect(path)) as connection:
        assert [connection.execute(f"SELECT {what}").fetchall() for what in KEPT] == before
        assert connection.execute("SELECT state FROM jobs WHERE waits_for = 'key'").fetchall() == [("held",)]
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("DELETE FROM jobs")
        assert connection.execute("SELECT count(*) FROM attempts").fetchone() == (0,)


KEPT = (
    "seq, id, state, worker, key, attempt, finished_at FROM jobs ORDER BY seq",
    "job, attempt, worker, ended_at FROM attempts ORDER BY job",
)

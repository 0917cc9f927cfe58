"""What must hold in a store whatever happened to the processes that used it; read by SQL of its own.

A store is its file, or the URL of its server; what one on Redis has is looked at as tables. A task whose job is to be
checked for its fence returns an object with the `attempt` that ran it.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeGuard
from uuid import UUID

import psycopg
import redis

from nuvom.stores.postgres.address import parse
from tests.faults.redis.rows import as_tables
from tests.stores.redis import consistency

Place = Path | str
Row = tuple[Any, ...]
OPEN = ("ready", "delayed", "held", "running")

# Each finds the rows that break a rule; the rule is what is said of them.
RULES = {
    "a dispatched occurrence has no job": """
        SELECT schedule_id, nominal, source FROM occurrences
        WHERE outcome = 'dispatched' AND job_status IS NULL AND job_id NOT IN (SELECT id FROM jobs)
    """,
    "a schedule's job has no occurrence": """
        SELECT jobs.id, jobs.schedule_id, scheduled_for FROM jobs
        WHERE schedule_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM occurrences AS o
            WHERE o.schedule_id = jobs.schedule_id AND o.nominal = jobs.scheduled_for AND o.job_id = jobs.id
        )
    """,
    "an occurrence has two jobs": """
        SELECT schedule_id, scheduled_for, count(*) FROM jobs AS j
        WHERE schedule_id IS NOT NULL AND EXISTS (
            SELECT 1 FROM occurrences AS o WHERE o.job_id = j.id AND o.source = ''
        )
        GROUP BY schedule_id, scheduled_for HAVING count(*) > 1
    """,
    "two occurrences have one job": """
        SELECT job_id, count(*) FROM occurrences WHERE outcome = 'dispatched' GROUP BY job_id HAVING count(*) > 1
    """,
    "a job was dispatched before its time": """
        SELECT schedule_id, nominal, lateness FROM occurrences
        WHERE outcome = 'dispatched' AND (lateness < 0 OR recorded_at < nominal)
    """,
    "a job started before its time": """
        SELECT id, started_at, run_at, scheduled_for FROM jobs
        WHERE started_at < run_at AND state IN ('running', 'succeeded') OR started_at < scheduled_for
    """,
    "a one-off stayed although it ran": """
        SELECT s.id, s.at FROM schedules AS s
        WHERE s.schedule_type = 'one_off' AND s.state = 'active' AND EXISTS (
            SELECT 1 FROM occurrences AS o WHERE o.schedule_id = s.id AND o.nominal = s.at AND o.source = ''
        )
    """,
    "a one-off left and did not run": """
        SELECT f.schedule_id, f.definition FROM fences AS f
        WHERE f.state = 'done' AND f.definition ->> 'schedule_type' = 'one_off' AND NOT EXISTS (
            SELECT 1 FROM occurrences AS o WHERE o.schedule_id = f.schedule_id
        )
    """,
    "a cancelled schedule is back": """
        SELECT s.id, s.generation, f.generation FROM schedules AS s JOIN fences AS f ON f.schedule_id = s.id
        WHERE f.ended_at IS NOT NULL AND s.generation <= f.generation
    """,
    "a cancelled schedule was dispatched": """
        SELECT o.schedule_id, o.nominal FROM occurrences AS o JOIN fences AS f ON f.schedule_id = o.schedule_id
        WHERE f.state = 'cancelled' AND o.source = '' AND o.recorded_at > f.ended_at
    """,
    "a skipped occurrence has no reason": """
        SELECT schedule_id, nominal, outcome FROM occurrences
        WHERE outcome <> 'dispatched' AND coalesce(reason, '') = ''
    """,
    "errors or crashes exceed their bounds": """
        SELECT id, errors, retries, crashes, max_crashes FROM jobs
        WHERE errors > coalesce(retries, 0) + 1 OR crashes > max_crashes
    """,
    "a job has more history than attempts": """
        SELECT id, attempt FROM jobs
        WHERE attempt < (SELECT coalesce(max(a.attempt), 0) FROM attempts AS a WHERE a.job = jobs.seq)
    """,
    "an outcome is not that of the attempt that held the lease": """
        SELECT id, attempt, CAST(value AS TEXT) FROM jobs WHERE state = 'succeeded' AND told_attempt(value) <> attempt
    """,
    "a job failed without an error": """
        SELECT id, state FROM jobs WHERE state = 'failed' AND error IS NULL
    """,
    "a job ended at no time": """
        SELECT id, state FROM jobs WHERE state NOT IN ('ready', 'delayed', 'held', 'running') AND finished_at IS NULL
    """,
}
# Which attempt says in its value that it ran the job.
TOLD_ATTEMPT = """
CREATE FUNCTION pg_temp.told_attempt(value json) RETURNS integer LANGUAGE sql AS
$$SELECT CASE WHEN json_typeof(value) = 'object' THEN (value ->> 'attempt')::integer END$$
"""
GRIDS = """
SELECT id, anchor, CAST(round(interval * 1e6) AS BIGINT), next_nominal FROM schedules
WHERE schedule_type = 'interval' AND state = 'active'
"""


@contextmanager
def reading(place: Place) -> Iterator[Callable[[str], list[Row]]]:
    """Give what runs a SELECT, each on the same state of the store."""
    if isinstance(place, Path):
        with closing(sqlite3.connect(place, timeout=30)) as file:
            file.create_function("told_attempt", 1, _told_attempt)
            file.execute("BEGIN")
            yield lambda statement: file.execute(statement).fetchall()
        return
    if _is_redis(place):
        with closing(as_tables(place)) as tables:
            tables.create_function("told_attempt", 1, _told_attempt)
            yield lambda statement: tables.execute(statement).fetchall()
        return
    address = parse(place)
    with closing(psycopg.connect(address.conninfo, autocommit=True, connect_timeout=5)) as connection:
        connection.execute(TOLD_ATTEMPT)
        connection.execute(f"SET search_path TO {address.quoted}".encode())
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")

        def rows(statement: str) -> list[Row]:
            return connection.execute(statement.replace("told_attempt(", "pg_temp.told_attempt(").encode()).fetchall()

        yield rows


def check(place: Place) -> None:
    """Fail with each rule that the store breaks."""
    found = violations(place)
    assert found == [], "\n".join(found)


def violations(place: Place) -> list[str]:
    """Return a line for each row that breaks a rule."""
    with reading(place) as rows:
        found = [f"{rule}: {_shown(row)}" for rule, statement in RULES.items() for row in rows(statement)[:5]]
        found += [f"interval: {gap}" for gap in _gaps(rows)]
        if isinstance(place, Path):
            found += [f"integrity: {row[0]}" for row in rows("PRAGMA integrity_check") if row[0] != "ok"]
            found += [f"foreign key: {row}" for row in rows("PRAGMA foreign_key_check")]
    if _is_redis(place):
        try:
            consistency.check(place)
        except AssertionError as wrong:
            found.append(f"index: {wrong}")
    return found


def _is_redis(place: Place) -> TypeGuard[str]:
    return isinstance(place, str) and not place.startswith("postgres")


def _gaps(rows: Callable[[str], list[Row]]) -> Iterator[str]:
    """Compare the rows of each interval with its grid, from its first time to the last before its next run."""
    told: dict[bytes | UUID, list[Row]] = {}
    for schedule_id, *row in rows("SELECT schedule_id, nominal, last, count FROM occurrences WHERE source = ''"):
        told.setdefault(schedule_id, []).append(tuple(row))
    for schedule_id, anchor, interval, following in rows(GRIDS):
        found = sorted(nominal for nominal, _, _ in told.get(schedule_id, []))
        summed = any(count > 1 for _, _, count in told.get(schedule_id, []))
        if not summed and found != list(range(anchor + interval, following, interval)):
            due = (following - anchor) // interval - 1
            yield f"{_shown((schedule_id,))}: {len(found)} rows on {due} due times"


def _told_attempt(value: bytes | str | None) -> int | None:
    with suppress(ValueError, TypeError):
        said = json.loads(value or b"null")
        return said.get("attempt") if isinstance(said, dict) else None
    return None


def _shown(row: Row) -> Row:
    """Return a row with its ids as people know them."""
    return tuple(
        str(UUID(bytes=value) if isinstance(value, bytes) else value) if isinstance(value, bytes | UUID) else value
        for value in row
    )


class Watcher:
    """Looks at a store again and again: what may only grow must not fall, and what is final must stay as it is."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._next_runs: dict[tuple[bytes | UUID, int], int] = {}
        self._jobs: dict[int, Row] = {}
        self.problems: list[str] = []

    def look(self) -> None:
        """Compare with the look before."""
        with reading(self._place) as rows:
            schedules = rows("SELECT id, generation, next_run FROM schedules")
            jobs = rows("SELECT seq, state, attempt, finished_at, value FROM jobs")
        for schedule_id, generation, next_run in schedules:
            last = self._next_runs.get((schedule_id, generation), next_run)
            self._note(next_run < last, f"next_run of {_shown((schedule_id,))} went back from {last} to {next_run}")
            self._next_runs[schedule_id, generation] = next_run
        for seq, *now in jobs:
            before = self._jobs.get(seq, tuple(now))
            self._note(before[0] not in OPEN and tuple(now) != before, f"final job {seq} changed: {before} to {now}")
            self._note(now[1] < before[1], f"attempts of job {seq} went down from {before[1]} to {now[1]}")
            self._jobs[seq] = tuple(now)

    def _note(self, wrong: bool, what: str) -> None:
        if wrong:
            self.problems.append(what)


@contextmanager
def watched(place: Place, *, every: float = 0.05) -> Iterator[Callable[[], None]]:
    """Watch a store in the background; at the end no look may have found anything. Gives a look at a chosen moment.

    A server that is away is looked at again when it is back.
    """
    watcher, ended = Watcher(place), threading.Event()

    def go_on() -> None:
        while not ended.wait(every):
            with suppress(psycopg.OperationalError, redis.ConnectionError, redis.TimeoutError):
                watcher.look()

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield watcher.look
    finally:
        ended.set()
        thread.join()
    watcher.look()
    assert watcher.problems == []


def states(place: Place) -> dict[str, int]:
    """Count jobs by state."""
    with reading(place) as rows:
        return dict(rows("SELECT state, count(*) FROM jobs GROUP BY state"))


def values(place: Place) -> list[object]:
    """Return the values of the jobs that succeeded, in the order of their pushes."""
    with reading(place) as rows:
        found = rows("SELECT value FROM jobs WHERE state = 'succeeded' ORDER BY seq")
    return [json.loads(value) if isinstance(value, bytes | str) else value for (value,) in found]

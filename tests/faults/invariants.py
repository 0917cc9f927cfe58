"""What must hold in a store's file whatever happened to the processes that used it; read by SQL of its own.

A task whose job is to be checked for its fence returns an object with the `attempt` that ran it.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

OPEN = ("ready", "delayed", "held", "running")

# Each finds the rows that break a rule; the rule is what is said of them.
RULES = {
    "a dispatched occurrence has no job": """
        SELECT hex(schedule_id), nominal, source FROM occurrences
        WHERE outcome = 'dispatched' AND job_status IS NULL AND job_id NOT IN (SELECT id FROM jobs)
    """,
    "a schedule's job has no occurrence": """
        SELECT hex(jobs.id), hex(jobs.schedule_id), scheduled_for FROM jobs
        WHERE schedule_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM occurrences AS o
            WHERE o.schedule_id = jobs.schedule_id AND o.nominal = jobs.scheduled_for AND o.job_id = jobs.id
        )
    """,
    "an occurrence has two jobs": """
        SELECT hex(schedule_id), scheduled_for, count(*) FROM jobs AS j
        WHERE schedule_id IS NOT NULL AND EXISTS (
            SELECT 1 FROM occurrences AS o WHERE o.job_id = j.id AND o.source = ''
        )
        GROUP BY schedule_id, scheduled_for HAVING count(*) > 1
    """,
    "a job was dispatched before its time": """
        SELECT hex(schedule_id), nominal, lateness FROM occurrences
        WHERE outcome = 'dispatched' AND (lateness < 0 OR recorded_at < nominal)
    """,
    "a job started before its time": """
        SELECT hex(id), started_at, run_at, scheduled_for FROM jobs
        WHERE started_at < run_at AND state IN ('running', 'succeeded') OR started_at < scheduled_for
    """,
    "a one-off stayed although it ran": """
        SELECT hex(s.id), s.at FROM schedules AS s
        WHERE s.schedule_type = 'one_off' AND s.state = 'active' AND EXISTS (
            SELECT 1 FROM occurrences AS o WHERE o.schedule_id = s.id AND o.nominal = s.at AND o.source = ''
        )
    """,
    "a one-off left and did not run": """
        SELECT hex(f.schedule_id), f.definition FROM fences AS f
        WHERE f.state = 'done' AND f.definition ->> '$.schedule_type' = 'one_off' AND NOT EXISTS (
            SELECT 1 FROM occurrences AS o WHERE o.schedule_id = f.schedule_id
        )
    """,
    "a cancelled schedule is back": """
        SELECT hex(s.id), s.generation, f.generation FROM schedules AS s JOIN fences AS f ON f.schedule_id = s.id
        WHERE f.ended_at IS NOT NULL AND s.generation <= f.generation
    """,
    "a cancelled schedule was dispatched": """
        SELECT hex(o.schedule_id), o.nominal FROM occurrences AS o JOIN fences AS f ON f.schedule_id = o.schedule_id
        WHERE f.state = 'cancelled' AND o.source = '' AND o.recorded_at > f.ended_at
    """,
    "a skipped occurrence has no reason": """
        SELECT hex(schedule_id), nominal, outcome FROM occurrences
        WHERE outcome <> 'dispatched' AND coalesce(reason, '') = ''
    """,
    "errors or crashes exceed their bounds": """
        SELECT hex(id), errors, retries, crashes, max_crashes FROM jobs
        WHERE errors > coalesce(retries, 0) + 1 OR crashes > max_crashes
    """,
    "a job has more history than attempts": """
        SELECT hex(id), attempt FROM jobs
        WHERE attempt < (SELECT coalesce(max(a.attempt), 0) FROM attempts AS a WHERE a.job = jobs.seq)
    """,
    "an outcome is not that of the attempt that held the lease": """
        SELECT hex(id), attempt, CAST(value AS TEXT) FROM jobs
        WHERE state = 'succeeded' AND json_valid(CAST(value AS TEXT))
            AND json_type(CAST(value AS TEXT)) = 'object' AND CAST(value AS TEXT) ->> '$.attempt' <> attempt
    """,
    "a job ended without an error or a value's place": """
        SELECT hex(id), state FROM jobs WHERE state = 'failed' AND error IS NULL
    """,
}
GRIDS = """
SELECT id, anchor, CAST(round(interval * 1e6) AS INTEGER), next_nominal, created_at FROM schedules
WHERE schedule_type = 'interval' AND state = 'active'
"""


def check(path: Path) -> None:
    """Fail with each rule that the file breaks."""
    found = violations(path)
    assert found == [], "\n".join(found)


def violations(path: Path) -> list[str]:
    """Return a line for each row that breaks a rule."""
    with closing(sqlite3.connect(path, timeout=30)) as file:
        file.execute("BEGIN")
        found = [f"{rule}: {row}" for rule, statement in RULES.items() for row in file.execute(statement).fetchmany(5)]
        found += [f"interval: {gap}" for gap in _gaps(file)]
        found += [f"integrity: {row[0]}" for row in file.execute("PRAGMA integrity_check") if row[0] != "ok"]
        return found + [f"foreign key: {row}" for row in file.execute("PRAGMA foreign_key_check")]


def _gaps(file: sqlite3.Connection) -> Iterator[str]:
    """Compare the rows of each interval with its grid, from its first time to the last before its next run."""
    for schedule_id, anchor, interval, following, _ in file.execute(GRIDS).fetchall():
        rows = file.execute(
            "SELECT nominal, last, count FROM occurrences WHERE schedule_id = ? AND source = ''", [schedule_id]
        ).fetchall()
        found = sorted(nominal for nominal, _, _ in rows)
        summed = any(count > 1 for _, _, count in rows)
        if not summed and found != list(range(anchor + interval, following, interval)):
            yield f"{schedule_id.hex()}: {len(found)} rows on {(following - anchor) // interval - 1} due times"


def settled(path: Path) -> bool:
    """Tell whether every job is final and no schedule is due."""
    with closing(sqlite3.connect(path, timeout=30)) as file:
        states = ", ".join(f"'{state}'" for state in OPEN)
        left = f"SELECT EXISTS (SELECT 1 FROM jobs WHERE state IN ({states}))"
        due = "SELECT EXISTS (SELECT 1 FROM schedules WHERE state = 'active' AND next_run <= ?)"
        now = time.time_ns() // 1000
        return not (file.execute(left).fetchone()[0] or file.execute(due, [now]).fetchone()[0])


class Watcher:
    """Looks at a file again and again: what may only grow must not fall, and what is final must stay as it is."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._next_runs: dict[tuple[bytes, int], int] = {}
        self._jobs: dict[int, tuple[str, int, int | None, bytes | None]] = {}
        self.problems: list[str] = []

    def look(self) -> None:
        """Compare with the look before."""
        with closing(sqlite3.connect(self._path, timeout=30)) as file:
            file.execute("BEGIN")
            schedules = file.execute("SELECT id, generation, next_run FROM schedules").fetchall()
            jobs = file.execute("SELECT seq, state, attempt, finished_at, value FROM jobs").fetchall()
        for schedule_id, generation, next_run in schedules:
            last = self._next_runs.get((schedule_id, generation), next_run)
            self._note(next_run < last, f"next_run of {schedule_id.hex()} went back from {last} to {next_run}")
            self._next_runs[schedule_id, generation] = next_run
        for seq, *now in jobs:
            before = self._jobs.get(seq, tuple(now))
            self._note(before[0] not in OPEN and tuple(now) != before, f"final job {seq} changed: {before} to {now}")
            self._note(now[1] < before[1], f"attempts of job {seq} went down from {before[1]} to {now[1]}")
            self._jobs[seq] = (now[0], now[1], now[2], now[3])

    def _note(self, wrong: bool, what: str) -> None:
        if wrong:
            self.problems.append(what)


@contextmanager
def watched(path: Path, *, every: float = 0.05) -> Iterator[Callable[[], None]]:
    """Watch a file in the background; at the end no look may have found anything. Gives a look at a chosen moment."""
    watcher, ended = Watcher(path), threading.Event()

    def go_on() -> None:
        while not ended.wait(every):
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


def states(path: Path) -> dict[str, int]:
    """Count jobs by state."""
    with closing(sqlite3.connect(path, timeout=30)) as file:
        return dict(file.execute("SELECT state, count(*) FROM jobs GROUP BY state").fetchall())


def values(path: Path) -> list[object]:
    """Return the values of the jobs that succeeded, in the order of their pushes."""
    with closing(sqlite3.connect(path, timeout=30)) as file:
        rows = file.execute("SELECT value FROM jobs WHERE state = 'succeeded' ORDER BY seq").fetchall()
    return [None if value is None else json.loads(value) for (value,) in rows]

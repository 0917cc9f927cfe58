"""The statements: each compiles on the real engine, each is used, and what runs often reads only what it needs."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import nuvom.stores.sqlite
from nuvom.stores.sqlite.statements import load
from nuvom.stores.sqlite.store import SqliteStore

FOLDER = Path(nuvom.stores.sqlite.__file__).parent
NAMES = sorted(file.stem for file in (FOLDER / "sql").glob("*.sql"))
SOURCES = "\n".join(file.read_text() for file in FOLDER.glob("*.py"))

QUEUES = 5
ROWS = 4_000

# Statement → what each part of its plan that reads jobs must say; a scan of the table is what none may say.
PLANS = {
    "claim": ["jobs_claim (queue=?)", "best USING INTEGER PRIMARY KEY (rowid=?)"],
    "claim_queue": ["jobs_claim (queue=?)"],
    "claim_heads": ["jobs_claim (queue=? AND priority=?)", "jobs_claim (queue=? AND priority<?)"],
    "claim_suspect": ["jobs_suspects"],
    "ready_queues": ["jobs_claim (queue>?)"],
    "best_queues": ["jobs_claim (queue=?)"],
    "has_ready": ["jobs_claim (queue=?)"],
    "has_ready_any": ["jobs_claim"],
    "has_suspects": ["jobs_suspects"],
    "finish_succeeded": ["INTEGER PRIMARY KEY (rowid=?)"],
    "finish_failed": ["INTEGER PRIMARY KEY (rowid=?)"],
    "finish_retry": ["INTEGER PRIMARY KEY (rowid=?)"],
    "release_held": ["jobs_key (key=? AND state=?)"],
    "oust_waiting": ["jobs_key (key=?", "INTEGER PRIMARY KEY (rowid=?)"],
    "oust_running": ["jobs_key (key=? AND state=?)", "INTEGER PRIMARY KEY (rowid=?)"],
    "promote": ["jobs_delayed (run_at<?)"],
    "has_due": ["jobs_delayed (run_at<?)"],
    "next_delayed": ["jobs_delayed"],
    "asked_to_stop": ["jobs_asked (worker=?)"],
    "held_by": ["jobs_running (worker=?)"],
    "end_asked": ["jobs_asked (worker=?)", "INTEGER PRIMARY KEY (rowid=?)"],
    "running_jobs": ["jobs_running (worker=?)"],
    "lost_workers": ["jobs_running (worker>?)"],
    "put_back_all": ["jobs_running (worker=?)"],
    "list_by_schedule": ["jobs_schedule (schedule_id=? AND <expr>=? AND backfill=? AND seq<?)", "MERGE (UNION ALL)"],
    "expire": ["jobs_expiring (expires_at<?)"],
    "has_expired": ["jobs_expiring (expires_at<?)"],
    "list_failed": ["jobs_failed (seq<?)"],
    "list_running": ["jobs_running"],
    "ended_of": ["sqlite_autoindex_jobs_1 (id=?)"],
    "list_jobs": ["INTEGER PRIMARY KEY (rowid<?)"],
    "get_job": ["sqlite_autoindex_jobs_1 (id=?)"],
    "cancel_job": ["sqlite_autoindex_jobs_1 (id=?)"],
    "flow_load": ["jobs_flow (flow=? AND state=?)"],
    "open_flow": ["jobs_held (flow=?)"],
    "open_priority": ["jobs_held (flow=? AND priority=?)", "jobs_held (flow=? AND priority<?)"],
    "has_waiting": ["jobs_held (flow=?)"],
    "hold_back": ["jobs_flow (flow=? AND state=?)"],
    "hold_flows": ["flows_task (task=?)", "jobs_flow (flow=? AND state=?)"],
    "limit_flows": ["flows_task (task=?)"],
    "due_flows": ["flows_opening (opens_at<?)", "flows_shut (shut_at>?)"],
    "forget_flow": ["jobs_flow (flow=?)"],
    "unique_queued": ["jobs_unique (unique_key=? AND <expr>=?)"],
    "unique_open": ["jobs_unique (unique_key=? AND <expr>=?)"],
    "unique_since": ["jobs_unique (unique_key=? AND <expr>=? AND created_at>?)"],
    "retry_job": ["sqlite_autoindex_jobs_1 (id=?)", "jobs_key (key=?)"],
}
FILL = """
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :rows)
INSERT INTO jobs (id, task, queue, priority, run_at, state, arguments, created_at, suspect, worker, finished_at, key,
    waits_for, flow, unique_key)
SELECT
    randomblob(16), 'tasks.send', 'q' || (n % :queues), n % 3, n, state, x'', n, 0,
    CASE state WHEN 'running' THEN 'w' END, CASE state WHEN 'succeeded' THEN n END, CASE state WHEN 'held' THEN 'k' END,
    CASE state WHEN 'held' THEN iif(n % 16 = 3, 'key', 'flow') END, 'f' || (n % 3), 'u' || (n % 7)
FROM (
    SELECT n, CASE n % 8 WHEN 0 THEN 'ready' WHEN 1 THEN 'delayed' WHEN 2 THEN 'running' WHEN 3 THEN 'held'
        ELSE 'succeeded' END AS state
    FROM numbers
)
"""


@pytest.fixture
def connection(store: SqliteStore, path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a store that holds jobs of every state."""
    with closing(sqlite3.connect(path, isolation_level=None)) as opened:
        opened.execute(FILL, {"rows": ROWS, "queues": QUEUES})
        yield opened


def plan(connection: sqlite3.Connection, name: str) -> list[str]:
    """Return the steps of a statement's plan."""
    statement = load(name)
    numbered = max([int(number) for number in re.findall(r"\?(\d+)", statement)], default=0)
    named = dict.fromkeys(re.findall(r":([a-z_]+)", statement))
    parameters = [None] * numbered if numbered else named
    return [step for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]


@pytest.mark.parametrize("name", NAMES)
def test_a_statement_compiles_and_says_what_it_is_for(store: SqliteStore, path: Path, name: str) -> None:
    assert (FOLDER / "sql" / f"{name}.sql").read_text().startswith("-- ")
    assert not load(name).startswith("--")
    with closing(sqlite3.connect(path)) as connection:
        plan(connection, name)


@pytest.mark.parametrize("name", NAMES)
def test_a_statement_is_used(name: str) -> None:
    assert f'"{name}"' in SOURCES


@pytest.mark.parametrize("analyzed", [False, True], ids=["plain", "analyzed"])
@pytest.mark.parametrize("name", PLANS)
def test_a_statement_reads_through_its_index(connection: sqlite3.Connection, name: str, analyzed: bool) -> None:
    if analyzed:
        connection.execute("ANALYZE")
    steps = plan(connection, name)
    for wanted in PLANS[name]:
        assert any(wanted in step for step in steps), steps
    assert not [step for step in steps if re.fullmatch(r"SCAN jobs", step)], steps


def test_a_claim_needs_no_sort_of_a_queue(connection: sqlite3.Connection) -> None:
    assert not [step for step in plan(connection, "claim_queue") if "TEMP B-TREE" in step]

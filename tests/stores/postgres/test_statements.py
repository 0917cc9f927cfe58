"""The statements: each compiles on the real engine, each is used, and what runs often reads only what it needs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from psycopg import ClientCursor, sql

import nuvom.stores.postgres
from nuvom.stores.postgres.address import parse, quoted
from nuvom.stores.postgres.statements import load
from tests import servers

FOLDER = Path(nuvom.stores.postgres.__file__).parent
NAMES = sorted(file.stem for file in (FOLDER / "sql").glob("*.sql"))
SOURCES = "\n".join(file.read_text() for file in FOLDER.glob("*.py"))

Connection = psycopg.Connection[tuple[object, ...]]

# What reads a whole table, and may: it is asked for rarely, or the table is one row for each process or queue.
READS_ALL = {
    "count_all": "a count of everything, which its docstring says",
    "count_jobs": "a count of everything, which its docstring says",
    "health_tables": "for doctor",
    "list_jobs": "people look for a filter that few may meet",
    "pause_all": "a change of every schedule",
    "queue_stats": "a count of all that waits, which may be most of the table",
}
# Tables of which a scan costs what is stored. The others are small: processes, tasks, queues that rest.
LARGE = ("jobs", "attempts", "occurrences", "schedules", "fences")
# Statement → the index that its plan names.
INDEXES = {
    "claim": ["jobs_claim"],
    "claim_queue": ["jobs_claim", "jobs_pkey"],
    "claim_heads": ["jobs_claim"],
    "claim_suspect": ["jobs_suspects"],
    "has_ready": ["jobs_claim"],
    "has_suspects": ["jobs_suspects"],
    "finish_plain": ["jobs_pkey"],
    "hold": ["jobs_pkey"],
    "lost_workers": ["jobs_running"],
    "running_jobs": ["jobs_running"],
    "asked_to_stop": ["Index Cond: (worker = "],  # jobs_asked, or jobs_running where so few run that they cost the same
    "held_by": ["jobs_running"],
    "get_job": ["jobs_id_key"],
    "list_failed": ["jobs_failed"],
    "giving_up": ["jobs_expiring"],
    "due": ["schedules_due"],
    "next_due": ["schedules_due"],
    "upcoming": ["schedules_due"],
    "occurrences": ["occurrences_pkey"],
}
FILL = (
    """
    INSERT INTO {0}.jobs (
        id, task, queue, priority, run_at, state, arguments, created_at, worker, started_at, finished_at, attempt, key,
        flow, waits_for, schedule_id, scheduled_for, unique_key
    )
    SELECT
        lpad(to_hex(n), 32, '0')::uuid, 'tasks.send', 'q' || (n %% 5), n %% 3, n, state, '[[],{{}}]', n,
        CASE state WHEN 'running' THEN 'w' || n %% 9 END, n, CASE WHEN state IN ('succeeded', 'failed') THEN n END, 1,
        CASE WHEN n %% 50 = 0 THEN 'k' || n END, CASE WHEN state = 'held' THEN 'f' || n %% 9 END,
        CASE WHEN state = 'held' THEN 'flow' END, lpad(to_hex(n %% 1000), 32, '0')::uuid, n,
        CASE WHEN n %% 40 = 0 THEN 'u' || n END
    FROM (
        SELECT n, CASE
            WHEN n %% 1000 = 1 THEN 'running' WHEN n %% 1000 = 3 THEN 'delayed' WHEN n %% 1000 = 5 THEN 'held'
            WHEN n %% 1000 = 7 THEN 'failed' WHEN n %% 2 = 0 THEN 'ready' ELSE 'succeeded'
        END AS state
        FROM generate_series(1, %(rows)s) AS n
    ) AS numbers
    """,
    """
    INSERT INTO {0}.occurrences (schedule_id, nominal, outcome, job_id, recorded_at)
    SELECT lpad(to_hex(n %% 1000), 32, '0')::uuid, n, 'dispatched', lpad(to_hex(n), 32, '0')::uuid, n
    FROM generate_series(1, %(rows)s / 4) AS n
    """,
    """
    INSERT INTO {0}.schedules (
        id, name, task, arguments, schedule_type, interval, timezone_name, anchor, next_nominal, next_run, catch_up,
        state, origin, generation, defaults, created_at, updated_at, overlap
    )
    SELECT lpad(to_hex(n), 32, '0')::uuid, 's' || n, 'tasks.send', '[[],{{}}]', 'interval', 60, 'UTC', n, n, n,
        'latest', 'active', 'api', n, '{{}}', n, n, 'allow'
    FROM generate_series(1, %(rows)s / 10) AS n
    """,
    """
    INSERT INTO {0}.fences (schedule_id, generation, state, definition, ended_at)
    SELECT lpad(to_hex(n + 900000000), 32, '0')::uuid, n, 'done', '{{}}', n FROM generate_series(1, %(rows)s / 20) AS n
    """,
    "INSERT INTO {0}.attempts (job, attempt, ended_at) SELECT n, 1, n FROM generate_series(1, %(rows)s / 20) AS n",
)
# What a statement is asked about: values by the type of a parameter, and by its name where the type is not enough.
BATCH = 100
TYPES: dict[str, object] = {
    "bigint": 100,
    "integer": 100,
    "smallint": 0,
    "text": "1",  # which is JSON, too, where it is cast
    "boolean": False,
    "uuid": "00000000-0000-0000-0000-0000000003e8",
    "json": "[]",
    "double precision": 1.0,
    "name": "nuvom",
    "oid": 1,
}
VALUES: dict[str, object] = {
    "limit": BATCH,
    "worker": "w1",
    "now": 10**15,
    "states": None,
    "task": None,
    "queue": "q1",
    "before": 10**15,
}


@pytest.fixture(scope="module")
def filled(postgres_server: str) -> Iterator[Connection]:
    """A connection to a store of its own that holds many rows of every kind, and no statistics of them yet."""
    name = "filled"
    url = servers.with_parameters(postgres_server, schema=name)
    servers.drop_schema(postgres_server, name)
    with (
        closing(servers.migrated(url)),
        closing(psycopg.connect(parse(url).conninfo, autocommit=True, prepare_threshold=None)) as opened,
    ):
        for statement in FILL:
            opened.execute(sql.SQL(statement).format(sql.Identifier(name)), {"rows": servers.ROWS})
        yield opened
    servers.drop_schema(postgres_server, name)


def prepared(connection: Connection, name: str, schema: str) -> list[str]:
    """Prepare a statement under its name; returns the types of its parameters."""
    connection.execute(b"PREPARE " + quoted(name).encode() + b" AS " + load(name, quoted(schema)).sql)
    types = connection.execute("SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = %s", (name,))
    [(found,)] = types.fetchall()
    assert isinstance(found, list)
    return found


def value(name: str | None, kind: str) -> object:
    if name in VALUES and not kind.endswith("[]") and kind != "uuid":
        return VALUES[name]
    if name in ("excluding", "states", "ready_by"):
        return None
    if not kind.endswith("[]"):
        return TYPES[kind]
    one = TYPES[kind.removesuffix("[]")]
    return [1_000 + 2 * n for n in range(BATCH)] if isinstance(one, int) and not isinstance(one, bool) else [one] * 3


def plan(connection: Connection, name: str, types: list[str], mode: str) -> str:
    names = load(name, quoted("filled")).names or [None] * len(types)
    values = [value(each, kind) for each, kind in zip(names, types, strict=True)]
    connection.execute(sql.SQL("SET plan_cache_mode TO {}").format(sql.Literal(mode)))
    holes = sql.SQL(", ").join(sql.SQL("%s::{}").format(sql.SQL(kind)) for kind in types)
    called = sql.SQL("({})").format(holes) if types else sql.SQL("")
    query = sql.SQL("EXPLAIN EXECUTE {}{}").format(sql.Identifier(name), called)
    with ClientCursor(connection) as cursor:
        return "\n".join(str(line) for (line,) in cursor.execute(query, values).fetchall())


def test_each_statement_says_what_it_is_for_and_is_used() -> None:
    for name in NAMES:
        assert (FOLDER / "sql" / f"{name}.sql").read_text().startswith("-- ")
        assert f'"{name}"' in SOURCES, name


def test_each_statement_compiles(postgres_url: str) -> None:
    address = parse(postgres_url)
    with closing(psycopg.connect(address.conninfo, autocommit=True, prepare_threshold=None)) as connection:
        for name in NAMES:
            prepared(connection, name, address.schema)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("analyzed", [False, True], ids=["without statistics", "analyzed"])
def test_no_statement_reads_a_large_table_whole_whatever_the_planner_knows(filled: Connection, analyzed: bool) -> None:
    filled.execute("DEALLOCATE ALL")
    if analyzed:
        filled.execute("ANALYZE")
    bad: list[str] = []
    for name in NAMES:
        types = prepared(filled, name, "filled")
        for mode in ("force_generic_plan", "force_custom_plan"):
            steps = plan(filled, name, types, mode)
            scans = re.findall(rf"Seq Scan on ({'|'.join(LARGE)})\b", steps)
            lacking = [index for index in INDEXES.get(name, ()) if index not in steps]
            if (scans and name not in READS_ALL) or lacking:
                bad.append(f"{name}, {mode}: reads {scans}, does not use {lacking}\n{steps}")
    assert not bad, "\n\n".join(bad)


@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
def test_a_claim_of_a_queue_needs_no_sort(filled: Connection, mode: str) -> None:
    filled.execute("DEALLOCATE ALL")
    steps = plan(filled, "claim_queue", prepared(filled, "claim_queue", "filled"), mode)
    assert "Sort" not in steps, steps

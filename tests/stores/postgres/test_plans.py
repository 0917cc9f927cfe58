"""Plans of PostgreSQL: a batch of jobs is found by its rows' places, however many others wait beside them."""

from __future__ import annotations

import re
from contextlib import closing

import pytest

from nuvom.stores.postgres.columns import columns
from nuvom.stores.postgres.statements import load
from nuvom.stores.postgres.store import PostgresStore

WAITING = 5_000
_FILL = f"""
    INSERT INTO nuvom.jobs (id, task, queue, run_at, created_at, expires_at, state, waits_for, flow, arguments)
    SELECT
        gen_random_uuid(), 't', 'default', g, 1, g, CASE WHEN g % 2 = 0 THEN 'delayed' ELSE 'held' END,
        CASE WHEN g % 2 = 1 THEN 'flow' END, CASE WHEN g % 2 = 1 THEN 'f' END, '[[],{{}}]'
    FROM generate_series(1, {WAITING}) AS g
"""
OPENED = columns(
    ("flow", "room", "fair", "started", "starts", "opens_at", "now"), [("f", 5, 0, True, "[]", 9, 9)]
)  # fmt: skip


@pytest.mark.parametrize("plans", ["force_generic_plan", "force_custom_plan"])
@pytest.mark.parametrize("analyzed", [False, True])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("open_flows", OPENED),
        ("open_priority", columns(("flow", "turn"), [("f", 1)])),
        ("promote", [[*range(1, 300)], 10**9]),
        ("expire", [[*range(1, 300)], 10**9]),
    ],
    ids=["open_flows", "open_priority", "promote", "expire"],
)
def test_jobs_are_found_by_their_places(
    live: PostgresStore, name: str, said: dict[str, object] | list[object], plans: str, analyzed: bool
) -> None:
    live.jobs.counts()  # it is migrated
    schema = live._database.address.quoted
    statement = load(name, schema)
    parameters = [said[parameter] for parameter in statement.names] if isinstance(said, dict) else said
    with closing(live._database.connections.open()) as connection:
        connection.execute(_FILL.replace("nuvom.", f"{schema}.").encode())
        if analyzed:
            connection.execute(f"ANALYZE {schema}.jobs".encode())
        with connection.transaction(force_rollback=True):
            connection.execute(f"SET LOCAL plan_cache_mode TO {plans}".encode())
            cursor = live._database.session(connection, None).cursor
            found = cursor.execute(b"EXPLAIN " + statement.sql, parameters).fetchall()
    plan = "\n".join(line for (line,) in found)
    by_place = re.findall(r"Scan (?:using|on) (\w+)[^\n]*\n\s+(?:Index Cond|Filter)[^\n]*\(seq = ANY", plan)
    assert by_place, plan
    assert set(by_place) == {"jobs_pkey"}, plan

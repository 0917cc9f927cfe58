"""Bugs in limits: places, rates, unique jobs and paused queues."""

from __future__ import annotations

from tests.mutants.planted import SQL, STORE, Mutant, kit

_PROMOTE = """\
UPDATE jobs SET state = iif(flow IS NULL, 'ready', 'held'), waits_for = iif(flow IS NULL, NULL, 'flow')
WHERE seq IN (
    SELECT seq FROM jobs INDEXED BY jobs_delayed
    WHERE state = 'delayed' AND run_at <= :now ORDER BY run_at LIMIT :limit
)
RETURNING flow"""

MUTANTS = (
    Mutant(
        "a retry keeps its place in a flow",
        f"{STORE}/outcomes.py",
        "            endings.moved(outcome.job.flow)",
        "            pass",
        kit("gives_up_its_place"),
    ),
    Mutant(
        "a rate's window is shorter by a slice",
        "src/nuvom/stores/windows.py",
        "if end + _window(rate) > now:",
        "if end + _window(rate) - width > now:",
        ("tests/stores/test_windows.py",),
    ),
    Mutant(
        "starts are not counted by the rate",
        f"{STORE}/claims.py",
        "return count_starts(connection, flows, now_us) if flows else 0",
        "return 0 if flows else count_starts(connection, flows, now_us)",
        kit("rate"),
    ),
    Mutant(
        "a unique job is looked for and pushed all the same",
        f"{STORE}/insert.py",
        "if known is None or unique is None:",
        "if known is None or unique is not None:",
        kit("stands_for"),
    ),
    Mutant(
        "a unique job is looked for outside of the transaction",
        f"{STORE}/insert.py",
        "        known = None if unique is None else _standing_for(connection, row, unique, now_us)\n",
        "        connection.execute('COMMIT')\n"
        "        known = None if unique is None else _standing_for(connection, row, unique, now_us)\n"
        "        import time; time.sleep(0.2)\n"
        "        connection.execute('BEGIN IMMEDIATE')\n",
        ("tests/stores/sqlite/test_unique.py",),
    ),
    Mutant(
        "suspects of a paused queue are claimed",
        f"{SQL}/claim_suspect.sql",
        "AND queue NOT IN (SELECT queue FROM paused_queues)",
        "AND queue NOT IN (SELECT note FROM paused_queues WHERE note IS NOT NULL)",
        kit("suspect_of_a_paused"),
    ),
    Mutant(
        "a paused queue is claimed from",
        f"{STORE}/pausing.py",
        "return [queue for queue in queues if queue not in resting]",
        "return queues",
        kit("paused_queue"),
    ),
    Mutant(
        "a due job of a flow starts without a place",
        f"{SQL}/promote.sql",
        _PROMOTE,
        _PROMOTE.replace("iif(flow IS NULL, 'ready', 'held')", "'ready'")
        .replace("iif(flow IS NULL, NULL, 'flow')", "NULL")
        .replace("RETURNING flow", "RETURNING NULL"),  # else its flow would hold the job back in the same transaction
        kit("until_it_is_due"),
    ),
    Mutant(
        "a lower limit waits for those that were let in",
        f"{STORE}/flows.py",
        '            connection.execute(load("hold_flows"), (row.name, now_us))\n',
        "",
        kit("lower_limit"),
    ),
)

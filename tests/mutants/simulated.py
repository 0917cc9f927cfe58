"""Bugs that only a meeting of faults shows: the simulation must find each of them."""

from __future__ import annotations

from tests.mutants.planted import SQL, STORE, Mutant

TESTS = "tests/simulation/test_simulation.py"


def _found(name: str, path: str, old: str, new: str) -> Mutant:
    """Return a bug that the suite's own seeds find; which of them does, changes with each call that the code makes."""
    return Mutant(f"simulated: {name}", path, old, new, (f"{TESTS}::test_every_promise_holds_under_every_seed",))


def _found_in_two_stores(name: str, file: str, old: str, new: str) -> Mutant:
    test = f"{TESTS}::test_every_promise_holds_where_schedules_are_in_another_store_than_jobs"
    return Mutant(f"simulated: {name}", f"src/nuvom/stores/paired/{file}.py", old, new, (test,))


MUTANTS = (
    # Outcomes, leases and attempts.
    _found("a success is fenced without its worker", f"{SQL}/finish_succeeded.sql", "worker = ?6", "?6 IS NOT NULL"),
    _found(
        "the outcome of a process that was paused is accepted",
        f"{SQL}/finish_succeeded.sql",
        "AND attempt = ?5 AND worker = ?6",
        "AND ?5 > 0 AND ?6 IS NOT NULL",
    ),
    _found("an error is fenced without its worker", f"{SQL}/finish_retry.sql", "worker = ?6", "?6 IS NOT NULL"),
    _found(
        "jobs are rescued by age",
        f"{SQL}/lost_workers.sql",
        "lease_until > :monotonic",
        "lease_until > :monotonic + 1000000",
    ),
    _found(
        "a lease outlives its boot",
        f"{SQL}/lost_workers.sql",
        "boot = :boot AND lease_until > :monotonic",
        ":boot IS NOT NULL AND lease_until > :monotonic",
    ),
    _found(
        "retries are never bounded",
        "src/nuvom/worker/execution.py",
        "if job.errors >= retries or",
        "if job.errors >= retries + 100 or",
    ),
    _found(
        "jobs whose claim has an unknown fate are forgotten",
        "src/nuvom/worker/claims.py",
        "self.doubtful |= error.unknown",
        "self.doubtful |= False",
    ),
    _found(
        "outcomes are dropped while the store is away",
        "src/nuvom/worker/holdings.py",
        "        while batch := self.outcomes[:MAX_BATCH]:\n",
        "        while batch := self.outcomes[:MAX_BATCH]:\n            self.outcomes = []\n",
    ),
    _found(
        "a process that was stopped in a look does not look again for long",
        "src/nuvom/worker/claims.py",
        "min(max(LOOK, _SHARE * (ended - began)), _LONGEST)",
        "max(LOOK, _SHARE * (ended - began))",
    ),
    # Dispatch.
    _found("a plan for another next run is applied", f"{SQL}/advance.sql", "next_run = ?3", "?3 IS NOT NULL"),
    _found(
        "a paused schedule is dispatched",
        f"{SQL}/advance.sql",
        "generation = ?2 AND next_run = ?3 AND state = 'active'",
        "next_run = ?3 AND ?2 IS NOT NULL",
    ),
    _found(
        "the ledger's row is written again",
        f"{SQL}/insert_occurrence.sql",
        "DO NOTHING",
        "DO UPDATE SET outcome = excluded.outcome, job_id = excluded.job_id",
    ),
    _found(
        "a cancelled schedule lives on",
        f"{STORE}/schedules.py",
        '    connection.execute(load("delete_schedule"), (raw(envelope.id),))\n    return envelope.ended(',
        "    return envelope.ended(",
    ),
    _found(
        "the next time is computed from now",
        "src/nuvom/scheduler/due.py",
        "    following = _after(trigger, first)\n    run = following and",
        "    following = now + ((_after(trigger, first) or now) - first)\n    run = following and",
    ),
    _found(
        "open runs are not counted again where a run is dispatched",
        f"{STORE}/ledger.py",
        "item.envelope.overlap) != item.blocked",
        "item.envelope.overlap) is None",
    ),
    _found(
        "a held run goes on beside another one",
        f"{SQL}/release_held.sql",
        "AND finished_at IS NULL AND state IN ('ready', 'delayed', 'running', 'held') AND waits_for IS NOT 'key'",
        "AND finished_at IS NULL AND state = 'never'",
    ),
    _found(
        "the same interval said again moves its times",
        "src/nuvom/_updating.py",
        "anchor=before.anchor",
        "anchor=changed.anchor",
    ),
    # Two stores.
    _found_in_two_stores(
        "a schedule moves on before its delivery",
        "schedules",
        "        late = self._delivered(wanted) if wanted else []\n",
        "        self._kept.advance(wanted)\n        late = self._delivered(wanted) if wanted else []\n",
    ),
    _found_in_two_stores(
        "a run that a repeat finds open is not counted",
        "schedules",
        "        if item.next_run is None or (",
        "        if item.next_run is not None or (",
    ),
    _found_in_two_stores(
        "a change takes the place that its caller read",
        "fencing",
        "        if kept is not None and not envelope.state.ended and kept.created_at",
        "        if kept is None and not envelope.state.ended and kept.created_at",
    ),
    _found_in_two_stores(
        "what a caller left half done stays so",
        "fencing",
        "            if known is None or known.generation < fence.envelope.generation:\n                with",
        "            if known is None and fence is None:\n                with",
    ),
    _found_in_two_stores(
        "a change overwrites one that came between",
        "schedules",
        "self._ledger.raise_fence(newer, seen.fence, rows)",
        "self._ledger.raise_fence(newer, (f := self._ledger.fence(newer.id)) and f.envelope.generation, rows)",
    ),
)

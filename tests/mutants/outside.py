"""Planted bugs in what is seen and done from outside of workers, and in their ends."""

from __future__ import annotations

from tests.mutants.planted import CONFORMANCE, SQL, STORE, Mutant

MUTANTS = (
    Mutant(
        "a deaf worker goes on as it is",
        "src/nuvom/worker/deaf.py",
        "if now - self._since < STUCK:",
        "if now - self._since < 1e9:",
        ("tests/worker/test_deaf.py", "-k", "for_a_minute"),
    ),
    Mutant(
        "a deaf worker keeps its lease",
        "src/nuvom/worker/runner.py",
        "            self._lease.renew()\n",
        "            pass\n",
        ("tests/worker/test_deaf.py", "-k", "for_a_minute"),
    ),
    Mutant(
        "a worker that drains leaves what is due",
        "src/nuvom/worker/draining.py",
        "delayed <= 0:",
        "delayed <= -1e9:",
        ("tests/worker/test_draining.py", "-k", "more_due"),
    ),
    Mutant(
        "one pass takes what became ready meanwhile",
        f"{SQL}/claim_queue.sql",
        "run_at <= :ready_by",
        "run_at <> :ready_by",
        (CONFORMANCE, "-k", "became_ready_later"),
    ),
    Mutant(
        "an end is told to a wait before it is registered, and lost",
        f"{STORE}/waiting.py",
        "        batch = _look(database, pending)  # after",
        "        batch = {}  # after",
        (CONFORMANCE, "-k", "told_once or as_it_ends"),
    ),
    Mutant(
        "refused outcomes are counted",
        f"{STORE}/outcomes.py",
        "queue for outcome in accepted if outcome.verdict is Verdict.SUCCEEDED",
        "queue for outcome in outcomes if outcome.verdict is Verdict.SUCCEEDED",
        (CONFORMANCE, "-k", "refused_is_not_counted"),
    ),
)

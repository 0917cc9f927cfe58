"""Bugs in what goes around a job: its retries, its failures, hooks, the lifespan, the log."""

from __future__ import annotations

from tests.mutants.planted import SQL, STORE, Mutant

WORKER = "src/nuvom/worker"
HOOKS = "tests/worker/test_hooks.py"
FAILURES = "tests/worker/test_failures.py"

MUTANTS = (
    Mutant(
        "contexts are left in the order in which they were entered",
        f"{WORKER}/hooked.py",
        "self._entered.pop()",
        "self._entered.pop(0)",
        (HOOKS, "-k", "left_in_reverse"),
    ),
    Mutant(
        "a hook's context swallows the task's error",
        f"{WORKER}/hooked.py",
        "                context.__exit__(kind, error, trace)\n",
        "                if context.__exit__(kind, error, trace):\n                    return True\n",
        (HOOKS, "-k", "swallow"),
    ),
    Mutant(
        "a hook that raises keeps what it did to the context",
        "src/nuvom/_hooks.py",
        "return job._replace(context=context)",
        "return job._replace(context=orjson.dumps(view.context))",
        (HOOKS, "-k", "raised_did_to_the_context"),
    ),
    Mutant(
        "hooks hear of outcomes in reverse",
        f"{WORKER}/hooked.py",
        "for hook in hooks.outcome:",
        "for hook in reversed(hooks.outcome):",
        (HOOKS, "-k", "go_in_order"),
    ),
    Mutant(
        "on_failure is called twice",
        f"{WORKER}/failures.py",
        "            self._queue.put(each)\n",
        "            self._queue.put(each)\n            self._queue.put(each)\n",
        (FAILURES, "-k", "no_exception"),
    ),
    Mutant(
        "a failure without its worker is told again and again",
        f"{SQL}/take_untold.sql",
        "DELETE FROM untold\n",
        "UPDATE untold SET job = job\n",
        ("tests/conformance/test_sqlite.py", "-k", "told_once_to_who_has_its_task"),
    ),
    Mutant(
        "a failure without its worker is told to nobody",
        f"{STORE}/losses.py",
        '    connection.execute(load("insert_untold"), (row.seq,))\n',
        "",
        ("tests/conformance/test_sqlite.py", "-k", "told_once_to_who_has_its_task"),
    ),
    Mutant(
        "giving up does not win",
        "src/nuvom/_retry.py",
        "        if _fits(error, self.give_up_on):\n            return False\n",
        "",
        ("tests/worker/test_retry.py", "-k", "giving_up_wins"),
    ),
    Mutant(
        "the cap bounds no delay",
        "src/nuvom/_retry.py",
        "min(cap, base * float(self.factor) ** errors)",
        "base * float(self.factor) ** errors",
        ("tests/worker/test_retry.py", "-k", "exact"),
    ),
    Mutant(
        "the lifespan is not left",
        f"{WORKER}/lifespan.py",
        "            if not end(patience):\n",
        "            if False:\n",
        ("tests/worker/test_lifespan.py", "-k", "drain_enters_it"),
    ),
    Mutant(
        "passwords are written to the log",
        f"{WORKER}/logs.py",
        '_PASSWORD.sub(r"\\1:***@", text)',
        "text",
        ("tests/cli/test_log_format.py", "-k", "one_line"),
    ),
)

"""Bugs in how jobs and processes are stopped."""

from __future__ import annotations

from tests.mutants.planted import Mutant

WORKER = "src/nuvom/worker"
LIMITS, SHUTDOWN, STOPPING = (f"tests/worker/test_{name}.py" for name in ("limits", "shutdown", "stopping"))

MUTANTS = (
    Mutant(
        "neighbours of a job that does not stop are suspected",
        f"{WORKER}/supervisor.py",
        "charged=False, ends=ends))",
        "charged=True, ends=ends))",
        (LIMITS, "-k", "neighbours_of_a_replaced"),
    ),
    Mutant(
        "the outcome of a job that was ended with its process is forgotten",
        f"{WORKER}/heart.py",
        "for end in dead.ends]",
        "for end in dead.ends[:0]]",
        (LIMITS, "-k", "does_not_yield"),
    ),
    Mutant(
        "a job that ends does not wait for a stop that is being sent",
        f"{WORKER}/stopping.py",
        "        with self._lock:\n            if running.stop is not None and",
        "        if True:\n            if running.stop is not None and",
        (STOPPING, "-k", "while_its_stop_is_being_sent"),
    ),
    Mutant(
        "a stop is sent without a look whether its job still runs",
        f"{WORKER}/stopping.py",
        "            if running not in self.alive:\n                return False\n            if running.stop",
        "            if running.stop",
        (STOPPING, "-k", "has_ended_is_not_stopped"),
    ),
    Mutant(
        "a job is not given time to clean up",
        f"{WORKER}/hard_ends.py",
        "end._replace(at=now + seconds, reached=True)",
        "end._replace(reached=True)",
        ("tests/worker/test_hard_ends.py",),
    ),
    Mutant(
        "a job that has ended is ended with its process",
        f"{WORKER}/hard_ends.py",
        'self._ends.pop(tuple(message["forget"]), None)',
        "pass",
        ("tests/worker/test_hard_ends.py",),
    ),
    Mutant(
        "a cancel is not passed on to what runs",
        f"{WORKER}/hands.py",
        "            self._world.stops.cancel(ref, attempt)\n",
        "            pass\n",
        (LIMITS, "-k", "a_cancel_reaches"),
    ),
    Mutant(
        "a process that retires is killed with its jobs",
        f"{WORKER}/supervisor.py",
        "or now >= until:",
        "or now >= 0:",
        (LIMITS, "-k", "holds_too_much"),
    ),
    Mutant(
        "what runs at the end of a grace is put back before its process is gone",
        f"{WORKER}/runner.py",
        "        if not self.holding:\n            self._lease.end()\n",
        "        self._lease.end()\n",
        ("tests/worker/test_winding_down.py", "-k", "end_of_its_grace"),
    ),
    Mutant(
        "a process that retires puts back what it has claimed",
        f"{WORKER}/runner.py",
        "if stop_at == _NEVER:",
        "if stop_at == 0:",
        (LIMITS, "-k", "no_job_is_dropped"),
    ),
    Mutant(
        "an order that comes with the first message is lost",
        f"{WORKER}/link.py",
        "    for message in inbox:\n        heard(message)\n    waiting",
        "    waiting",
        ("tests/worker/test_link.py",),
    ),
    Mutant(
        "twin signals are two",
        f"{WORKER}/signals.py",
        "now - last < TWINS:",
        "now - last < 0:",
        (SHUTDOWN, "-k", "twin"),
    ),
    Mutant(
        "who is reaped may be somebody's child",
        f"{WORKER}/orphans.py",
        " and ended.si_pid not in own:",
        ":",
        (SHUTDOWN, "-k", "somebody_waits"),
    ),
)

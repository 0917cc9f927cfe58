"""Bugs that are planted in what says why a schedule ran or did not, and whether the ledger is whole."""

from __future__ import annotations

from tests.mutants.planted import Mutant

MUTANTS = (
    # What became of a schedule's times.
    Mutant(
        "an audit forgets that the tz database moved",
        "src/nuvom/inquiry/audit.py",
        "if row.utc_offset is not None:",
        "if row.utc_offset is None:",
        ("tests/inquiry/test_audit.py", "-k", "tz_database"),
    ),
    Mutant(
        "an audit overlooks the gap before the oldest row",
        "src/nuvom/inquiry/audit.py",
        "gaps.append((looked.start, upper))",
        "pass",
        ("tests/inquiry/test_audit.py", "-k", "not_overlooked"),
    ),
    Mutant(
        "a row for many covers nothing around a row inside of it",
        "src/nuvom/inquiry/audit.py",
        "if last >= upper:",
        "if False:",
        ("tests/inquiry/test_audit.py", "-k", "covers_what_lies_around"),
    ),
    Mutant(
        "rows of one time are lost between pages",
        "src/nuvom/inquiry/evidence.py",
        "end, size = oldest + TICK, PAGE if whole else 2 * size",
        "end = oldest",
        ("tests/inquiry/test_audit.py", "-k", "between_pages"),
    ),
    Mutant(
        "any worker serves any queue",
        "src/nuvom/inquiry/job_words.py",
        "worker.queues is None or job.queue in worker.queues",
        "worker.alive",
        ("tests/inquiry/test_why.py", "-k", "follows_through"),
    ),
    Mutant(
        "a time of the second copy is no clock change",
        "src/nuvom/inquiry/clock_words.py",
        "if not wall.fold or not _fixed_time(envelope):",
        "if True:",
        ("tests/inquiry/test_why.py", "-k", "comes_twice"),
    ),
)

"""Bugs in who is the same schedule, and in what a sync makes of what code declares."""

from __future__ import annotations

from tests.mutants.planted import SQL, Mutant

RULE = "src/nuvom/_identity.py"
TABLES = "tests/app/test_identity.py"
SYNC = "tests/app/test_sync.py"

MUTANTS = (
    Mutant(
        "a cancel of what code declares does not last",
        RULE,
        'ended.state is ScheduleState.CANCELLED and ended.origin == "code"',
        'ended.state is ScheduleState.DONE and ended.origin == "code"',
        (TABLES, "-k", "declared_in_code"),
    ),
    Mutant(
        "what was pruned stays cancelled",
        RULE,
        " and ended.note != PRUNED",
        "",
        (SYNC, "-k", "without_revive"),
    ),
    Mutant(
        "a definition in code takes a schedule that a call made",
        RULE,
        'if in_code and stored.origin != "code":',
        "if False:",
        (SYNC, "-k", "never_touched"),
    ),
    Mutant(
        "a second call forgets what the first overrode",
        RULE,
        "tuple(sorted({*stored.overridden, *changed_parts(stored, merged)}))",
        "changed_parts(stored, merged)",
        (TABLES, "-k", "two_calls_mark"),
    ),
    Mutant(
        "the end of what code declared is forgotten",
        f"{SQL}/prunable_fences.sql",
        "= 'code' THEN NULL",
        "= 'code' THEN ended_at",
        (SYNC, "-k", "however_long_ago"),
    ),
    Mutant(
        "a sync that leaves overridden times loses a due run",
        "src/nuvom/_changing.py",
        "not known.same_times(meant.envelope)",
        "not known.same_times(wanted)",
        (SYNC, "-k", "due_run_is_not_lost"),
    ),
    Mutant(
        "a paused schedule is pruned",
        "src/nuvom/_sync.py",
        "Action.KEPT if envelope.state is ScheduleState.PAUSED else Action.PRUNE",
        "Action.PRUNE",
        (SYNC, "-k", "paused_one_is_left"),
    ),
    Mutant(
        "a dry run stores",
        "src/nuvom/_sync.py",
        "    if dry_run:\n        return steps\n",
        "",
        (SYNC, "-k", "dry_run_changes_nothing"),
    ),
    Mutant(
        "a reload keeps declarations that are gone",
        "src/nuvom/_app.py",
        "forget(self.declared, task.name)",
        "pass",
        ("tests/app/test_declared.py", "-k", "reload"),
    ),
)

"""Bugs in what other people's plugins are given, and in how a backend of five methods is borne with."""

from __future__ import annotations

from tests.mutants.planted import Mutant

KIT = "tests/conformance/test_backend.py"
BACKENDS = "tests/plugins/test_backends.py"
DISPATCH = "src/nuvom/scheduler/dispatch.py"

MUTANTS = (
    Mutant(
        "a late reschedule moves a definition that came meanwhile",
        DISPATCH,
        "                enqueue_in(self._backend, fence.envelope)\n",
        "                pass\n",
        (KIT, "-k", "moves_no_time_of_a_definition"),
    ),
    Mutant(
        "with catch_up=first an envelope shown again drops what is due",
        DISPATCH,
        "if envelope.catch_up is not CatchUp.FIRST:",
        "if envelope.catch_up is not None:",
        (KIT, "-k", "drops_nothing_whatever"),
    ),
    Mutant(
        "an update may say what five methods cannot carry",
        "src/nuvom/_changing.py",
        "        split.refuse_unkept(wanted, app.scheduler_name)\n",
        "",
        ("tests/cli/test_five_methods.py", "-k", "cannot_carry"),
    ),
    Mutant(
        "a backend is looked at more often than its poll says",
        "src/nuvom/scheduler/service.py",
        "max(LONGEST_REST, self._poll)",
        "LONGEST_REST",
        ("tests/plugins/test_service.py", "-k", "left_alone"),
    ),
    Mutant(
        "a backend is not closed",
        "src/nuvom/stores/backends.py",
        "        close()\n",
        "        pass\n",
        (BACKENDS, "-k", "closes_it"),
    ),
    Mutant(
        "a plugin of another protocol is taken",
        "src/nuvom/plugins.py",
        "if major != str(PROTOCOL):",
        "if not major:",
        (BACKENDS, "-k", "another_protocol"),
    ),
    Mutant(
        "one of two plugins of a name is taken",
        "src/nuvom/plugins.py",
        "if len(found) > 1:",
        "if len(found) > 2:",
        (BACKENDS, "-k", "two_distributions"),
    ),
    Mutant(
        "named hooks go after those of the code",
        "src/nuvom/_hooks.py",
        "self._all[:0] = hooks",
        "self._all.extend(hooks)",
        ("tests/plugins/test_hooks.py", "-k", "in_their_order"),
    ),
)

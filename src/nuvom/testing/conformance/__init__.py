"""What every store must keep, as tests that its author runs.

    from nuvom.testing.conformance import *
    from nuvom.testing.conformance.shared import *  # the tests of each capability that the store declares


    @pytest.fixture
    def harness(tmp_path):
        return Harness(open=lambda clock: MyStore(tmp_path, clock=clock), capabilities=frozenset({Capability.SHARED}))

A class with only the founding five methods takes `from nuvom.testing.conformance.backend import *`, the same of
`backend_dispatch`, and a fixture `backend` that gives an empty one. Needs pytest.
"""

from __future__ import annotations

from importlib import import_module

import pytest

MODULES = (
    "harness",
    "push",
    "claim",
    "keys",
    "flows",
    "unique",
    "queues",
    "finish",
    "leases",
    "rescue",
    "promote",
    "listing",
    "ledger",
    "dispatch",
    "schedules",
    "following",
    "declared",
    "overlap",
    "requests",
    "stopping",
    "expiry",
    "pausing",
    "backend",
    "pruning",
    "listening",
    "waiting",
    "throughput",
    "orders",
    "racing",
    "schedule_races",
    "clocks",
    "zones",
    "bad_input",
)
CAPABILITIES = ("shared", "host_leases")
FIVE_METHODS = (
    "backend",
    "backend_dispatch",
)  # what a class with only these must keep; the latter is no part of a store

pytest.register_assert_rewrite(
    *(f"{__name__}.{module}" for module in (*MODULES, *CAPABILITIES, *FIVE_METHODS, "examples"))
)

TESTS = {
    name: value
    for module in MODULES
    for name, value in vars(import_module(f"{__name__}.{module}")).items()
    if name.startswith("test_")
}
globals().update(TESTS)

# After the loop above: importing the module `backend` gives the package an attribute of that name.
from nuvom.testing.conformance.harness import Capability, Harness, backend, clock, store  # noqa: E402

__all__ = ["Capability", "Harness", "backend", "clock", "store"]
__all__ += list(TESTS)

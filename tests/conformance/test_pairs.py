"""The kit's tests of schedules and the ledger on two stores, with each engine in each role."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuvom._clock import Clock
from nuvom.stores import ears
from nuvom.stores.base import Store
from nuvom.stores.paired.store import open_pair
from nuvom.stores.registry import open_store
from nuvom.testing.conformance import *  # noqa: F403  its fixtures; of the tests those that two stores change
from nuvom.testing.conformance import TESTS, Capability, Harness, shared
from tests.pairs import EACH_ROLE, urls_of

MODULES = (
    "backend",
    "declared",
    "dispatch",
    "following",
    "ledger",
    "overlap",
    "pausing",
    "requests",
    "schedule_races",
    "schedules",
    "zones",
)
SOME = ("listening", "pruning", "racing", "shared")  # whose tests of jobs are those of the store that has them
ABOUT = ("schedule", "plan", "fence", "name", "herd", "request", "backfill", "deliver", "occurrence", "upsert", "agree")
ONLY_ONE_STORE = {
    # What moved without a change of the definition is seen after the delivery, which then has its row.
    "test_a_plan_for_another_next_run_is_refused",
    "test_a_plan_of_a_schedule_that_never_was_is_refused",
    # A thousand schedules are long in the making where each is two commits; a hundred are raced for.
    "test_a_herd_is_dispatched_exactly_once",
    # A fence that is not over is that of a schedule of this pair.
    "test_code_takes_over_what_lived_in_another_backend",
    "test_the_end_of_a_one_off_that_was_moved_since_is_refused",
}

every_test = TESTS | {name: value for name, value in vars(shared).items() if name.startswith("test_")}
for name in [name for name in globals() if name.startswith("test_")]:
    del globals()[name]


def changes(name: str, module: str) -> bool:
    """Tell whether two stores could make a difference to a test."""
    return module in MODULES or (module in SOME and any(word in name for word in ABOUT))


globals().update(
    {
        name: value
        for name, value in every_test.items()
        if changes(name, value.__module__.rpartition(".")[2]) and name not in ONLY_ONE_STORE
    }
)
stores = shared.stores


@pytest.fixture(params=EACH_ROLE)
def pair_urls(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    return urls_of(request, tmp_path)


@pytest.fixture
def harness(pair_urls: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> Harness:
    monkeypatch.setattr(ears, "SAFETY", 60.0)  # so that who is not woken is seen to sleep

    def open_it(clock: Clock) -> Store:
        return open_pair(open_store, *pair_urls, clock)

    return Harness(open=open_it, capabilities=frozenset({Capability.SHARED}), accepted=("fsync", "autovacuum"))

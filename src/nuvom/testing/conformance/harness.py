"""How the kit reaches a store: what its author declares, and the fixtures that all tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from types import ModuleType

import pytest

from nuvom._clock import Clock
from nuvom.stores.base import SchedulerBackend, Store
from nuvom.testing.clock import VirtualClock

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Capability(StrEnum):
    """What a store may or may not do. The tests of a capability are in the module of its name."""

    SHARED = "shared"  # a second connection reaches the same data
    HOST_LEASES = "host_leases"  # leases count the host's monotonic clock and end with its boot


@dataclass(frozen=True, slots=True, kw_only=True)
class Harness:
    """How to connect to the test's own empty store, and what it can do.

    `open` gives a migrated store that takes its time from the clock; called again it connects to the same data if the
    store is shared. `lease` is its lease in seconds. `accepted` are words of problems that `health` may find
    because the test's server is one to throw away.
    """

    open: Callable[[Clock], Store]
    capabilities: frozenset[Capability] = frozenset()
    lease: float = 30.0
    accepted: tuple[str, ...] = ()


@pytest.fixture
def clock() -> VirtualClock:
    """The time of the test's store."""
    return VirtualClock(START)


@pytest.fixture
def store(harness: Harness, clock: VirtualClock) -> Iterator[Store]:
    """The test's own empty store."""
    with closing(harness.open(clock)) as opened:
        yield opened


@pytest.fixture
def backend(store: Store) -> SchedulerBackend:
    """The store as a backend of the founding five methods."""
    return store.schedules


@pytest.mark.parametrize("capability", list(Capability))
def test_a_capability_is_declared_exactly_where_its_tests_run(
    request: pytest.FixtureRequest, harness: Harness, capability: Capability
) -> None:
    module = request.module
    assert isinstance(module, ModuleType)
    tested = any(
        getattr(value, "__module__", None) == f"{__package__}.{capability.value}" and name.startswith("test_")
        for name, value in vars(module).items()
    )
    assert tested == (capability in harness.capabilities)


def test_a_store_says_truly_whether_it_is_shared(store: Store, harness: Harness) -> None:
    assert store.shared == (Capability.SHARED in harness.capabilities)

"""A store in memory on a clock that stands still."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from nuvom.stores.base import Store
from nuvom.stores.registry import open_store
from nuvom.testing.clock import VirtualClock
from tests.scheduler.examples import NOON


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOON)


@pytest.fixture
def store(clock: VirtualClock) -> Iterator[Store]:
    with closing(open_store("memory://", clock=clock)) as opened:
        opened.migrate()
        yield opened


@pytest.fixture
def store_in_memory() -> Iterator[Store]:
    """A store in memory on the host's clock, for services that really run."""
    with closing(open_store("memory://")) as opened:
        opened.migrate()
        yield opened

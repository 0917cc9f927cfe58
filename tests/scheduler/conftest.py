"""A store in memory on a clock that stands still."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from nuvom.scheduler.service import SchedulerService
from nuvom.stores.base import Store
from nuvom.stores.registry import open_store
from nuvom.testing.clock import VirtualClock
from tests.scheduler.doubles import Five
from tests.scheduler.driving import split_service
from tests.scheduler.examples import NOON
from tests.scheduler.releases import ZONE, Database
from tests.scheduler.zone_files import write_release


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


@pytest.fixture
def five() -> Five:
    return Five()


@pytest.fixture
def service(store: Store, five: Five, clock: VirtualClock) -> SchedulerService:
    return split_service(store, five, clock)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """Make a release of the tz database in which one zone has these rules."""
    return lambda name, rules: write_release(tmp_path / f"{name}-{len(list(tmp_path.iterdir()))}", name, {ZONE: rules})

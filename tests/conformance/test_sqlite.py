"""The conformance kit on a SQLite file."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuvom.stores.registry import open_store
from nuvom.testing.conformance import *  # noqa: F403  the kit is meant to be taken whole
from nuvom.testing.conformance import Capability, Harness
from nuvom.testing.conformance.host_leases import *  # noqa: F403
from nuvom.testing.conformance.shared import *  # noqa: F403


@pytest.fixture
def harness(tmp_path: Path) -> Harness:
    url = f"sqlite:///{tmp_path / 'nuvom.db'}"
    return Harness(open=lambda clock: open_store(url, clock=clock), capabilities=frozenset(Capability))

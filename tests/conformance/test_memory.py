"""The conformance kit on the store in memory."""

from __future__ import annotations

import pytest

from nuvom.stores.registry import open_store
from nuvom.testing.conformance import *  # noqa: F403  the kit is meant to be taken whole
from nuvom.testing.conformance import Capability, Harness
from nuvom.testing.conformance.host_leases import *  # noqa: F403


@pytest.fixture
def harness() -> Harness:
    return Harness(
        open=lambda clock: open_store("memory://", clock=clock), capabilities=frozenset({Capability.HOST_LEASES})
    )

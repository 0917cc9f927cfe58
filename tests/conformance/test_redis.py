"""The conformance kit on a Valkey server."""

from __future__ import annotations

import pytest

from nuvom.stores.registry import open_store
from nuvom.testing.conformance import *  # noqa: F403  the kit is meant to be taken whole
from nuvom.testing.conformance import Capability, Harness
from nuvom.testing.conformance.shared import *  # noqa: F403


@pytest.fixture
def harness(redis_url: str) -> Harness:
    return Harness(
        open=lambda clock: open_store(redis_url, clock=clock),
        capabilities=frozenset({Capability.SHARED}),
        accepted=("appendonly",),
    )

"""The conformance kit on a PostgreSQL server."""

from __future__ import annotations

import pytest

from nuvom.stores import ears
from nuvom.stores.registry import open_store
from nuvom.testing.conformance import *  # noqa: F403  the kit is meant to be taken whole
from nuvom.testing.conformance import Capability, Harness
from nuvom.testing.conformance.shared import *  # noqa: F403


@pytest.fixture
def harness(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Harness:
    monkeypatch.setattr(ears, "SAFETY", 60.0)  # so that who is not woken is seen to sleep
    return Harness(
        open=lambda clock: open_store(postgres_url, clock=clock),
        capabilities=frozenset({Capability.SHARED}),
        accepted=("fsync", "autovacuum"),
    )

"""The kit of the founding five methods on the example backend in a JSON file."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuvom.stores.base import SchedulerBackend
from nuvom.testing.conformance.backend import *  # noqa: F403  the kit is meant to be taken whole
from nuvom.testing.conformance.backend_dispatch import *  # noqa: F403

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "json_backend"


@pytest.fixture
def backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SchedulerBackend:
    monkeypatch.syspath_prepend(EXAMPLE)
    from json_backend import JsonBackend

    made: SchedulerBackend = JsonBackend(tmp_path / "schedules.json")
    return made

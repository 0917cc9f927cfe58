"""The kit of the founding five methods on a small class in memory that has nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from nuvom._schedule import ScheduleEnvelope
from nuvom.stores.base import SchedulerBackend
from nuvom.testing.conformance.backend import *  # noqa: F403  the kit is meant to be taken whole
from nuvom.testing.conformance.backend_dispatch import *  # noqa: F403


class FiveMethods:
    """The smallest backend that the guide allows."""

    def __init__(self) -> None:
        self._envelopes: dict[str, ScheduleEnvelope] = {}

    def enqueue(self, envelope: ScheduleEnvelope) -> ScheduleEnvelope:
        self._envelopes[envelope.id] = envelope
        return envelope

    def get(self, schedule_id: str) -> ScheduleEnvelope | None:
        return self._envelopes.get(schedule_id)

    def due(self, now: datetime, limit: int) -> list[ScheduleEnvelope]:
        moments = [(e.next_run, e.id) for e in self._envelopes.values() if e.next_run and e.next_run <= now]
        return [self._envelopes[schedule_id] for _, schedule_id in sorted(moments)[:limit]]

    def reschedule(self, schedule_id: str, next_run: datetime) -> None:
        stored = self._envelopes.get(schedule_id)
        if stored and (stored.next_run is None or next_run > stored.next_run):
            self._envelopes[schedule_id] = replace(stored, next_nominal=next_run, next_run=next_run)

    def cancel(self, schedule_id: str) -> bool:
        return self._envelopes.pop(schedule_id, None) is not None


@pytest.fixture
def backend() -> SchedulerBackend:
    return FiveMethods()


def test_a_class_with_the_five_methods_is_a_backend(backend: SchedulerBackend) -> None:
    assert isinstance(backend, SchedulerBackend)

"""Schedules whose runs pile up are named, at a cost that nobody notices."""

from typing import Any

import pytest

from nuvom._schedule import Overlap
from nuvom.scheduler.crowding import AGAIN, AT_ONCE, LOOK, MOST_OPEN
from nuvom.scheduler.service import SchedulerService
from nuvom.stores.base import Store
from nuvom.testing.clock import VirtualClock
from tests.scheduler.doubles import Around
from tests.scheduler.driving import service_of, settle
from tests.scheduler.examples import interval


def serve(service: SchedulerService, clock: VirtualClock, times: int) -> None:
    """Let so many ten seconds pass."""
    for _ in range(times):
        settle(service)
        clock.advance(10)


def named(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [text.split()[1] for text in caplog.messages if "open runs" in text]


def test_a_schedule_whose_runs_pile_up_is_named_once_an_hour(
    store: Store, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    store.schedules.upsert(interval(10, clock.now(), "crowd"))
    store.schedules.upsert(interval(10, clock.now(), "alone", overlap=Overlap.SKIP))
    store.schedules.upsert(interval(600, clock.now(), "calm"))
    service = service_of(store, clock)
    serve(service, clock, MOST_OPEN)
    assert named(caplog) == []
    serve(service, clock, 20)
    assert named(caplog) == ["crowd"]
    serve(service, clock, int(AGAIN / 10) - 40)
    assert named(caplog) == ["crowd"]
    serve(service, clock, 40)
    assert named(caplog) == ["crowd", "crowd"]


def test_a_schedule_with_ten_open_runs_is_left_in_peace(
    store: Store, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    store.schedules.upsert(interval(10, clock.now(), "ends", max_runs=MOST_OPEN))
    serve(service_of(store, clock), clock, 60)
    assert named(caplog) == []


class _Counted:
    """Counts the counts."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.counts = 0

    def open_runs(self, schedule_id: str, limit: int) -> int:
        self.counts += 1
        found: int = self._real.open_runs(schedule_id, limit)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def test_looks_cost_a_step_little_and_an_idle_scheduler_nothing(store: Store, clock: VirtualClock) -> None:
    around, ledger = Around(store), _Counted(store.ledger)
    around.ledger = ledger  # type: ignore[attr-defined]
    for number in range(AT_ONCE + 50):
        store.schedules.upsert(interval(86_400, clock.now(), f"s{number}"))
    service = service_of(around, clock)
    settle(service)
    clock.advance(LOOK / 2)
    settle(service)
    assert ledger.counts == 0
    for expected in (AT_ONCE, AT_ONCE + 50, AT_ONCE + 50):
        clock.advance(LOOK)
        service.step()
        assert ledger.counts == expected

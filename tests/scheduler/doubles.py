"""Stores that fail on demand, and a backend with only the founding five methods."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from nuvom._schedule import ScheduleEnvelope
from nuvom.stores.base import Store
from nuvom.stores.values import PlanItem, Refusal


class Schedules:
    """The schedules of a real store with something of one's own before each apply and each due."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.before_apply: Callable[[Sequence[PlanItem]], Iterable[Refusal] | None] = lambda items: None
        self.before_due: Callable[[], None] = lambda: None

    def due(self, now: datetime, limit: int) -> list[ScheduleEnvelope]:
        self.before_due()
        found: list[ScheduleEnvelope] = self._real.due(now, limit)
        return found

    def apply(self, items: Sequence[PlanItem]) -> list[Refusal]:
        refused = list(self.before_apply(items) or ())
        left = {each.schedule_id for each in refused}
        return refused + list(self._real.apply([item for item in items if item.envelope.id not in left]))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class Around:
    """A real store with other schedules in front."""

    def __init__(self, real: Store) -> None:
        self._real = real
        self.schedules = Schedules(real.schedules)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class Five:
    """A backend in memory with the founding five methods; `due` may be stale, repeat itself and be wrong."""

    def __init__(self) -> None:
        self.kept: dict[str, ScheduleEnvelope] = {}
        self.stale: list[ScheduleEnvelope] = []  # shown by `due` before anything else
        self.away = False
        self.calls: list[str] = []

    def enqueue(self, envelope: ScheduleEnvelope) -> ScheduleEnvelope:
        self._called("enqueue")
        self.kept[envelope.id] = envelope
        return envelope

    def get(self, schedule_id: str) -> ScheduleEnvelope | None:
        self._called("get")
        return self.kept.get(schedule_id)

    def due(self, now: datetime, limit: int) -> list[ScheduleEnvelope]:
        self._called("due")
        found = [each for each in list(self.kept.values()) if each.next_run is not None and each.next_run <= now]
        return [*self.stale, *sorted(found, key=lambda each: each.next_run or now)][:limit]

    def reschedule(self, schedule_id: str, next_run: datetime) -> None:
        self._called("reschedule")
        stored = self.kept.get(schedule_id)
        if stored is not None and stored.next_run is not None and next_run > stored.next_run:
            self.kept[schedule_id] = replace(stored, next_run=next_run)  # it knows of no nominal time

    def cancel(self, schedule_id: str) -> bool:
        self._called("cancel")
        return self.kept.pop(schedule_id, None) is not None

    def _called(self, method: str) -> None:
        self.calls.append(method)
        if self.away:
            raise ConnectionError("the backend is away")

"""Schedules in Redis: changed by compare-and-set, found by index when due, dispatched in one script a batch."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from datetime import datetime

from nuvom._schedule import Occurrence, ScheduleEnvelope
from nuvom.stores.redis.database import Database
from nuvom.stores.values import PassedOver, PlanItem, Refusal, ScheduleFilter, Upserted


class RedisSchedules:
    """The schedules of a store; their ledger is beside them, so that a dispatch is one script."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def enqueue(self, envelope: ScheduleEnvelope) -> ScheduleEnvelope:
        """Store an envelope; the same id again replaces. Returns what is stored."""
        raise NotImplementedError

    def upsert(
        self,
        wanted: ScheduleEnvelope,
        passed: PassedOver | None = None,
        *,
        overwrite: bool = False,
        revive: bool = False,
    ) -> Upserted:
        """Create or replace by id in one step; raises ValueError where another schedule has the name."""
        raise NotImplementedError

    def update(self, envelope: ScheduleEnvelope, rows: Sequence[Occurrence] = ()) -> ScheduleEnvelope | None:
        """Replace a schedule of this generation and record `rows`; None where it has another one by now or is gone."""
        raise NotImplementedError

    def pause_all(self, note: str | None) -> int:
        """Pause every active schedule in one step; returns how many those were."""
        raise NotImplementedError

    def cancel(self, schedule_id: str) -> bool:
        """Remove a schedule and keep its definition as `cancelled`; False when there was none."""
        raise NotImplementedError

    def reschedule(self, schedule_id: str, next_run: datetime) -> None:
        """Move a schedule's next run, forward only; ignored for an unknown id."""
        raise NotImplementedError

    def get(self, schedule_id: str) -> ScheduleEnvelope | None:
        """Return the schedule of an id."""
        raise NotImplementedError

    def by_name(self, name: str) -> ScheduleEnvelope | None:
        """Return the schedule of a name."""
        raise NotImplementedError

    def list(self, wanted: ScheduleFilter, limit: int, before: str | None = None) -> builtins.list[ScheduleEnvelope]:
        """Return schedules, newest first; `before` is the last id of the page before, which may be gone by now."""
        raise NotImplementedError

    def outdated_zones(self, tzdata: str, limit: int) -> builtins.list[ScheduleEnvelope]:
        """Return active cron schedules with a run ahead that another release of the tz database computed."""
        raise NotImplementedError

    def upcoming(self, limit: int) -> builtins.list[ScheduleEnvelope]:
        """Return active schedules by next run, the earliest first."""
        raise NotImplementedError

    def due(self, now: datetime, limit: int) -> builtins.list[ScheduleEnvelope]:
        """Return at most `limit` active schedules with next_run <= now, earliest first."""
        raise NotImplementedError

    def next_due(self) -> float | None:
        """Return seconds until the earliest next run, 0 or less when one is due, None when there is none."""
        raise NotImplementedError

    def apply(self, items: Sequence[PlanItem]) -> builtins.list[Refusal]:
        """Record, push and advance in one script; returns the items that no longer fit."""
        raise NotImplementedError

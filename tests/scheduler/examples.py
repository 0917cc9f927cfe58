"""Envelopes and times that the tests of this folder share."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from nuvom._ids import named_id
from nuvom._schedule import ScheduleEnvelope, ScheduleType, trigger_of

NOON = datetime(2026, 5, 5, 12, tzinfo=UTC)


def at(text: str) -> datetime:
    """Read an ISO time as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def one_off(when: datetime = NOON, name: str = "once", **fields: Any) -> ScheduleEnvelope:
    return _envelope(name, schedule_type=ScheduleType.ONE_OFF, at=when, next_run=when, **fields)


def interval(length: float = 60, first: datetime = NOON, name: str = "often", **fields: Any) -> ScheduleEnvelope:
    anchor = first - seconds(length)
    return _envelope(
        name, schedule_type=ScheduleType.INTERVAL, interval=length, anchor=anchor, next_run=first, **fields
    )


def cron(
    expression: str = "* * * * *", zone: str = "UTC", since: datetime = NOON, name: str = "cron", **fields: Any
) -> ScheduleEnvelope:
    envelope = _envelope(name, schedule_type=ScheduleType.CRON, cron=expression, timezone_name=zone, **fields)
    first = trigger_of(envelope).after(since - seconds(1))
    return replace(envelope, next_nominal=first, next_run=first)


def _envelope(name: str, **fields: Any) -> ScheduleEnvelope:
    named = {"id": named_id("test", name), "name": name, "task": "tasks.add", "created_at": NOON, "updated_at": NOON}
    return ScheduleEnvelope(**{**named, "generation": 1, "next_nominal": fields.get("next_run"), **fields})

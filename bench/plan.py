"""What a plan costs: a thousand due schedules of all kinds, decided without any store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import process_time

from bench.figures import Figure, at_most
from nuvom._ids import named_id
from nuvom._schedule import Overlap, ScheduleEnvelope, ScheduleType, trigger_of
from nuvom._times import at_next
from nuvom.scheduler.plan import plan

SCHEDULES = 1_000
TURNS = 20
NOON = datetime(2026, 5, 5, 12, tzinfo=UTC)
POLICIES = (
    {},
    {"grace": timedelta(minutes=10)},
    {"overlap": Overlap.SKIP},
    {"jitter": timedelta(seconds=30)},
    {"max_runs": 1_000_000},
)


def planning(scale: float) -> Iterator[Figure]:
    envelopes = [_envelope(number) for number in range(max(20, int(SCHEDULES * scale)))]
    now = NOON + timedelta(minutes=1)
    plan(envelopes, now)  # expressions are read once
    spent = min(_timed(envelopes, now) for _ in range(TURNS))
    yield Figure(
        name="plan",
        nuvom=1_000 * spent,
        unit="ms",
        target=at_most(20),
        what=f"CPU of planning {len(envelopes):,} due schedules, half intervals, half crons in 2 zones, with policies",
    )


def _timed(envelopes: list[ScheduleEnvelope], now: datetime) -> float:
    began = process_time()
    planned = plan(envelopes, now)
    spent = process_time() - began
    if not all(item.jobs and item.quarantine is None for item in planned):
        raise RuntimeError("not every schedule was dispatched")
    return spent


def _envelope(number: int) -> ScheduleEnvelope:
    said = {"id": named_id("bench", str(number)), "name": f"s{number}", "task": "bench.noop", "generation": 1}
    times = (
        {"schedule_type": ScheduleType.INTERVAL, "interval": 3_600.0, "anchor": NOON - timedelta(hours=1)}
        if number % 2
        else {
            "schedule_type": ScheduleType.CRON,
            "cron": f"{number % 60} * * * *",
            "timezone_name": ("UTC", "Europe/Paris")[number % 4 // 2],
        }
    )
    envelope = replace(ScheduleEnvelope(**{**said, **times}), **POLICIES[number // 4 % len(POLICIES)])
    trigger = trigger_of(envelope)
    return replace(at_next(envelope, trigger.before(NOON + timedelta(seconds=1)), trigger), next_run=NOON)

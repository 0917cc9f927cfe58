"""Who is the same schedule: ids, generations, and what an upsert does to what is stored. Pure."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

from nuvom._clock import to_us
from nuvom._ids import named_id
from nuvom._schedule import ScheduleEnvelope, ScheduleState, ScheduleType
from nuvom.stores.values import Upserted


def next_generation(last: int, now: datetime) -> int:
    """Return the generation after `last`: it only grows, also over lives of an id whose rows are gone."""
    return max(last + 1, to_us(now))


def name_id(name: str) -> str:
    """Return the id of a named schedule."""
    return named_id("schedule", name)


def content_id(envelope: ScheduleEnvelope) -> str:
    """Return the id of an unnamed recurring schedule: the same call is the same schedule."""
    options = json.dumps({**envelope.options, "catch_up": envelope.catch_up}, sort_keys=True)
    trigger = f"{envelope.schedule_type}|{envelope.interval}|{envelope.cron}|{envelope.timezone_name}"
    return named_id("call", envelope.task, envelope.arguments.decode(), trigger, options)


def resolve(stored: ScheduleEnvelope | None, wanted: ScheduleEnvelope, now: datetime) -> Upserted:
    """Say what `wanted` comes to beside what is stored of its id, which may be a life that has ended.

    A pending schedule with the same times keeps its next run: a daily deploy must not reset a daily interval. A one-off
    that ran is not run again by the same call; anything else starts a new life after an old one.
    """
    if stored is None or stored.state.ended:
        return _new_life(stored, wanted, now)
    merged = replace(
        stored,
        task=wanted.task,
        name=wanted.name,
        arguments=wanted.arguments,
        catch_up=wanted.catch_up,
        options=wanted.options,
        defaults=wanted.defaults,
        metadata=wanted.metadata,
        origin=wanted.origin,
    )
    if stored.state is ScheduleState.QUARANTINED or not stored.same_times(wanted):
        merged = _with_times_of(wanted, merged)
    if merged == stored:
        return Upserted(stored, "unchanged")
    generation = next_generation(stored.generation, now)
    return Upserted(replace(merged, generation=generation, updated_at=now), "replaced")


def _new_life(ended: ScheduleEnvelope | None, wanted: ScheduleEnvelope, now: datetime) -> Upserted:
    if ended is not None and _ran_already(ended, wanted):
        return Upserted(ended, "done")
    generation = next_generation(ended.generation if ended else 0, now)
    return Upserted(replace(wanted, generation=generation, created_at=now, updated_at=now), "created")


def _ran_already(ended: ScheduleEnvelope, wanted: ScheduleEnvelope) -> bool:
    one_off = ended.schedule_type is ScheduleType.ONE_OFF
    return one_off and ended.state is ScheduleState.DONE and ended.same_times(wanted)


def _with_times_of(wanted: ScheduleEnvelope, merged: ScheduleEnvelope) -> ScheduleEnvelope:
    state = ScheduleState.ACTIVE if merged.state is ScheduleState.QUARANTINED else merged.state
    return replace(
        merged,
        schedule_type=wanted.schedule_type,
        at=wanted.at,
        interval=wanted.interval,
        cron=wanted.cron,
        timezone_name=wanted.timezone_name,
        anchor=wanted.anchor,
        next_nominal=wanted.next_nominal,
        next_run=wanted.next_run,
        tzdata=wanted.tzdata,
        state=state,
        note=None if state is ScheduleState.ACTIVE else merged.note,
    )

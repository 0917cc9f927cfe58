"""Who is the same schedule: ids, generations, and what an upsert does to what is stored. Pure."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

from nuvom._clock import to_us
from nuvom._ids import named_id
from nuvom._schedule import Overlap, ScheduleEnvelope, ScheduleState, run_time
from nuvom.stores.values import Change, Upserted

PRUNED = "its declaration is gone from the code"  # the note of what a sync ended: declared again, it comes back


def next_generation(last: int, now: datetime) -> int:
    """Return the generation after `last`: it only grows, also over lives of an id whose rows are gone."""
    return max(last + 1, to_us(now))


def name_id(name: str) -> str:
    """Return the id of a named schedule."""
    return named_id("schedule", name)


def content_id(envelope: ScheduleEnvelope) -> str:
    """Return the id of an unnamed recurring schedule: the same call is the same schedule."""
    options = json.dumps({**envelope.options, "catch_up": envelope.catch_up, **_policies(envelope)}, sort_keys=True)
    trigger = f"{envelope.schedule_type}|{envelope.interval}|{envelope.cron}|{envelope.timezone_name}"
    return named_id("call", envelope.task, envelope.arguments.decode(), trigger, options)


def _policies(envelope: ScheduleEnvelope) -> dict[str, str]:
    # Only what was said: an option that a later release adds must not change the ids of calls that do not use it.
    said = {name: getattr(envelope, name) for name in ("grace", "jitter", "starts_at", "ends_at", "max_runs")}
    given = {name: str(value) for name, value in said.items() if value}
    return given if envelope.overlap is Overlap.ALLOW else {**given, "overlap": envelope.overlap.value}


# The parts of a definition: what an upsert takes over, and what a call on a schedule declared in code overrides.
_PARTS: dict[str, tuple[str, ...]] = {
    "task": ("task",),
    "arguments": ("arguments",),
    "times": ("schedule_type", "at", "interval", "cron", "timezone_name"),
    "starts_at": ("starts_at",),
    "ends_at": ("ends_at",),
    "max_runs": ("max_runs",),
    "catch_up": ("catch_up",),
    "grace": ("grace",),
    "overlap": ("overlap",),
    "jitter": ("jitter",),
    "options": ("options", "defaults"),
    "metadata": ("metadata",),
}


def changed_parts(before: ScheduleEnvelope, after: ScheduleEnvelope) -> tuple[str, ...]:
    """Return the parts of a definition in which two envelopes differ, `defaults` of the task's code apart."""
    values = {part: [name for name in names if name != "defaults"] for part, names in _PARTS.items()}
    return tuple(
        part for part, names in values.items() if any(getattr(before, name) != getattr(after, name) for name in names)
    )


def resolve(
    stored: ScheduleEnvelope | None,
    wanted: ScheduleEnvelope,
    now: datetime,
    *,
    overwrite: bool = False,
    revive: bool = False,
) -> Upserted:
    """Say what `wanted` comes to beside what is stored of its id, which may be a life that has ended.

    A pending schedule with the same times keeps its next run: a daily deploy must not reset a daily interval. What ran
    to its end is not run again by the same call; anything else starts a new life after an old one. A definition in code
    leaves alone what calls made, cancelled or overrode.

    Args:
        stored: the newest that is known of the id.
        wanted: the definition that was called for, with its first next run.
        now: the store's clock.
        overwrite: whether a definition in code takes back what calls overrode.
        revive: whether a definition in code starts anew after a cancel.
    """
    in_code = wanted.origin == "code"
    if stored is None or stored.state.ended:
        if in_code and not revive and stored is not None and _cancelled_for_good(stored):
            return Upserted(stored, Change.CANCELLED)
        return _new_life(stored, wanted, now)
    if in_code and stored.origin != "code":
        return Upserted(stored, Change.TAKEN)
    return _replaced(stored, wanted, now, overwrite=overwrite)


def _cancelled_for_good(ended: ScheduleEnvelope) -> bool:
    return ended.state is ScheduleState.CANCELLED and ended.origin == "code" and ended.note != PRUNED


def _replaced(stored: ScheduleEnvelope, wanted: ScheduleEnvelope, now: datetime, *, overwrite: bool) -> Upserted:
    in_code = wanted.origin == "code"
    kept = stored.overridden if in_code and not overwrite else ()
    taken = {name: getattr(wanted, name) for part, names in _PARTS.items() if part not in kept for name in names}
    merged = replace(stored, name=wanted.name, **taken)
    if stored.state is ScheduleState.QUARANTINED or not stored.same_times(merged):
        merged = _with_times_of(wanted, merged, now)
        if merged.next_run is None:
            return Upserted(stored, Change.NEVER)
    elif merged.jitter != stored.jitter and merged.next_nominal is not None:
        merged = replace(merged, next_run=_jittered(merged, merged.next_nominal))
    if stored.origin == "code":
        overridden = kept if in_code else tuple(sorted({*stored.overridden, *changed_parts(stored, merged)}))
        merged = replace(merged, overridden=overridden)
    if merged == stored:
        return Upserted(stored, Change.UNCHANGED)
    generation = next_generation(stored.generation, now)
    return Upserted(replace(merged, generation=generation, updated_at=now), Change.REPLACED)


def _jittered(envelope: ScheduleEnvelope, nominal: datetime) -> datetime:
    return run_time(envelope, nominal, envelope.trigger.after(nominal))


def _new_life(ended: ScheduleEnvelope | None, wanted: ScheduleEnvelope, now: datetime) -> Upserted:
    if ended is not None and _ran_already(ended, wanted):
        return Upserted(ended, Change.DONE)
    if wanted.next_run is None and wanted.ends_at is not None:
        return Upserted(wanted, Change.NEVER)
    generation = next_generation(ended.generation if ended else 0, now)
    return Upserted(replace(wanted, generation=generation, created_at=now, updated_at=now), Change.CREATED)


def _ran_already(ended: ScheduleEnvelope, wanted: ScheduleEnvelope) -> bool:
    return ended.state is ScheduleState.DONE and ended.same_times(wanted) and ended.max_runs == wanted.max_runs


def _with_times_of(wanted: ScheduleEnvelope, merged: ScheduleEnvelope, now: datetime) -> ScheduleEnvelope:
    state = ScheduleState.ACTIVE if merged.state is ScheduleState.QUARANTINED else merged.state
    begun = replace(merged, state=state, note=None if state is ScheduleState.ACTIVE else merged.note)
    if not merged.same_times(wanted):  # some of its times are overridden: neither definition knows the next run
        nominal = begun.trigger.after(now)
        run = None if nominal is None else _jittered(begun, nominal)
        return replace(begun, next_nominal=nominal, next_run=run, times_since=now)
    return replace(
        begun,
        anchor=wanted.anchor,
        next_nominal=wanted.next_nominal,
        next_run=wanted.next_run,
        times_since=wanted.times_since,
        tzdata=wanted.tzdata,
    )

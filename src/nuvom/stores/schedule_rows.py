"""Schedules as rows of a table and as the definitions that fences keep, also where they do not wholly decode."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

import orjson

from nuvom._clock import from_us, to_us
from nuvom._ids import raw, text
from nuvom._job import TaskDefaults
from nuvom._schedule import CatchUp, Overlap, ScheduleEnvelope, ScheduleState, ScheduleType

Row = tuple[Any, ...]

# The order of every statement that reads or writes a schedule.
COLUMNS: tuple[str, ...] = (
    "id", "name", "task", "arguments", "schedule_type", "at", "interval", "cron", "timezone_name", "anchor",
    "next_nominal", "next_run", "catch_up", "state", "note", "origin", "generation", "run_count", "options", "defaults",
    "metadata", "tzdata", "created_at", "updated_at", "unknown", "times_since", "starts_at", "ends_at", "max_runs",
    "grace", "overlap", "jitter", "paused_at", "overridden",
)  # fmt: skip

STATE = COLUMNS.index("state")
UNREADABLE = (ValueError, TypeError, LookupError, OverflowError)

_TYPES = {kind.value: kind for kind in ScheduleType}
_STATES = {state.value: state for state in ScheduleState}
_CATCH_UPS = {rule.value: rule for rule in CatchUp}
_OVERLAPS = {rule.value: rule for rule in Overlap}
_NO_TIME, _MICROSECOND = timedelta(0), timedelta(microseconds=1)
_NO_ARGUMENTS = b"[[],{}]"


class Salvaged(NamedTuple):
    """A row that does not decode: what of it can be read, and why the rest cannot."""

    envelope: ScheduleEnvelope
    reason: str


def from_row(row: Row) -> ScheduleEnvelope:
    """Return the schedule of a row in the order of `COLUMNS`; raises one of `UNREADABLE`."""
    (
        identifier, name, task, arguments, kind, at, interval, cron, timezone_name, anchor,
        next_nominal, next_run, catch_up, state, note, origin, generation, run_count, options, defaults,
        metadata, tzdata, created_at, updated_at, unknown, times_since, starts_at, ends_at, max_runs,
        grace, overlap, jitter, paused_at, overridden,
    ) = row  # fmt: skip
    _check_arguments(arguments)
    if bytes in map(type, (name, task, cron, timezone_name, note, tzdata)):
        raise ValueError("text is not UTF-8")
    planned = None if next_nominal is None else from_us(next_nominal)
    created = None if created_at is None else from_us(created_at)
    return ScheduleEnvelope.of(
        {
            "id": text(identifier),
            "name": name,
            "task": task,
            "arguments": arguments,
            "schedule_type": _TYPES[kind],
            "at": None if at is None else from_us(at),
            "interval": interval,
            "cron": cron,
            "timezone_name": timezone_name,
            "anchor": None if anchor is None else from_us(anchor),
            "next_nominal": planned,
            "next_run": planned if next_run == next_nominal else None if next_run is None else from_us(next_run),
            "catch_up": _CATCH_UPS[catch_up],
            "state": _STATES[state],
            "note": note,
            "origin": origin,
            "generation": generation,
            "run_count": run_count,
            "options": {} if options is None else _mapping(options),
            "defaults": _defaults(defaults),
            "metadata": {} if metadata is None else _mapping(metadata),
            "tzdata": tzdata,
            "created_at": created,
            "updated_at": created if updated_at == created_at else None if updated_at is None else from_us(updated_at),
            "unknown": {} if unknown is None else _mapping(unknown),
            "times_since": created if times_since == created_at else _moment(times_since),
            "starts_at": None if starts_at is None else from_us(starts_at),
            "ends_at": None if ends_at is None else from_us(ends_at),
            "max_runs": max_runs,
            "grace": None if grace is None else timedelta(0, 0, grace),
            "overlap": _OVERLAPS[overlap],
            "jitter": timedelta(0, 0, jitter) if jitter else _NO_TIME,
            "paused_at": None if paused_at is None else from_us(paused_at),
            "overridden": () if overridden is None else _names(overridden),
            "_app": None,
        }
    )


def salvage(row: Row) -> Salvaged:
    """Return what can be read of a row that `from_row` refuses; the rest is as if it had not been said."""
    values: dict[str, Any] = dict(zip(COLUMNS, row, strict=True))
    broken = []
    for column in _TEXTS:
        if isinstance(values[column], bytes):
            values[column] = values[column].decode(errors="replace")
            broken.append(f"{column} is not UTF-8")
    for column, (decode, instead) in _FALLIBLE.items():
        try:
            if values[column] is not None:
                decode(values[column])
        except UNREADABLE as error:
            values[column] = instead
            broken.append(f"{column} does not decode ({type(error).__name__}: {str(error)[:100]})")
    quarantined = replace(from_row(tuple(values.values())), state=ScheduleState.QUARANTINED)
    return Salvaged(quarantined, "; ".join(broken))


def to_row(envelope: ScheduleEnvelope) -> Row:
    """Return the row of a schedule in the order of `COLUMNS`."""
    return (raw(envelope.id), *_values(envelope))


def to_definition(envelope: ScheduleEnvelope, **instead: object) -> str:
    """Return a schedule as the text that its fence keeps: its row, as JSON and without what is empty.

    Args:
        envelope: the schedule.
        instead: columns that are to say something else; making another envelope for that costs ten times as much.
    """
    values: dict[str, Any] = dict(zip(COLUMNS[1:], _values(envelope), strict=True))
    values.update(instead, arguments=envelope.arguments.decode())
    return orjson.dumps({column: value for column, value in values.items() if value is not None}).decode()


def from_definition(schedule_id: bytes, generation: int, state: str, definition: str) -> ScheduleEnvelope:
    """Return the schedule that a fence keeps; as far as it can be read, with a note of what cannot."""
    kept: dict[str, Any]
    try:
        kept = _mapping(definition)
    except UNREADABLE as error:
        kept = {"note": f"definition does not decode ({error})"}
    row = definition_row(schedule_id, kept, {"generation": generation, "state": state})
    try:
        return from_row(row)
    except UNREADABLE:
        envelope, reason = salvage(row)
        return replace(envelope, state=_STATES.get(state, ScheduleState.CANCELLED), note=reason)


def read_definition(definition: str | bytes) -> dict[str, Any]:
    """Return what a definition says, by column; raises one of `UNREADABLE` for what is no JSON object."""
    return _mapping(definition)


def definition_row(schedule_id: bytes, kept: Mapping[str, Any], newer: Mapping[str, Any]) -> Row:
    """Return the row, in the order of `COLUMNS`, of what a definition keeps and of what is newer than that."""
    said = {**_EMPTY, **kept, **newer}
    said["arguments"] = str(said["arguments"]).encode()
    return (schedule_id, *_in_order(said))


def _values(envelope: ScheduleEnvelope) -> Row:
    """Return every column but the id."""
    return (
        envelope.name,
        envelope.task,
        envelope.arguments,
        envelope.schedule_type.value,
        None if envelope.at is None else to_us(envelope.at),
        envelope.interval,
        envelope.cron,
        envelope.timezone_name,
        None if envelope.anchor is None else to_us(envelope.anchor),
        None if envelope.next_nominal is None else to_us(envelope.next_nominal),
        None if envelope.next_run is None else to_us(envelope.next_run),
        envelope.catch_up.value,
        envelope.state.value,
        envelope.note,
        envelope.origin,
        envelope.generation,
        envelope.run_count,
        _text(envelope.options),
        _defaults_text(envelope.defaults),
        _text(envelope.metadata),
        envelope.tzdata,
        None if envelope.created_at is None else to_us(envelope.created_at),
        None if envelope.updated_at is None else to_us(envelope.updated_at),
        _text(envelope.unknown),
        None if envelope.times_since is None else to_us(envelope.times_since),
        None if envelope.starts_at is None else to_us(envelope.starts_at),
        None if envelope.ends_at is None else to_us(envelope.ends_at),
        envelope.max_runs,
        None if envelope.grace is None else envelope.grace // _MICROSECOND,
        envelope.overlap.value,
        envelope.jitter // _MICROSECOND,
        None if envelope.paused_at is None else to_us(envelope.paused_at),
        orjson.dumps(envelope.overridden).decode() if envelope.overridden else None,
    )


def _text(values: Mapping[str, Any]) -> str | None:
    return orjson.dumps(dict(values)).decode() if values else None


def _mapping(source: str | bytes) -> dict[str, Any]:
    values = orjson.loads(source)
    if not isinstance(values, dict):
        raise TypeError(f"a JSON object was expected, not {type(values).__name__}")
    return values


def _moment(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else from_us(microseconds)


def _span(microseconds: int) -> timedelta:
    return timedelta(microseconds=microseconds)


def _names(source: str | bytes) -> tuple[str, ...]:
    names = orjson.loads(source)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise TypeError("a JSON list of names was expected")
    return tuple(names)


def _check_arguments(arguments: bytes) -> None:
    values = orjson.loads(arguments)
    # By type and not by pattern, which takes as long as the decoding.
    if type(values) is not list or [type(value) for value in values] != [list, dict]:
        raise ValueError("[args, kwargs] was expected")


_LATER = ("expires_in", "concurrency", "rate", "unique", "key", "kin")


@lru_cache(1024)  # few tasks, many schedules
def _defaults(source: str | bytes) -> TaskDefaults:
    match _mapping(source):
        case {"queue": str(queue), "priority": int(priority), "max_crashes": int(max_crashes)}:
            said = _mapping(source)
            return TaskDefaults(queue, priority, max_crashes, **{name: said.get(name) for name in _LATER})
        case _:
            raise ValueError("queue, priority and max_crashes were expected")


@lru_cache(1024)
def _defaults_text(defaults: TaskDefaults) -> str:
    return orjson.dumps(defaults.said()).decode()


_JSON = (
    "arguments",
    "options",
    "defaults",
    "metadata",
    "unknown",
    "overridden",
)  # bytes in one engine, text in another
_TEXTS = [column for column in COLUMNS if column != "id" and column not in _JSON]
_LACKING = {
    "task": "",
    "schedule_type": ScheduleType.ONE_OFF.value,
    "timezone_name": "UTC",
    "catch_up": CatchUp.LATEST.value,
    "overlap": Overlap.ALLOW.value,
    "jitter": 0,
    "origin": "api",
    "run_count": 0,
    "defaults": _defaults_text(TaskDefaults()),
}
_EMPTY: dict[str, Any] = {**dict.fromkeys(COLUMNS[1:]), **_LACKING, "arguments": _NO_ARGUMENTS.decode()}
_in_order = itemgetter(*COLUMNS[1:])
_FALLIBLE: dict[str, tuple[Callable[[Any], object], object]] = {
    "arguments": (_check_arguments, _NO_ARGUMENTS),
    "schedule_type": (_TYPES.__getitem__, ScheduleType.ONE_OFF.value),
    **dict.fromkeys(
        ("at", "anchor", "next_nominal", "next_run", "times_since", "starts_at", "ends_at", "paused_at"),
        (from_us, None),
    ),
    "catch_up": (_CATCH_UPS.__getitem__, CatchUp.LATEST.value),
    "overlap": (_OVERLAPS.__getitem__, Overlap.ALLOW.value),
    "grace": (_span, None),
    "jitter": (_span, 0),
    "overridden": (_names, None),
    "state": (_STATES.__getitem__, ScheduleState.QUARANTINED.value),
    **dict.fromkeys(("options", "metadata", "unknown"), (_mapping, None)),
    "defaults": (_defaults, _LACKING["defaults"]),
    **dict.fromkeys(("created_at", "updated_at"), (from_us, 0)),
}

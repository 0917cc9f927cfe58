"""Schedules as the server keeps them: a definition that no script reads, and a head of words that change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from nuvom._clock import from_us, to_us
from nuvom._ids import raw
from nuvom._schedule import ScheduleEnvelope, ScheduleState
from nuvom.stores.schedule_rows import (
    UNREADABLE,
    Row,
    Salvaged,
    definition_row,
    from_row,
    read_definition,
    salvage,
    to_definition,
)
from nuvom.stores.values import Fence

_NONE = "-"
# What the head says of a schedule and its definition therefore does not, in the head's order without `seq` and `zone`.
_IN_HEAD = ("generation", "state", "next_nominal", "next_run", "run_count", "updated_at", "paused_at", "note")


class Stored(NamedTuple):
    """A schedule as a script tells it."""

    id: str
    head: bytes
    definition: bytes


def told(answer: Sequence[Any]) -> list[Stored]:
    """Return the schedules of a script's ids, heads and definitions."""
    return [
        Stored(each.decode(), head, definition or b"") for each, head, definition in zip(*answer, strict=True) if head
    ]


def head_of(envelope: ScheduleEnvelope) -> str:
    """Return the head of a schedule; its place in the listing is for the script to say."""
    words = (
        str(envelope.generation),
        envelope.state.value,
        moment(envelope.next_nominal),
        moment(envelope.next_run),
        str(envelope.run_count),
        _NONE,
        moment(envelope.updated_at),
        moment(envelope.paused_at),
        zone_of(envelope, envelope.tzdata),
        _NONE if envelope.note is None else f"+{envelope.note}",
    )
    return " ".join(words)


def zone_of(envelope: ScheduleEnvelope, tzdata: str | None) -> str:
    """Return the release of the tz database that a cron schedule goes by, as heads and commands have it."""
    return _NONE if envelope.cron is None or tzdata is None else zone(tzdata)


def zone(tzdata: str) -> str:
    """Return a release of the tz database as heads have it: one word."""
    return f"+{quote(tzdata, safe='')}"


def definition_of(envelope: ScheduleEnvelope, **instead: object) -> str:
    """Return the definition of a schedule, without what its head says."""
    return to_definition(envelope, **dict.fromkeys(_IN_HEAD), **instead)


def moment(at: datetime | None) -> str:
    """Return a time as scripts have it: microseconds, `-` for none."""
    return _NONE if at is None else str(to_us(at))


def read(stored: Stored) -> ScheduleEnvelope:
    """Return a schedule; raises one of `UNREADABLE` for a definition that does not decode."""
    return from_row(row_of(stored))


def row_of(stored: Stored) -> Row:
    """Return a schedule's row in the order of `COLUMNS`; raises one of `UNREADABLE`."""
    return definition_row(raw(stored.id), read_definition(stored.definition), _newer(stored.head))


def salvaged(stored: Stored) -> Salvaged:
    """Return what can be read of a schedule that `read` refuses."""
    try:
        kept = read_definition(stored.definition)
    except UNREADABLE as error:
        bare = from_row(definition_row(raw(stored.id), {"created_at": 0}, _newer(stored.head)))
        return Salvaged(replace(bare, state=ScheduleState.QUARANTINED), f"definition does not decode ({error})")
    return salvage(definition_row(raw(stored.id), kept, _newer(stored.head)))


def readable(stored: Stored) -> ScheduleEnvelope:
    """Return a schedule as far as it can be read."""
    try:
        return read(stored)
    except UNREADABLE:
        return salvaged(stored).envelope


def read_fence(schedule_id: str, fence: bytes, definition: bytes) -> Fence:
    """Return a fence; its schedule as far as it can be read, with a note of what cannot."""
    ended_at, head = fence.split(b" ", 1)
    stored = Stored(schedule_id, head, definition)
    try:
        envelope = read(stored)
    except UNREADABLE:
        found, reason = salvaged(stored)
        envelope = replace(found, state=ScheduleState(state_of(head)), note=reason)
    return Fence(envelope, None if ended_at == b"-" else from_us(int(ended_at)))


def generation_of(head: bytes) -> str:
    """Return the generation that a head says."""
    return head.split(b" ", 1)[0].decode()


def state_of(head: bytes) -> str:
    """Return the state that a head says."""
    return head.split(b" ", 2)[1].decode()


def _newer(head: bytes) -> dict[str, Any]:
    generation, state, nominal, run, count, _, updated, paused, release, note = head.split(b" ", 9)
    said: dict[str, Any] = {
        "generation": int(generation),
        "state": state.decode(),
        "next_nominal": _us(nominal),
        "next_run": _us(run),
        "run_count": int(count),
        "updated_at": _us(updated),
        "paused_at": _us(paused),
        "note": None if note == b"-" else note[1:].decode(),
    }
    if release != b"-":
        said["tzdata"] = unquote(release[1:].decode())
    return said


def _us(word: bytes) -> int | None:
    return None if word == b"-" else int(word)

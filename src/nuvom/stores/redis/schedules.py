"""Schedules in Redis: changed by compare-and-set, found by index when due, dispatched in one script a batch."""

from __future__ import annotations

import builtins
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from nuvom._clock import from_us, to_us
from nuvom._identity import next_generation, resolve
from nuvom._ids import raw, text
from nuvom._schedule import Occurrence, ScheduleEnvelope, ScheduleState
from nuvom.errors import StoreUnavailable
from nuvom.stores.redis.advancing import as_words, moves_as_json, pieces, refusals
from nuvom.stores.redis.database import Database
from nuvom.stores.redis.definitions import (
    Stored,
    definition_of,
    generation_of,
    head_of,
    read,
    read_fence,
    readable,
    salvaged,
    state_of,
    told,
    zone,
)
from nuvom.stores.redis.finding import pages
from nuvom.stores.redis.occurrences import known_id, write_row
from nuvom.stores.redis.workers import RedisWorkers
from nuvom.stores.schedule_rows import UNREADABLE
from nuvom.stores.values import Change, PassedOver, PlanItem, Refusal, ScheduleFilter, Upserted

_DONE_BY_OTHERS = frozenset(("next_run", "gone"))  # refusals that say another scheduler was faster
_SHARES_OF_OTHERS = 1 / 16  # how often a scheduler beside others looks at what is theirs, too
_AT_ONCE = 1_000  # heads that one script writes: some milliseconds


class RedisSchedules:
    """The schedules of a store; their ledger is beside them, so that a dispatch is one script."""

    def __init__(self, database: Database, workers: RedisWorkers) -> None:
        self._database = database
        self._workers = workers
        self._crowded = False  # whether another scheduler was faster lately

    def enqueue(self, envelope: ScheduleEnvelope) -> ScheduleEnvelope:
        """Store an envelope; the same id again replaces. Returns what is stored."""
        while True:
            newest = self._newest(envelope.id)
            now = self._database.now()
            generation = next_generation(newest.envelope.generation if newest.envelope else 0, now)
            created_at = envelope.created_at or now
            stored = replace(envelope, generation=generation, created_at=created_at, updated_at=now)
            if self._put(stored, newest):
                return stored

    def upsert(
        self,
        wanted: ScheduleEnvelope,
        passed: PassedOver | None = None,
        *,
        overwrite: bool = False,
        revive: bool = False,
    ) -> Upserted:
        """Create or replace by id in one step; raises ValueError where another schedule has the name."""
        while True:
            found = self._newest(wanted.id)
            newest = found.envelope
            rows: tuple[Occurrence, ...] = ()
            answer = resolve(newest, wanted, self._database.now(), overwrite=overwrite, revive=revive)
            if answer.change is Change.REPLACED and newest is not None and passed is not None:
                if passed.generation != newest.generation and not newest.same_times(answer.envelope):
                    return Upserted(newest, Change.LOST)
                rows = passed.rows
            if not answer.change.stored or self._put(answer.envelope, found, rows):
                return answer

    def update(self, envelope: ScheduleEnvelope, rows: Sequence[Occurrence] = ()) -> ScheduleEnvelope | None:
        """Replace a schedule of this generation and record `rows`; None where it has another one by now or is gone."""
        ends = envelope.state.ended
        if not ends:
            _check(envelope)
        said = {"ends": True} if ends else {}
        answer = self._database.write("update_schedule", _told(envelope, rows, said), definition_of(envelope))
        match [*map(_decoded, answer)]:
            case ["taken", owner]:
                raise _taken(envelope, owner)
            case ["put", generation, count, now]:
                changed = replace(envelope, run_count=int(count))
                at = from_us(int(now))
                if ends:
                    return changed.ended(envelope.state, int(generation), at)
                return replace(changed, generation=int(generation), updated_at=at)
            case _:
                return None

    def pause_all(self, note: str | None) -> int:
        """Pause every active schedule in one step; returns how many those were."""
        said = "-" if note is None else f"+{note}"
        while (count := self._database.write("pause_all", said)) is None:
            write_rest(self._database)
        with suppress(StoreUnavailable):  # all are paused: what is left to be written is made up for by housekeeping
            write_rest(self._database)
        return int(count)

    def cancel(self, schedule_id: str) -> bool:
        """Remove a schedule and keep its definition as `cancelled`; False when there was none."""
        known = known_id(schedule_id)
        return known is not None and bool(self._database.write("cancel_schedule", known))

    def reschedule(self, schedule_id: str, next_run: datetime) -> None:
        """Move a schedule's next run, forward only; ignored for an unknown id."""
        known = known_id(schedule_id)
        if known is not None:
            self._database.write("reschedule", known, to_us(next_run))

    def get(self, schedule_id: str) -> ScheduleEnvelope | None:
        """Return the schedule of an id."""
        known = known_id(schedule_id)
        return next(iter(self._read("get_schedules", orjson.dumps([known]))), None) if known else None

    def by_name(self, name: str) -> ScheduleEnvelope | None:
        """Return the schedule of a name."""
        return next(iter(self._read("schedule_by_name", name)), None)

    def advance(self, items: Sequence[PlanItem]) -> builtins.list[Refusal]:
        """Move or end in a few scripts, without rows and jobs; returns the items that no longer fit."""
        answers = self._database.write_each("advance", ([moves_as_json(part)] for part in pieces(items)))
        return [refused for answer in answers for refused in refusals(answer)]

    def follow(self, envelopes: Sequence[ScheduleEnvelope]) -> None:
        """Store definitions as a fence elsewhere has them; one that is not newer than what is known changes nothing."""
        told = []
        for envelope in envelopes:
            if not envelope.state.ended:
                _check(envelope)
            told.append({**_said(envelope), "definition": definition_of(envelope)})
        match self._database.write("follow", orjson.dumps(told)):
            case [int(number), bytes(owner)]:
                raise _taken(envelopes[number - 1], owner.decode())
            case _:
                pass

    def list(self, wanted: ScheduleFilter, limit: int, before: str | None = None) -> builtins.list[ScheduleEnvelope]:
        """Return schedules, newest first; `before` is the last id of the page before, which may be gone by now."""
        return pages(self._database, self._envelopes, wanted, limit, before and text(raw(before)))

    def outdated_zones(self, tzdata: str, limit: int) -> builtins.list[ScheduleEnvelope]:
        """Return active cron schedules with a run ahead that another release of the tz database computed."""
        found: builtins.list[ScheduleEnvelope] = []
        release, cursor = b"+", b"0"
        while release and len(found) < limit:
            release, cursor, page = self._database.read("outdated_zones", zone(tzdata), release, cursor)
            found += self._envelopes(told(page))
        return [envelope for envelope in found if envelope.state is ScheduleState.ACTIVE][:limit]

    def upcoming(self, limit: int) -> builtins.list[ScheduleEnvelope]:
        """Return active schedules by next run, the earliest first."""
        return [envelope for envelope in self._read("upcoming", limit) if envelope.state is ScheduleState.ACTIVE]

    def due(self, now: datetime, limit: int) -> builtins.list[ScheduleEnvelope]:
        """Return at most `limit` active schedules with next_run <= now, earliest first.

        Schedulers side by side would all read the same ones, and all but one of them plan in vain. So one that was too
        late takes only its share of them, as long as that holds any; and all of them now and then, so that
        the share of one that lives and does not work is not left for good.
        """
        due: builtins.list[ScheduleEnvelope] = []
        if self._crowded and self._workers.scheduler is not None and random.random() > _SHARES_OF_OTHERS:
            due = self._read("due", to_us(now), limit, self._workers.scheduler)
            self._crowded = bool(due)
        if not due:
            due = self._read("due", to_us(now), limit, "")
        return [envelope for envelope in due if envelope.state is ScheduleState.ACTIVE]

    def next_due(self) -> float | None:
        """Return seconds until the earliest next run, 0 or less when one is due, None when there is none."""
        left = self._database.read("next_due")
        return None if left is None else int(left) / 1_000_000

    def apply(self, items: Sequence[PlanItem]) -> builtins.list[Refusal]:
        """Record, push and advance, each item in one script and many in a few; returns those that no longer fit."""
        answers = self._database.write_each("apply", map(as_words, pieces(items)))
        refused = [each for answer in answers for each in refusals(answer)]
        late = sum(refusal.reason in _DONE_BY_OTHERS for refusal in refused)
        if late * 4 > len(items):
            self._crowded = True
        return refused

    def _newest(self, schedule_id: str) -> _Newest:
        known = text(raw(schedule_id))
        head, definition, fence = self._database.read("newest_schedule", known)
        if head is not None:
            return _Newest(readable(Stored(known, head, definition or b"")), head, None)
        if fence is None:
            return _Newest(None, None, None)
        kept = read_fence(known, fence, definition or b"").envelope
        if not kept.state.ended:
            # It lived elsewhere and here begins a new life; nobody cancelled it, so that code may declare it, too.
            kept = replace(kept, state=ScheduleState.CANCELLED, origin="api")
        return _Newest(kept, None, fence)

    def _put(self, envelope: ScheduleEnvelope, newest: _Newest, rows: Sequence[Occurrence] = ()) -> bool:
        """Store a living schedule in place of the newest that was read; False where that is another one by now."""
        _check(envelope)
        said = {"read": newest.head, "fence": newest.fence}
        read_as = {name: value.decode() for name, value in said.items() if value is not None}
        answer = self._database.write("put_schedule", _told(envelope, rows, read_as), definition_of(envelope))
        if answer[0] == b"taken":
            raise _taken(envelope, _decoded(answer[1]))
        return bool(answer[0] == b"put")

    def _read(self, script: str, *words: str | bytes | int) -> builtins.list[ScheduleEnvelope]:
        return self._envelopes(told(self._database.read(script, *words)))

    def _envelopes(self, found: Sequence[Stored]) -> builtins.list[ScheduleEnvelope]:
        try:
            return [read(stored) for stored in found]
        except UNREADABLE:
            return [self._readable(stored) for stored in found]

    def _readable(self, stored: Stored) -> ScheduleEnvelope:
        """Return what can be read of a schedule; one that does not decode is set aside, once."""
        try:
            return read(stored)
        except UNREADABLE:
            envelope, reason = salvaged(stored)
        if state_of(stored.head) == ScheduleState.QUARANTINED.value:
            return envelope
        generation = self._database.write("quarantine", stored.id, generation_of(stored.head), reason)
        return replace(envelope, generation=int(generation or envelope.generation), note=reason)


def write_rest(database: Database) -> None:
    """Write into the heads of schedules that all were paused; at once where nobody left that to others."""
    while database.write("rest_schedules", _AT_ONCE):
        pass


class _Newest(NamedTuple):
    """The newest that is known of an id, and the text by which a script finds whether it still is."""

    envelope: ScheduleEnvelope | None
    head: bytes | None
    fence: bytes | None


def _told(envelope: ScheduleEnvelope, rows: Sequence[Occurrence], more: dict[str, Any]) -> bytes:
    return orjson.dumps({**_said(envelope), "rows": [write_row(row) for row in rows], **more})


def _said(envelope: ScheduleEnvelope) -> dict[str, Any]:
    said = {"id": text(raw(envelope.id)), "head": head_of(envelope)}
    return said if envelope.name is None else {**said, "name": envelope.name}


def _check(envelope: ScheduleEnvelope) -> None:
    """Raise ValueError for a schedule that cannot be one of the living."""
    if envelope.state.ended:
        raise ValueError(f"state={envelope.state.value!r}: an ended schedule cannot be stored; cancel it instead")
    if envelope.state is ScheduleState.ACTIVE and envelope.next_run is None:
        raise ValueError(f"next_run=None: the active schedule {envelope.id} would never run; compute its next run")
    said = {"at": envelope.at, "interval": envelope.interval, "cron": envelope.cron}
    if sum(value is not None for value in said.values()) != 1:
        raise ValueError(f"{said}: exactly one of them says when schedule {envelope.id} runs")


def _taken(envelope: ScheduleEnvelope, owner: str) -> ValueError:
    return ValueError(
        f"name={envelope.name!r} belongs to schedule {owner}, not {envelope.id}; cancel that one or choose another name"
    )


def _decoded(word: bytes) -> str:
    return word.decode()

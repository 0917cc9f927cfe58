"""Schedules in SQLite: stored and changed durably, found by index when due, dispatched in one transaction a batch."""

from __future__ import annotations

import builtins
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import orjson

from nuvom._clock import to_us
from nuvom._crashpoint import reached
from nuvom._identity import next_generation, resolve
from nuvom._ids import raw, text
from nuvom._schedule import Occurrence, ScheduleEnvelope, ScheduleState
from nuvom.stores.schedule_rows import STATE, UNREADABLE, Row, from_row, salvage, to_definition, to_row
from nuvom.stores.sqlite.database import Database
from nuvom.stores.sqlite.fetching import fetch
from nuvom.stores.sqlite.ledger import changed, key, moved_on, read_fence, record, write_fence
from nuvom.stores.sqlite.statements import load
from nuvom.stores.values import Change, PassedOver, PlanItem, Refusal, ScheduleFilter, Upserted


class SqliteSchedules:
    """The schedules of a store; their ledger is in the same file, so that a dispatch is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def enqueue(self, envelope: ScheduleEnvelope) -> ScheduleEnvelope:
        """Store an envelope; the same id again replaces. Returns what is stored."""
        with self._database.write(durable=True) as connection:
            now = self._database.now()
            newest = _newest(connection, envelope.id)
            generation = next_generation(newest.generation if newest else 0, now)
            created_at = envelope.created_at or now
            stored = replace(envelope, generation=generation, created_at=created_at, updated_at=now)
            _put(connection, stored)
        self._database.wake("scheduler")
        return stored

    def upsert(
        self,
        wanted: ScheduleEnvelope,
        passed: PassedOver | None = None,
        *,
        overwrite: bool = False,
        revive: bool = False,
    ) -> Upserted:
        """Create or replace by id in one transaction; raises ValueError where another schedule has the name."""
        with self._database.write(durable=True) as connection:
            newest = _newest(connection, wanted.id)
            now = self._database.now()
            answer = resolve(newest, wanted, now, overwrite=overwrite, revive=revive)
            if answer.change is Change.REPLACED and newest is not None and passed is not None:
                if passed.generation != newest.generation and not newest.same_times(answer.envelope):
                    return Upserted(newest, Change.LOST)
                _note(connection, answer.envelope, passed.rows, now)
            if answer.change.stored:
                _put(connection, answer.envelope)
        if answer.change.stored:
            self._database.wake("scheduler")
        return answer

    def update(self, envelope: ScheduleEnvelope, rows: Sequence[Occurrence] = ()) -> ScheduleEnvelope | None:
        """Replace a schedule of this generation and record `rows`; None where it has another one by now or is gone."""
        with self._database.write(durable=True) as connection:
            now = self._database.now()
            stored = _live(connection, envelope.id)
            if stored is None or stored.generation != envelope.generation:
                return None
            # A dispatch since it was read counted a run and left the generation as it is.
            wanted = replace(envelope, run_count=stored.run_count)
            _note(connection, wanted, rows, now)
            if wanted.state.ended:
                return _end(connection, wanted, wanted.state, now)
            newer = replace(wanted, generation=next_generation(stored.generation, now), updated_at=now)
            _put(connection, newer)
        self._database.wake("scheduler")
        return newer

    def pause_all(self, note: str | None) -> int:
        """Pause every active schedule in one transaction; returns how many those were."""
        with self._database.write(durable=True) as connection:
            return connection.execute(load("pause_all"), (note, self._database.now_us())).rowcount

    def cancel(self, schedule_id: str) -> bool:
        """Remove a schedule and keep its definition as `cancelled`; False when there was none."""
        with self._database.write(durable=True) as connection:
            stored = _live(connection, schedule_id)
            if stored is not None:
                _end(connection, stored, ScheduleState.CANCELLED, self._database.now())
        return stored is not None

    def reschedule(self, schedule_id: str, next_run: datetime) -> None:
        """Move a schedule's next run, forward only; ignored for an unknown id."""
        with self._database.write(durable=False) as connection:
            connection.execute(load("reschedule"), (key(schedule_id), to_us(next_run)))

    def get(self, schedule_id: str) -> ScheduleEnvelope | None:
        """Return the schedule of an id."""
        return next(iter(self._read("get_schedule", key(schedule_id))), None)

    def by_name(self, name: str) -> ScheduleEnvelope | None:
        """Return the schedule of a name."""
        return next(iter(self._read("schedule_by_name", name)), None)

    def list(self, wanted: ScheduleFilter, limit: int, before: str | None = None) -> builtins.list[ScheduleEnvelope]:
        """Return schedules, newest first; `before` is the last id of the page before, which may be gone by now."""
        pattern = None if wanted.name_like is None else _glob(wanted.name_like)
        state = None if wanted.state is None else wanted.state.value
        metadata = orjson.dumps(dict(wanted.metadata)).decode() if wanted.metadata else None
        place = before and raw(before)
        return self._read("list_schedules", wanted.task, state, pattern, place, limit, wanted.origin, metadata)

    def outdated_zones(self, tzdata: str, limit: int) -> builtins.list[ScheduleEnvelope]:
        """Return active cron schedules with a run ahead that another release of the tz database computed."""
        return self._read("outdated_zones", tzdata, self._database.now_us(), limit)

    def upcoming(self, limit: int) -> builtins.list[ScheduleEnvelope]:
        """Return active schedules by next run, the earliest first."""
        return [envelope for envelope in self._read("upcoming", limit) if envelope.state is ScheduleState.ACTIVE]

    def due(self, now: datetime, limit: int) -> builtins.list[ScheduleEnvelope]:
        """Return at most `limit` active schedules with next_run <= now, earliest first."""
        due = self._read("due", to_us(now), limit)
        return [envelope for envelope in due if envelope.state is ScheduleState.ACTIVE]

    def next_due(self) -> float | None:
        """Return seconds until the earliest next run, 0 or less when one is due, None when there is none."""
        with self._database.read() as connection:
            row = connection.execute(load("next_due")).fetchone()
        return None if row is None else (row[0] - self._database.now_us()) / 1_000_000

    def apply(self, items: Sequence[PlanItem]) -> builtins.list[Refusal]:
        """Record, push and advance in one transaction; returns the items that no longer fit."""
        with self._database.write(durable=False) as connection:
            now = self._database.now()
            refused = [Refusal(item.envelope.id, "open_runs") for item in items if moved_on(connection, item)]
            if refused:
                items = _without(items, refused)
            settled = _settle(connection, items, now)
            reached("scheduler.advance")
            fitting = [item for item, fits in zip(items, settled, strict=True) if fits and item.quarantine is None]
            refused += [_refusal(connection, item) for item, fits in zip(items, settled, strict=True) if not fits]
            recorded = record(connection, fitting, to_us(now))
            _uncount(connection, fitting, recorded.jobs)
        recorded.wake(self._database)
        return refused

    def advance(self, items: Sequence[PlanItem]) -> builtins.list[Refusal]:
        """Move or end in one transaction, without rows and jobs; returns the items that no longer fit."""
        with self._database.write(durable=False) as connection:
            settled = _settle(connection, items, self._database.now())
            return [_refusal(connection, item) for item, fits in zip(items, settled, strict=True) if not fits]

    def follow(self, envelopes: Sequence[ScheduleEnvelope]) -> None:
        """Store definitions as a fence elsewhere has them; one that is not newer than what is known changes nothing."""
        with self._database.write(durable=True) as connection:
            now = self._database.now()
            for envelope in envelopes:
                _follow(connection, envelope, now)
        self._database.wake("scheduler")

    def _read(self, statement: str, *parameters: object) -> builtins.list[ScheduleEnvelope]:
        with self._database.read() as connection:
            rows = fetch(connection, load(statement), parameters)
        try:
            return [from_row(row) for row in rows]
        except UNREADABLE:
            return [self._readable(row) for row in rows]

    def _readable(self, row: Row) -> ScheduleEnvelope:
        """Return what can be read of a row; one that does not decode is set aside, once."""
        try:
            return from_row(row)
        except UNREADABLE:
            envelope, reason = salvage(row)
        if row[STATE] == ScheduleState.QUARANTINED.value:
            return envelope
        with self._database.write(durable=False) as connection:
            now = self._database.now()
            _quarantine(connection, envelope, None, reason, now)
        return replace(envelope, generation=next_generation(envelope.generation, now), note=reason)


def _without(items: Sequence[PlanItem], refused: Sequence[Refusal]) -> list[PlanItem]:
    ids = {refusal.schedule_id for refusal in refused}
    return [item for item in items if item.envelope.id not in ids]


def _live(connection: sqlite3.Connection, schedule_id: str) -> ScheduleEnvelope | None:
    """Return the living schedule of an id inside the caller's transaction, as far as it can be read."""
    for row in fetch(connection, load("get_schedule"), (key(schedule_id),)):
        try:
            return from_row(row)
        except UNREADABLE:
            return salvage(row).envelope
    return None


def _note(
    connection: sqlite3.Connection, envelope: ScheduleEnvelope, rows: Sequence[Occurrence], now: datetime
) -> None:
    """Record what a change keeps from being run."""
    if rows:
        record(connection, [PlanItem(envelope, tuple(rows), (), None, None)], to_us(now))


def _newest(connection: sqlite3.Connection, schedule_id: str) -> ScheduleEnvelope | None:
    """Return the living schedule of an id, else the newest life that its fence remembers, as an ended one."""
    stored = _live(connection, schedule_id)
    fence = read_fence(connection, key(schedule_id))
    if stored is not None or fence is None or fence.envelope.state.ended:
        return stored or (fence and fence.envelope)
    # It lived elsewhere and here begins a new life; nobody cancelled it, so a declaration in code may begin it, too.
    return replace(fence.envelope, state=ScheduleState.CANCELLED, origin="api")


def _put(connection: sqlite3.Connection, envelope: ScheduleEnvelope) -> None:
    """Store a living schedule; from now on its row says the newest generation and no fence does."""
    if envelope.state.ended:
        raise ValueError(f"state={envelope.state.value!r}: an ended schedule cannot be stored; cancel it instead")
    if envelope.state is ScheduleState.ACTIVE and envelope.next_run is None:
        raise ValueError(f"next_run=None: the active schedule {envelope.id} would never run; compute its next run")
    if envelope.name is not None:
        for (owner,) in connection.execute(load("name_owner"), (envelope.name, raw(envelope.id))):
            raise ValueError(
                f"name={envelope.name!r} belongs to schedule {text(owner)}, not {envelope.id}; "
                "cancel that one or choose another name"
            )
    connection.execute(load("put_schedule"), to_row(envelope))
    connection.execute(load("delete_fence"), (raw(envelope.id),))


def _end(
    connection: sqlite3.Connection, envelope: ScheduleEnvelope, state: ScheduleState, now: datetime
) -> ScheduleEnvelope:
    """Move a living schedule to its fence; returns it as it is kept there."""
    connection.execute(load("end_schedule"), _ending(envelope, None, state, envelope.run_count, now))
    connection.execute(load("delete_schedule"), (raw(envelope.id),))
    return envelope.ended(state, next_generation(envelope.generation, now), now)


def _follow(connection: sqlite3.Connection, envelope: ScheduleEnvelope, now: datetime) -> None:
    stored, fence = _live(connection, envelope.id), read_fence(connection, key(envelope.id))
    known = max((each.generation for each in (stored, fence and fence.envelope) if each is not None), default=None)
    if known is not None and known >= envelope.generation:
        return
    if not envelope.state.ended:
        _put(connection, envelope)
    elif stored is not None:
        row = (raw(envelope.id), stored.generation, None, envelope.generation, envelope.state.value)
        connection.execute(load("end_schedule"), (*row, to_definition(envelope), to_us(now)))
        connection.execute(load("delete_schedule"), (raw(envelope.id),))
    else:  # so that an earlier definition which arrives later changes nothing
        write_fence(connection, envelope, fence and fence.envelope.generation, to_us(now))


def _ending(
    envelope: ScheduleEnvelope, next_run: datetime | None, state: ScheduleState, run_count: int, now: datetime
) -> tuple[object, ...]:
    generation, now_us = next_generation(envelope.generation, now), to_us(now)
    definition = to_definition(
        envelope,
        state=state.value,
        next_nominal=None,
        next_run=None,
        generation=generation,
        run_count=run_count,
        updated_at=now_us,
    )
    return (raw(envelope.id), envelope.generation, _us(next_run), generation, state.value, definition, now_us)


def _quarantine(
    connection: sqlite3.Connection, envelope: ScheduleEnvelope, expected: datetime | None, reason: str, now: datetime
) -> bool:
    generation = next_generation(envelope.generation, now)
    row = (raw(envelope.id), envelope.generation, _us(expected), generation, reason, to_us(now))
    return connection.execute(load("quarantine"), row).rowcount == 1


def _settle(connection: sqlite3.Connection, items: Sequence[PlanItem], now: datetime) -> list[bool]:
    """Advance, end or set aside the schedules of these items; tells which of them still were what was planned."""
    moving = [item for item in items if item.quarantine is None and item.next_run is not None]
    ending = [item for item in items if item.quarantine is None and item.next_run is None]
    moved = iter(_advanced(connection, moving))
    kept = changed(connection, load("end_schedule"), (_done(item, now) for item in ending))
    gone = [(raw(item.envelope.id),) for item, fits in zip(ending, kept, strict=True) if fits]
    connection.executemany(load("delete_schedule"), gone)
    ended = iter(kept)
    return [
        _quarantine(connection, item.envelope, item.envelope.next_run, item.quarantine, now)
        if item.quarantine is not None
        else next(ended if item.next_run is None else moved)
        for item in items
    ]


def _advanced(connection: sqlite3.Connection, items: Sequence[PlanItem]) -> list[bool]:
    """Advance schedules; those whose zone's rules are another release's by now say so, which costs an index more."""
    if all(item.tzdata is None for item in items):
        return changed(connection, load("advance"), map(_advance, items))
    return [_advanced_one(connection, item) for item in items]


def _advanced_one(connection: sqlite3.Connection, item: PlanItem) -> bool:
    if item.tzdata is None:
        return connection.execute(load("advance"), _advance(item)).rowcount == 1
    row = (*_advance(item), item.tzdata, _us(item.times_since))
    return connection.execute(load("advance_zone"), row).rowcount == 1


def _advance(item: PlanItem) -> tuple[object, ...]:
    envelope = item.envelope
    next_run = _us(item.next_run)
    return (
        raw(envelope.id),
        envelope.generation,
        _us(envelope.next_run),
        next_run if item.next_nominal is item.next_run else _us(item.next_nominal),
        next_run,
        item.counted,
    )


def _done(item: PlanItem, now: datetime) -> tuple[object, ...]:
    envelope = item.envelope
    run_count = envelope.run_count + item.counted
    return _ending(envelope, envelope.next_run, ScheduleState.DONE, run_count, now)


def _uncount(connection: sqlite3.Connection, items: Sequence[PlanItem], new: frozenset[str]) -> None:
    """Take back the runs that `_settle` counted for occurrences which the ledger had already."""
    if len(new) == sum(len(item.jobs) for item in items):
        return
    for item in items:
        if known := sum(job.id not in new for job in item.jobs):
            statement = "uncount_ended" if item.next_run is None else "uncount"
            connection.execute(load(statement), (raw(item.envelope.id), known))


def _refusal(connection: sqlite3.Connection, item: PlanItem) -> Refusal:
    """Say why an item no longer fits."""
    expected = item.envelope
    match connection.execute(load("schedule_head"), (raw(expected.id),)).fetchone():
        case None:
            reason = "gone"
        case (generation, _, _) if generation != expected.generation:
            reason = "generation"
        case (_, _, state) if state != ScheduleState.ACTIVE.value:
            reason = "state"
        case _:
            reason = "next_run"
    return Refusal(expected.id, reason)


def _us(moment: datetime | None) -> int | None:
    return None if moment is None else to_us(moment)


def _glob(pattern: str) -> str:
    """Return a pattern in which only `*` is special, for SQLite's GLOB."""
    return "".join(f"[{char}]" if char in "?[" else char for char in pattern)

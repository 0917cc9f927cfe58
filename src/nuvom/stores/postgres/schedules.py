"""Schedules in PostgreSQL: changed durably, found by index when due, dispatched in one transaction a batch."""

from __future__ import annotations

import builtins
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

import orjson

from nuvom._clock import from_us, to_us
from nuvom._crashpoint import reached
from nuvom._identity import next_generation, resolve
from nuvom._ids import raw, text
from nuvom._schedule import Occurrence, ScheduleEnvelope, ScheduleState
from nuvom.stores.postgres.advancing import end, end_as, refusals, set_aside, settle, uncount
from nuvom.stores.postgres.database import Database, Session
from nuvom.stores.postgres.ledger import hold_keys, key, moved_on, read_fence, record, write_fence
from nuvom.stores.postgres.workers import PostgresWorkers
from nuvom.stores.schedule_rows import COLUMNS, STATE, UNREADABLE, Row, from_row, salvage, to_row
from nuvom.stores.values import Change, PassedOver, PlanItem, Refusal, ScheduleFilter, Upserted, first_of_each

_DONE_BY_OTHERS = frozenset(("next_run", "gone"))  # refusals that say another scheduler was faster
_SHARES_OF_OTHERS = 1 / 16  # how often a scheduler beside others looks at what is theirs, too
_ARGUMENTS = COLUMNS.index("arguments") - 1  # among the values after the id


class PostgresSchedules:
    """The schedules of a store; their ledger is in the same database, so that a dispatch is one transaction."""

    def __init__(self, database: Database, workers: PostgresWorkers) -> None:
        self._database = database
        self._workers = workers
        self._crowded = False  # whether another scheduler was faster lately

    def enqueue(self, envelope: ScheduleEnvelope) -> ScheduleEnvelope:
        """Store an envelope; the same id again replaces. Returns what is stored."""

        def enqueued(session: Session) -> ScheduleEnvelope:
            _hold(session, envelope)
            newest = _newest(session, envelope.id)
            now = from_us(session.now_us)
            generation = next_generation(newest.generation if newest else 0, now)
            created_at = envelope.created_at or now
            stored = replace(envelope, generation=generation, created_at=created_at, updated_at=now)
            _put(session, stored)
            return stored

        return self._database.write(enqueued, durable=True)

    def upsert(
        self,
        wanted: ScheduleEnvelope,
        passed: PassedOver | None = None,
        *,
        overwrite: bool = False,
        revive: bool = False,
    ) -> Upserted:
        """Create or replace by id in one transaction; raises ValueError where another schedule has the name."""

        def upserted(session: Session) -> Upserted:
            _hold(session, wanted)
            newest = _newest(session, wanted.id)
            now = from_us(session.now_us)
            answer = resolve(newest, wanted, now, overwrite=overwrite, revive=revive)
            if answer.change is Change.REPLACED and newest is not None and passed is not None:
                if passed.generation != newest.generation and not newest.same_times(answer.envelope):
                    return Upserted(newest, Change.LOST)
                _note(session, answer.envelope, passed.rows)
            if answer.change.stored:
                _put(session, answer.envelope)
            return answer

        return self._database.write(upserted, durable=True)

    def update(self, envelope: ScheduleEnvelope, rows: Sequence[Occurrence] = ()) -> ScheduleEnvelope | None:
        """Replace a schedule of this generation and record `rows`; None where it has another one by now or is gone."""

        def updated(session: Session) -> ScheduleEnvelope | None:
            _hold(session, envelope)
            stored = _live(session, envelope.id)
            now = from_us(session.now_us)
            if stored is None or stored.generation != envelope.generation:
                return None
            # A dispatch since it was read counted a run and left the generation as it is.
            wanted = replace(envelope, run_count=stored.run_count)
            _note(session, wanted, rows)
            if wanted.state.ended:
                return end(session, wanted, wanted.state)
            newer = replace(wanted, generation=next_generation(stored.generation, now), updated_at=now)
            _put(session, newer)
            return newer

        return self._database.write(updated, durable=True)

    def pause_all(self, note: str | None) -> int:
        """Pause every active schedule in one transaction; returns how many those were."""

        def paused(session: Session) -> int:
            (count,) = session.row("pause_all", (note, session.now_us)) or (0,)
            return int(count)

        return self._database.write(paused, durable=True)

    def cancel(self, schedule_id: str) -> bool:
        """Remove a schedule and keep its definition as `cancelled`; False when there was none."""

        def cancelled(session: Session) -> bool:
            session.lock([f"schedule:{schedule_id}"])
            stored = _live(session, schedule_id)
            if stored is not None:
                end(session, stored, ScheduleState.CANCELLED)
            return stored is not None

        return self._database.write(cancelled, durable=True)

    def reschedule(self, schedule_id: str, next_run: datetime) -> None:
        """Move a schedule's next run, forward only; ignored for an unknown id."""
        parameters = (key(schedule_id), to_us(next_run))
        self._database.write(lambda session: session.execute("reschedule", parameters), durable=False)

    def get(self, schedule_id: str) -> ScheduleEnvelope | None:
        """Return the schedule of an id."""
        return next(iter(self._read("get_schedule", (key(schedule_id),))), None)

    def by_name(self, name: str) -> ScheduleEnvelope | None:
        """Return the schedule of a name."""
        if "\0" in name:  # which no text here can hold
            return None
        return next(iter(self._read("schedule_by_name", (name,))), None)

    def list(self, wanted: ScheduleFilter, limit: int, before: str | None = None) -> builtins.list[ScheduleEnvelope]:
        """Return schedules, newest first; `before` is the last id of the page before, which may be gone by now."""
        parameters = {
            "task": wanted.task,
            "state": None if wanted.state is None else wanted.state.value,
            "pattern": None if wanted.name_like is None else _like(wanted.name_like),
            "origin": wanted.origin,
            "metadata": orjson.dumps(dict(wanted.metadata)).decode() if wanted.metadata else None,
            "before": before and text(raw(before)),
            "limit": limit,
        }
        return self._read("list_schedules", parameters)

    def outdated_zones(self, tzdata: str, limit: int) -> builtins.list[ScheduleEnvelope]:
        """Return active cron schedules with a run ahead that another release of the tz database computed."""
        return self._read("outdated_zones", {"tzdata": tzdata, "now": self._database.given_now, "limit": limit})

    def upcoming(self, limit: int) -> builtins.list[ScheduleEnvelope]:
        """Return active schedules by next run, the earliest first."""
        return [envelope for envelope in self._read("upcoming", (limit,)) if envelope.state is ScheduleState.ACTIVE]

    def due(self, now: datetime, limit: int) -> builtins.list[ScheduleEnvelope]:
        """Return at most `limit` active schedules with next_run <= now, earliest first.

        Schedulers side by side would all read the same ones, and all but one of them plan in vain. So one that was too
        late takes only its share of them, as long as that holds any; and all of them now and then, so that
        the share of one that lives and does not work is not left for good.
        """
        parameters = {"now": to_us(now), "limit": limit}
        due: builtins.list[ScheduleEnvelope] = []
        if self._crowded and random.random() > _SHARES_OF_OTHERS:
            own = {"given": self._database.given_now, "scheduler": self._workers.scheduler}
            due = self._read("due_share", {**parameters, **own})
            self._crowded = bool(due)
        if not due:
            due = self._read("due", parameters)
        return [envelope for envelope in due if envelope.state is ScheduleState.ACTIVE]

    def next_due(self) -> float | None:
        """Return seconds until the earliest next run, 0 or less when one is due, None when there is none."""
        next_run, server_us = self._database.read(lambda session: session.row("next_due")) or (None, 0)
        self._database.saw(server_us)
        return None if next_run is None else (next_run - self._database.now_us()) / 1_000_000

    def apply(self, items: Sequence[PlanItem]) -> builtins.list[Refusal]:
        """Record, push and advance in one transaction; returns the items that no longer fit."""
        if not items:
            return []
        refused = self._database.write(lambda session: _applied(session, items), durable=False)
        self._note_late(refused, items)
        return refused

    def advance(self, items: Sequence[PlanItem]) -> builtins.list[Refusal]:
        """Move or end in one transaction, without rows and jobs; returns the items that no longer fit."""
        if not items:
            return []
        refused = self._database.write(lambda session: _settled(session, items).refused, durable=False)
        self._note_late(refused, items)
        return refused

    def follow(self, envelopes: Sequence[ScheduleEnvelope]) -> None:
        """Store definitions as a fence elsewhere has them; one that is not newer than what is known changes nothing."""

        def followed(session: Session) -> None:
            for envelope in envelopes:
                _follow(session, envelope)

        self._database.write(followed, durable=True)

    def _note_late(self, refused: Sequence[Refusal], items: Sequence[PlanItem]) -> None:
        late = sum(refusal.reason in _DONE_BY_OTHERS for refusal in refused)
        if late * 4 > len(items):
            self._crowded = self._workers.scheduler is not None

    def _read(
        self, statement: str, parameters: Mapping[str, object] | Sequence[object]
    ) -> builtins.list[ScheduleEnvelope]:
        rows = self._database.read(lambda session: session.rows(statement, parameters))
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

        def aside(session: Session) -> ScheduleEnvelope:
            set_aside(session, [(envelope, None, reason)])
            generation = next_generation(envelope.generation, from_us(session.now_us))
            return replace(envelope, generation=generation, note=reason)

        return self._database.write(aside, durable=False)


def _applied(session: Session, items: Sequence[PlanItem]) -> list[Refusal]:
    hold_keys(session, items)
    counted = moved_on(session, items)
    refused = [Refusal(item.envelope.id, "open_runs") for item in items if item.envelope.id in counted]
    settled = _settled(session, [item for item in items if item.envelope.id not in counted])
    uncount(session, settled.accepted, record(session, settled.accepted))
    return refused + settled.refused


class _Settled(NamedTuple):
    accepted: list[PlanItem]  # those with something to record
    refused: list[Refusal]


def _settled(session: Session, items: Sequence[PlanItem]) -> _Settled:
    """Advance, end or set aside the schedules of these items; of several of one schedule, the first that fits."""
    accepted: list[PlanItem] = []
    left: list[PlanItem] = []
    trying = items
    while trying:
        first, later = first_of_each(trying)
        settled = settle(session, first.values())
        reached("scheduler.advance")
        accepted += [item for each, item in first.items() if each in settled and item.quarantine is None]
        left += [item for each, item in first.items() if each not in settled]
        left += [item for item in later if item.envelope.id in settled]
        trying = [item for item in later if item.envelope.id not in settled]
    return _Settled(accepted, refusals(session, left) if left else [])


def _follow(session: Session, envelope: ScheduleEnvelope) -> None:
    _hold(session, envelope)
    stored, fence = _live(session, envelope.id), read_fence(session, envelope.id)
    known = max((each.generation for each in (stored, fence and fence.envelope) if each is not None), default=None)
    if known is not None and known >= envelope.generation:
        return
    if not envelope.state.ended:
        _put(session, envelope)
    elif stored is not None:
        end_as(session, stored, envelope)
    else:  # so that an earlier definition which arrives later changes nothing
        write_fence(session, envelope, fence and fence.envelope.generation)


def _hold(session: Session, envelope: ScheduleEnvelope) -> None:
    """Keep others from making or changing a schedule of this id or name until the transaction ends."""
    names = [f"schedule:{envelope.id}"]
    if envelope.name is not None:
        names.append(f"name:{envelope.name}")
    session.lock(names)


def _live(session: Session, schedule_id: str) -> ScheduleEnvelope | None:
    """Return the living schedule of an id as far as it can be read, and keep others from changing it."""
    row = session.row("hold_schedule", (key(schedule_id),))
    if row is None:
        return None
    session.look_at_clock()  # a dispatch that was waited for was before what is done now
    try:
        return from_row(row)
    except UNREADABLE:
        return salvage(row).envelope


def _note(session: Session, envelope: ScheduleEnvelope, rows: Sequence[Occurrence]) -> None:
    """Record what a change keeps from being run."""
    if rows:
        record(session, [PlanItem(envelope, tuple(rows), (), None, None)])


def _newest(session: Session, schedule_id: str) -> ScheduleEnvelope | None:
    """Return the living schedule of an id, else the newest life that its fence remembers, as an ended one."""
    stored = _live(session, schedule_id)
    fence = read_fence(session, schedule_id) if stored is None else None
    if fence is None or fence.envelope.state.ended:
        return stored or (fence and fence.envelope)
    # It lived elsewhere and here begins a new life; nobody cancelled it, so a declaration in code may begin it, too.
    return replace(fence.envelope, state=ScheduleState.CANCELLED, origin="api")


def _put(session: Session, envelope: ScheduleEnvelope) -> None:
    """Store a living schedule and wake schedulers; from now on its row says the newest generation and no fence does."""
    if envelope.state.ended:
        raise ValueError(f"state={envelope.state.value!r}: an ended schedule cannot be stored; cancel it instead")
    if envelope.state is ScheduleState.ACTIVE and envelope.next_run is None:
        raise ValueError(f"next_run=None: the active schedule {envelope.id} would never run; compute its next run")
    if envelope.name is not None:
        for (owner,) in session.rows("name_owner", (envelope.name, envelope.id)):
            raise ValueError(
                f"name={envelope.name!r} belongs to schedule {text(owner)}, not {envelope.id}; "
                "cancel that one or choose another name"
            )
    _, *values = to_row(envelope)
    values[_ARGUMENTS] = envelope.arguments.decode()
    session.execute("put_schedule", (envelope.id, *values))
    session.execute("delete_fence", (envelope.id,))
    session.wake("scheduler")


def _like(pattern: str) -> str:
    """Return a pattern in which only `*` is special, for LIKE."""
    return "".join(f"\\{char}" if char in "\\%_" else "%" if char == "*" else char for char in pattern)

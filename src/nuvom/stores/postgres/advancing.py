"""What a dispatch does to the schedules themselves: they move on, end or are set aside, many in one statement."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from nuvom._clock import from_us, to_us
from nuvom._identity import next_generation
from nuvom._ids import text
from nuvom._schedule import ScheduleEnvelope, ScheduleState
from nuvom.stores.postgres.columns import columns
from nuvom.stores.postgres.database import Session
from nuvom.stores.postgres.ledger import changed
from nuvom.stores.schedule_rows import to_definition
from nuvom.stores.values import PlanItem, Refusal

_ADVANCE = ("id", "generation", "expected", "next_nominal", "next_run", "runs", "tzdata", "times_since")
_END = ("id", "generation", "expected", "ended_as", "state", "definition", "ended_at")
_ASIDE = ("id", "generation", "expected", "newer", "reason")


def settle(session: Session, items: Iterable[PlanItem]) -> set[str]:
    """Advance, end or set aside the schedules of these items, each at most once.

    Returns the ids of those that still were what was planned. Who has a row locked is about to change it: nobody waits
    for that, so that schedulers side by side never do.
    """
    moving, ending, aside = [], [], []
    for item in items:
        if item.quarantine is not None:
            aside.append((item.envelope, item.envelope.next_run, item.quarantine))
        elif item.next_run is None:
            ending.append(_done(item, session.now_us))
        else:
            moving.append(_advance(item))
    settled: set[str] = set()
    if moving:
        settled.update(_changed(session, "advance", _ADVANCE, moving))
    if ending:
        settled.update(_changed(session, "end_schedules", _END, ending))
    if aside:
        settled.update(set_aside(session, aside))
    return settled


def end(session: Session, envelope: ScheduleEnvelope, state: ScheduleState) -> ScheduleEnvelope:
    """Move a living schedule, which the caller holds, to its fence; returns it as it is kept there."""
    now = from_us(session.now_us)
    _changed(session, "end_schedules", _END, [_ending(envelope, None, state, envelope.run_count, now)])
    return envelope.ended(state, next_generation(envelope.generation, now), now)


def end_as(session: Session, stored: ScheduleEnvelope, ended: ScheduleEnvelope) -> None:
    """Move a living schedule, which the caller holds, to its fence as another store's fence has it."""
    row = (stored.id, stored.generation, None, ended.generation, ended.state.value)
    _changed(session, "end_schedules", _END, [(*row, to_definition(ended), session.now_us)])


def set_aside(session: Session, broken: Sequence[tuple[ScheduleEnvelope, datetime | None, str]]) -> Collection[str]:
    """Quarantine schedules that cannot be read or planned, those that still have this next run (None: any).

    Args:
        session: in a transaction.
        broken: schedules, the next run that each is expected to have, and what is wrong with it.
    """
    now = from_us(session.now_us)
    rows = [
        (each.id, each.generation, _us(expected), next_generation(each.generation, now), reason)
        for each, expected, reason in broken
    ]
    return changed(
        session,
        "quarantine",
        {**columns(_ASIDE, rows), "now": session.now_us},
        [envelope.id for envelope, *_ in broken],
    )


def refusals(session: Session, items: Sequence[PlanItem]) -> list[Refusal]:
    """Say why items no longer fit."""
    ids = [item.envelope.id for item in items]
    heads = {text(each): (generation, state) for each, generation, state in session.rows("schedule_heads", (ids,))}
    return [Refusal(item.envelope.id, _reason(item, heads.get(item.envelope.id))) for item in items]


def uncount(session: Session, items: Sequence[PlanItem], new: Collection[str]) -> None:
    """Take back the runs that `settle` counted for occurrences which the ledger had already."""
    if len(new) == sum(len(item.jobs) for item in items):
        return
    known = [(item, number) for item in items if (number := sum(job.id not in new for job in item.jobs))]
    living = [(item.envelope.id, number) for item, number in known if item.next_run is not None]
    ended = [
        (item.envelope.id, _done(item, session.now_us, number)[_END.index("definition")])
        for item, number in known
        if item.next_run is None
    ]
    for statement, rows in (("uncount", living), ("uncount_ended", ended)):
        if rows:
            session.execute(statement, [list(column) for column in zip(*rows, strict=True)])


def _changed(
    session: Session, statement: str, names: Sequence[str], rows: Sequence[tuple[object, ...]]
) -> Collection[str]:
    return changed(session, statement, columns(names, rows), [str(row[0]) for row in rows])


def _advance(item: PlanItem) -> tuple[object, ...]:
    envelope = item.envelope
    return (
        envelope.id,
        envelope.generation,
        _us(envelope.next_run),
        None if item.next_nominal is item.next_run else _us(item.next_nominal),
        _us(item.next_run),
        item.counted,
        item.tzdata,
        _us(item.times_since),
    )


def _done(item: PlanItem, now_us: int, known: int = 0) -> tuple[object, ...]:
    """Return the row of a schedule with nothing left to run; `known` of its jobs were there before."""
    envelope = item.envelope
    run_count = envelope.run_count + item.counted - known
    return _ending(envelope, envelope.next_run, ScheduleState.DONE, run_count, from_us(now_us))


def _ending(
    envelope: ScheduleEnvelope, expected: datetime | None, state: ScheduleState, run_count: int, now: datetime
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
    return (envelope.id, envelope.generation, _us(expected), generation, state.value, definition, now_us)


def _reason(item: PlanItem, head: tuple[int, str] | None) -> str:
    match head:
        case None:
            return "gone"
        case (generation, _) if generation != item.envelope.generation:
            return "generation"
        case (_, state) if state != ScheduleState.ACTIVE.value:
            return "state"
        case _:
            return "next_run"


def _us(moment: datetime | None) -> int | None:
    return None if moment is None else to_us(moment)

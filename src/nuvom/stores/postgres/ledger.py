"""The ledger beside the jobs: what became of each occurrence, and fences of schedules that are gone or elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from nuvom._clock import from_us, to_us
from nuvom._crashpoint import reached
from nuvom._identity import next_generation
from nuvom._ids import is_uuid, raw, text
from nuvom._job import JobError, NewJob
from nuvom._schedule import Occurrence, Overlap, ScheduleEnvelope, ScheduleState, run_key, unique_reason
from nuvom.stores.postgres.columns import columns
from nuvom.stores.postgres.database import Database, Session
from nuvom.stores.postgres.endings import Endings
from nuvom.stores.postgres.insert import insert_jobs, names
from nuvom.stores.rows import read_occurrence, write_error
from nuvom.stores.schedule_rows import from_definition, to_definition
from nuvom.stores.values import Fence, Once, PlanItem, Refusal, Requested

_MICROSECOND = timedelta(microseconds=1)
_ONCE = {
    Once.REQUEST: "insert_request",
    Once.DISPATCH: "insert_backfill",
    Once.ROW: "insert_occurrences",
}
_OUSTED = write_error(JobError("cancelled", message="a later run of its schedule took its place")).decode()
_FIRST, _LAST = -(2**63), 2**63 - 1  # before and after any time that PostgreSQL can hold
_FENCE = ("id", "generation", "state", "definition")
_NO_ID = "00000000-0000-0000-0000-000000000000"  # before any other
_COLUMNS = (
    "schedule_id", "nominal", "source", "outcome", "reason", "job_id", "lateness", "last", "count", "utc_offset",
)  # fmt: skip


class PostgresLedger:
    """One row for each occurrence that came due."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def deliver(self, items: Sequence[PlanItem]) -> list[Refusal]:
        """Insert rows and jobs in one transaction, for schedules kept elsewhere; returns what a fence refused."""

        def delivered(session: Session) -> list[Refusal]:
            hold_keys(session, items)
            refusals = _fenced(session, items)
            accepted = [item for item, refusal in zip(items, refusals, strict=True) if refusal is None]
            _finish(session, accepted, record(session, accepted))
            return [refusal for refusal in refusals if refusal is not None]

        return self._database.write(delivered, durable=True) if items else []

    def request(self, item: PlanItem, once: Once) -> Requested:
        """Insert rows and jobs that somebody asked for, durably; see `nuvom.stores.base.Ledger.request`."""

        def requested(session: Session) -> Requested:
            schedule_id = item.envelope.id
            hold_keys(session, [item], f"schedule:{schedule_id}")
            session.rows("share_schedules", ([schedule_id],))  # no dispatch of the same time, and no cancel, meanwhile
            [refusal] = _fenced(session, [item])
            if refusal is not None:
                return Requested(frozenset(), refusal)
            return Requested(record(session, [item], _ONCE[once]), None)

        return self._database.write(requested, durable=True)

    def requested(self, schedule_id: str, source: str) -> Occurrence | None:
        """Return a row of a request, the newest."""
        return self._occurrence("requested", key(schedule_id), source)

    def fence(self, schedule_id: str) -> Fence | None:
        """Return the newest definition kept of a schedule that is gone or lives elsewhere."""
        return self._database.read(lambda session: read_fence(session, schedule_id))

    def raise_fence(self, envelope: ScheduleEnvelope, expected: int | None, rows: Sequence[Occurrence] = ()) -> bool:
        """Keep a definition if the kept generation is `expected` (None: no fence); False: somebody was faster."""

        def raised(session: Session) -> bool:
            if not write_fence(session, envelope, expected):
                return False
            if rows:
                record(session, [PlanItem(envelope, tuple(rows), (), None, None)])
            return True

        return self._database.write(raised, durable=True)

    def fences(self, after: tuple[int, str], limit: int) -> list[Fence]:
        """Return fences by generation and id, those after this pair of them; none that are `done`."""
        generation, schedule_id = after
        parameters = (generation, key(schedule_id) or _NO_ID, limit)
        rows = self._database.read(lambda session: session.rows("fences_after", parameters))
        return [
            Fence(from_definition(raw(text(each)), *definition), None if ended_at is None else from_us(ended_at))
            for each, *definition, ended_at in rows
        ]

    def occurrences(
        self, schedule_id: str, limit: int, before: datetime | None = None, *, after: datetime | None = None
    ) -> list[Occurrence]:
        """Return rows, newest nominal first, with after <= nominal < before."""
        bounds = (_FIRST if after is None else to_us(after), _LAST if before is None else to_us(before))
        parameters = (key(schedule_id), *bounds, limit)
        return [
            read_occurrence(row) for row in self._database.read(lambda session: session.rows("occurrences", parameters))
        ]

    def occurrence(self, schedule_id: str, nominal: datetime, source: str = "") -> Occurrence | None:
        """Return one row."""
        return self._occurrence("occurrence", key(schedule_id), to_us(nominal), source)

    def blocked(self, asked: Mapping[str, Overlap]) -> frozenset[str]:
        """Return which of these schedules may not start another run now, by the overlap that each has."""
        return self._database.read(lambda session: _blocked(session, asked)) if asked else frozenset()

    def open_runs(self, schedule_id: str, limit: int) -> int:
        """Count a schedule's jobs that are not final, up to `limit`; backfills do not count."""
        (count,) = self._database.read(lambda session: session.row("open_runs", (key(schedule_id), limit))) or (0,)
        return int(count)

    def _occurrence(self, statement: str, *parameters: object) -> Occurrence | None:
        row = self._database.read(lambda session: session.row(statement, parameters))
        return None if row is None else read_occurrence(row)


def key(schedule_id: str) -> str | None:
    """Return an id as statements take it; None, which equals no row's, for text that is none."""
    return schedule_id if is_uuid(schedule_id) else None


def read_fence(session: Session, schedule_id: str) -> Fence | None:
    """Return the fence of a schedule."""
    row = session.row("get_fence", (key(schedule_id),))
    if row is None:
        return None
    generation, state, definition, ended_at = row
    envelope = from_definition(raw(schedule_id), generation, state, definition)
    return Fence(envelope, None if ended_at is None else from_us(ended_at))


def write_fence(session: Session, envelope: ScheduleEnvelope, expected: int | None) -> bool:
    """Keep a definition if the kept generation is `expected`; None: no fence."""
    ended_at = session.now_us if envelope.state.ended else None
    row = (envelope.id, envelope.generation, envelope.state.value, to_definition(envelope), ended_at)
    if expected is None:
        return session.execute("insert_fence", row).rowcount == 1
    return session.execute("raise_fence", (*row, expected)).rowcount == 1


def hold_keys(session: Session, items: Sequence[PlanItem], *others: str) -> None:
    """Keep the open runs that these items count or wait for as they are, but for those by hand.

    Args:
        session: at the start of its transaction.
        items: of a plan.
        others: names that are to be locked in the same step.
    """
    counted = [run_key(item.envelope.id) for item in items if item.blocked is not None]
    waiting = [job.key for item in items for job in item.jobs if job.key is not None]
    keys = {f"key:{each}" for each in (*counted, *waiting)}
    limits = names(session, [job for item in items for job in item.jobs]) if keys or others else set()
    session.lock({*keys, *limits, *others})


def record(session: Session, items: Sequence[PlanItem], statement: str = "insert_occurrences") -> frozenset[str]:
    """Insert the rows of these items and the jobs whose row was new; returns the ids of those that were pushed."""
    rows = [occurrence for item in items for occurrence in item.occurrences]
    fresh = _inserted(session, statement, rows)
    reached("scheduler.occurrences")
    jobs = list({job.id: job for item in items for job in item.jobs if job.id in fresh}.values())
    endings = Endings()
    asked = _oust(session, jobs, endings)
    inserted = insert_jobs(session, jobs, endings)
    endings.apply(session)
    if inserted.standing:
        _skip(session, rows, inserted.standing)
    reached("scheduler.jobs")
    if inserted.ready or asked:
        session.wake("worker")
    return fresh - inserted.standing.keys()


def changed(
    session: Session, statement: str, parameters: Mapping[str, object], ids: Collection[str]
) -> Collection[str]:
    """Run a statement that is told how many ids are `wanted` and returns which it took where that is not all."""
    (some,) = session.row(statement, {**parameters, "wanted": len(ids)}) or (None,)
    return ids if some is None else {text(each) for each in some if each is not None}


def moved_on(session: Session, items: Sequence[PlanItem]) -> set[str]:
    """Return the schedules whose open runs say something else by now than their plan was made for."""
    asked = [item for item in items if item.blocked is not None]
    found = _blocked(session, {item.envelope.id: item.envelope.overlap for item in asked}) if asked else frozenset()
    return {item.envelope.id for item in asked if (item.envelope.id in found) != item.blocked}


def _blocked(session: Session, asked: Mapping[str, Overlap]) -> frozenset[str]:
    known = [each for each in asked if is_uuid(each)]
    rows = session.rows("blocked", (known, [asked[each].value for each in known]))
    return frozenset(text(each) for (each,) in rows)


def _fenced(session: Session, items: Sequence[PlanItem]) -> list[Refusal | None]:
    """Say of each item why it may not be delivered any more, None where it may."""
    ids = list({item.envelope.id: None for item in items})
    fences = {text(each): (generation, ended_at) for each, generation, ended_at in session.rows("hold_fences", (ids,))}
    counted = moved_on(session, items)
    refusals: list[Refusal | None] = []
    for item in items:
        schedule_id = item.envelope.id
        match fences.get(schedule_id):
            case (_, int()):
                refusals.append(Refusal(schedule_id, "gone"))
            case (generation, None) if item.envelope.generation < generation:
                refusals.append(Refusal(schedule_id, "generation"))
            case _:
                refusals.append(Refusal(schedule_id, "open_runs") if schedule_id in counted else None)
    return refusals


def _finish(session: Session, items: Sequence[PlanItem], new: frozenset[str]) -> None:
    """End the fences of schedules with nothing left to run."""
    over = {item.envelope.id: item for item in items if item.next_run is None and item.quarantine is None}
    if over:
        rows = [_done(item, new, from_us(session.now_us)) for item in over.values()]
        session.execute("finish_fences", {**columns(_FENCE, rows), "now": session.now_us})


def _done(item: PlanItem, new: frozenset[str], now: datetime) -> tuple[object, ...]:
    envelope, ran = item.envelope, sum(job.id in new for job in item.jobs)
    ended = envelope.ended(ScheduleState.DONE, next_generation(envelope.generation, now), now)
    definition = to_definition(replace(ended, run_count=envelope.run_count + ran))
    return envelope.id, ended.generation, ended.state.value, definition


def _inserted(session: Session, statement: str, rows: Sequence[Occurrence]) -> frozenset[str]:
    """Insert rows; returns the ids of the jobs whose rows were new."""
    if not rows:
        return frozenset()
    parameters = columns(_COLUMNS, map(_row, rows))
    (some,) = session.row(statement, {**parameters, "now": session.now_us, "wanted": len(rows)}) or (None,)
    if some is None:
        return frozenset(row.job_id for row in rows if row.job_id is not None)
    return frozenset(text(each) for each in some if each is not None)


def _oust(session: Session, jobs: Sequence[NewJob], endings: Endings) -> bool:
    """Make room for jobs that take the place of others of their key; tells whether one that runs was asked to stop."""
    keys = list({job.key: None for job in jobs if job.ousts})
    if not keys:
        return False
    for ended in session.rows("oust_waiting", (keys, session.now_us, _OUSTED)):
        endings.add(*ended)
    return bool(session.rows("oust_running", (keys, session.now_us)))


def _skip(session: Session, rows: Iterable[Occurrence], standing: Mapping[str, tuple[str, str]]) -> None:
    """Say of occurrences which other job stands for theirs."""
    skipped = [
        (row.schedule_id, to_us(row.nominal), row.source, unique_reason(*stands))
        for row in rows
        if (stands := standing.get(row.job_id or "")) is not None
    ]
    session.execute("skip_unique", columns(("schedule_id", "nominal", "source", "reason"), skipped))


def _row(occurrence: Occurrence) -> tuple[object, ...]:
    return (
        occurrence.schedule_id,
        to_us(occurrence.nominal),
        occurrence.source,
        occurrence.outcome.value,
        occurrence.reason,
        occurrence.job_id,
        None if occurrence.lateness is None else occurrence.lateness // _MICROSECOND,
        None if occurrence.last is None else to_us(occurrence.last),
        occurrence.count,
        occurrence.utc_offset,
    )

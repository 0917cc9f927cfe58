"""The ledger beside the jobs: what became of each occurrence, and fences of schedules that are gone or elsewhere."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from nuvom._clock import from_us, to_us
from nuvom._crashpoint import reached
from nuvom._identity import next_generation
from nuvom._ids import is_uuid, raw
from nuvom._job import JobError, NewJob
from nuvom._schedule import Occurrence, Overlap, ScheduleEnvelope, ScheduleState, unique_reason
from nuvom.stores.rows import read_occurrence, write_error
from nuvom.stores.schedule_rows import from_definition, to_definition
from nuvom.stores.sqlite.database import Database
from nuvom.stores.sqlite.endings import Endings
from nuvom.stores.sqlite.insert import insert_jobs
from nuvom.stores.sqlite.statements import load
from nuvom.stores.values import Fence, Once, PlanItem, Refusal, Requested

_MICROSECOND = timedelta(microseconds=1)
_ONCE = {
    Once.REQUEST: "insert_request",
    Once.DISPATCH: "insert_backfill",
    Once.ROW: "insert_occurrence",
}
_OUSTED = write_error(JobError("cancelled", message="a later run of its schedule took its place"))
_FIRST, _LAST = -(2**63), 2**63 - 1  # before and after any time that SQLite can hold


class SqliteLedger:
    """One row for each occurrence that came due."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def deliver(self, items: Sequence[PlanItem]) -> list[Refusal]:
        """Insert rows and jobs in one transaction, for schedules kept elsewhere; returns what a fence refused."""
        with self._database.write(durable=True) as connection:
            now_us = self._database.now_us()
            refusals = [_fenced(connection, item) for item in items]
            accepted = [item for item, refusal in zip(items, refusals, strict=True) if refusal is None]
            recorded = record(connection, accepted, now_us)
            over = [item for item in accepted if item.next_run is None and item.quarantine is None]
            connection.executemany(load("finish_fence"), (_done(item, recorded.jobs, now_us) for item in over))
        recorded.wake(self._database)
        return [refusal for refusal in refusals if refusal]

    def request(self, item: PlanItem, once: Once) -> Requested:
        """Insert rows and jobs that somebody asked for, durably; see `nuvom.stores.base.Ledger.request`."""
        with self._database.write(durable=True) as connection:
            refusal = _fenced(connection, item)
            if refusal is not None:
                return Requested(frozenset(), refusal)
            recorded = record(connection, [item], self._database.now_us(), _ONCE[once])
        recorded.wake(self._database)
        return Requested(recorded.jobs, None)

    def requested(self, schedule_id: str, source: str) -> Occurrence | None:
        """Return a row of a request, the newest."""
        with self._database.read() as connection:
            row = connection.execute(load("requested"), (key(schedule_id), source)).fetchone()
        return None if row is None else read_occurrence(row)

    def fence(self, schedule_id: str) -> Fence | None:
        """Return the newest definition kept of a schedule that is gone or lives elsewhere."""
        with self._database.read() as connection:
            return read_fence(connection, key(schedule_id))

    def raise_fence(self, envelope: ScheduleEnvelope, expected: int | None, rows: Sequence[Occurrence] = ()) -> bool:
        """Keep a definition if the kept generation is `expected` (None: no fence); False: somebody was faster."""
        with self._database.write(durable=True) as connection:
            now_us = self._database.now_us()
            raised = write_fence(connection, envelope, expected, now_us)
            if raised and rows:
                record(connection, [PlanItem(envelope, tuple(rows), (), None, None)], now_us)
        return raised

    def fences(self, after: tuple[int, str], limit: int) -> list[Fence]:
        """Return fences by generation and id, those after this pair of them; none that are `done`."""
        generation, schedule_id = after
        with self._database.read() as connection:
            rows = connection.execute(load("fences_after"), (generation, key(schedule_id) or b"", limit)).fetchall()
        return [
            Fence(from_definition(each, *definition), None if ended_at is None else from_us(ended_at))
            for each, *definition, ended_at in rows
        ]

    def occurrences(
        self, schedule_id: str, limit: int, before: datetime | None = None, *, after: datetime | None = None
    ) -> list[Occurrence]:
        """Return rows, newest nominal first, with after <= nominal < before."""
        bounds = (_FIRST if after is None else to_us(after), _LAST if before is None else to_us(before))
        with self._database.read() as connection:
            rows = connection.execute(load("occurrences"), (key(schedule_id), *bounds, limit)).fetchall()
        return [read_occurrence(row) for row in rows]

    def occurrence(self, schedule_id: str, nominal: datetime, source: str = "") -> Occurrence | None:
        """Return one row."""
        with self._database.read() as connection:
            row = connection.execute(load("occurrence"), (key(schedule_id), to_us(nominal), source)).fetchone()
        return None if row is None else read_occurrence(row)

    def blocked(self, asked: Mapping[str, Overlap]) -> frozenset[str]:
        """Return which of these schedules may not start another run now, by the overlap that each has."""
        with self._database.read() as connection:
            return frozenset(each for each, overlap in asked.items() if is_blocked(connection, key(each), overlap))

    def open_runs(self, schedule_id: str, limit: int) -> int:
        """Count a schedule's jobs that are not final, up to `limit`; backfills do not count."""
        with self._database.read() as connection:
            count: int = connection.execute(load("open_runs"), (key(schedule_id), limit)).fetchone()[0]
        return count


def key(schedule_id: str) -> bytes | None:
    """Return the stored form of an id; None, which equals no row's, for text that is none."""
    return raw(schedule_id) if is_uuid(schedule_id) else None


def read_fence(connection: sqlite3.Connection, schedule_id: bytes | None) -> Fence | None:
    """Return the fence of a schedule inside the caller's transaction."""
    row = connection.execute(load("get_fence"), (schedule_id,)).fetchone()
    if row is None or schedule_id is None:
        return None
    generation, state, definition, ended_at = row
    envelope = from_definition(schedule_id, generation, state, definition)
    return Fence(envelope, None if ended_at is None else from_us(ended_at))


def write_fence(connection: sqlite3.Connection, envelope: ScheduleEnvelope, expected: int | None, now_us: int) -> bool:
    """Keep a definition inside the caller's transaction if the kept generation is `expected`; None: no fence."""
    ended_at = now_us if envelope.state.ended else None
    row = (raw(envelope.id), envelope.generation, envelope.state.value, to_definition(envelope), ended_at)
    if expected is None:
        return connection.execute(load("insert_fence"), row).rowcount == 1
    return connection.execute(load("raise_fence"), (*row, expected)).rowcount == 1


class Recorded(NamedTuple):
    """What came of recording a plan: the jobs whose row was new, whether workers should look, and what it ended."""

    jobs: frozenset[str]
    ready: bool
    endings: Endings

    def wake(self, database: Database) -> None:
        """Wake whom it concerns, after the commit."""
        self.endings.wake(database)
        if self.ready:
            database.wake("worker")


def record(
    connection: sqlite3.Connection, items: Sequence[PlanItem], now_us: int, statement: str = "insert_occurrence"
) -> Recorded:
    """Insert the rows of these items and the jobs whose row was new, inside the caller's write transaction."""
    occurrences = [occurrence for item in items for occurrence in item.occurrences]
    new = changed(connection, load(statement), (_row(occurrence, now_us) for occurrence in occurrences))
    reached("scheduler.occurrences")
    fresh = frozenset(row.job_id for row, is_new in zip(occurrences, new, strict=True) if is_new and row.job_id)
    jobs = [job for item in items for job in item.jobs if job.id in fresh]
    endings = Endings()
    asked = _oust(connection, jobs, now_us, endings)
    inserted = insert_jobs(connection, jobs, now_us, endings)
    endings.apply(connection, now_us)
    if inserted.standing:
        connection.executemany(load("skip_unique"), _skipped(occurrences, inserted.standing))
    reached("scheduler.jobs")
    return Recorded(fresh - inserted.standing.keys(), inserted.ready or asked, endings)


def _oust(connection: sqlite3.Connection, jobs: Sequence[NewJob], now_us: int, endings: Endings) -> bool:
    """Make room for jobs that take the place of others of their key; tells whether one that runs was asked to stop."""
    asked = False
    for job in jobs:
        if job.ousts:
            for ended in connection.execute(load("oust_waiting"), (job.key, now_us, _OUSTED)).fetchall():
                endings.add(*ended)
            asked |= connection.execute(load("oust_running"), (job.key, now_us)).rowcount > 0
    return asked


def _skipped(
    occurrences: Iterable[Occurrence], standing: Mapping[str, tuple[str, str]]
) -> Iterator[tuple[object, ...]]:
    for row in occurrences:
        stands = standing.get(row.job_id or "")
        if stands is not None:
            yield raw(row.schedule_id), to_us(row.nominal), row.source, unique_reason(*stands)


def changed(connection: sqlite3.Connection, statement: str, rows: Iterable[Sequence[object]]) -> list[bool]:
    """Run a statement for each row and tell which of them changed something; at the speed of executemany."""
    totals = [connection.total_changes]

    def counted() -> Iterator[Sequence[object]]:
        for row in rows:
            yield row
            totals.append(connection.total_changes)  # it resumes when the row before has been run

    connection.executemany(statement, counted())
    return [after > before for before, after in pairwise(totals)]


def is_blocked(connection: sqlite3.Connection, schedule_id: bytes | None, overlap: Overlap) -> bool:
    """Tell inside the caller's transaction whether a schedule may not start another run now."""
    return connection.execute(load("blocked"), (schedule_id, overlap.value)).fetchone() is not None


def moved_on(connection: sqlite3.Connection, item: PlanItem) -> bool:
    """Tell whether the open runs of a schedule say something else by now than its plan was made for."""
    if item.blocked is None:
        return False
    return is_blocked(connection, raw(item.envelope.id), item.envelope.overlap) != item.blocked


def _fenced(connection: sqlite3.Connection, item: PlanItem) -> Refusal | None:
    """Refuse an item that may not be delivered any more."""
    schedule_id = item.envelope.id
    match connection.execute(load("fence_head"), (raw(schedule_id),)).fetchone():
        case (_, int()):
            return Refusal(schedule_id, "gone")
        case (generation, None) if item.envelope.generation < generation:
            return Refusal(schedule_id, "generation")
        case _ if moved_on(connection, item):
            return Refusal(schedule_id, "open_runs")
        case _:
            return None


def _done(item: PlanItem, new: frozenset[str], now_us: int) -> tuple[object, ...]:
    """Return the fence of a schedule with nothing left to run."""
    envelope, ran = item.envelope, sum(job.id in new for job in item.jobs)
    ended = envelope.ended(ScheduleState.DONE, next_generation(envelope.generation, from_us(now_us)), from_us(now_us))
    ended = replace(ended, run_count=envelope.run_count + ran)
    return (raw(envelope.id), ended.generation, ended.state.value, to_definition(ended), now_us)


def _row(occurrence: Occurrence, now_us: int) -> tuple[object, ...]:
    return (
        raw(occurrence.schedule_id),
        to_us(occurrence.nominal),
        occurrence.source,
        occurrence.outcome.value,
        occurrence.reason,
        None if occurrence.job_id is None else raw(occurrence.job_id),
        None if occurrence.lateness is None else occurrence.lateness // _MICROSECOND,
        now_us,
        None if occurrence.last is None else to_us(occurrence.last),
        occurrence.count,
        occurrence.utc_offset,
    )

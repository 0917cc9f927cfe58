"""Forgetting what is over: small steps through jobs, ledger and fences, each a read and a short write.

A step reads a page in the order of a primary key and writes only if there is something to delete. Where it stands is
kept in the object; a sweep that is lost with its process begins anew and does no harm.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from nuvom._job import JobStatus
from nuvom._schedule import OccurrenceOutcome
from nuvom.stores.sqlite.database import Database
from nuvom.stores.sqlite.flows import is_forgettable
from nuvom.stores.sqlite.statements import load
from nuvom.stores.sqlite.throughput import forget
from nuvom.stores.values import Retention

_PAGE = 500  # rows a step; a write lock of some milliseconds
_MICROSECOND = timedelta(microseconds=1)
_FIRST, _LAST = -(2**63), 2**63 - 1

Place = tuple[bytes, int, str]


class _Cutoffs(NamedTuple):
    """What ended or was recorded before these instants is old enough; microseconds since 1970."""

    jobs: int
    failed: int
    occurrences: int
    frequent: int
    rows: int
    now: int


class _Row(NamedTuple):
    """An occurrence with what decides about it."""

    schedule_id: bytes
    nominal: int
    source: str
    outcome: str
    recorded_at: int
    job_status: str | None
    ended: int  # 1: the schedule's life is over
    interval: float | None
    cron: str | None

    def cutoff(self, cutoffs: _Cutoffs) -> int:
        """Return before when this row must have been recorded to go."""
        return cutoffs.frequent if self.frequent and self.unremarkable else cutoffs.occurrences

    @property
    def frequent(self) -> bool:
        """Whether the schedule runs more often than once a minute: by its interval, or by a cron's field of seconds."""
        if self.interval is not None:
            return self.interval < 60
        fields = (self.cron or "").split()
        return len(fields) == 6 and not fields[0].isdecimal()

    @property
    def unremarkable(self) -> bool:
        """Whether it was dispatched and its job succeeded."""
        return self.outcome == OccurrenceOutcome.DISPATCHED.value and self.job_status == JobStatus.SUCCEEDED.value

    @property
    def open(self) -> bool:
        """Whether its job is there and not final."""
        return self.job_status in _OPEN


_OPEN = ("ready", "delayed", "held", "running")


class Pruner:
    """The sweep of one process through a store."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._restart()

    def step(self, keep: Retention) -> bool:
        """Delete among the next rows what is older than `keep` says; True while the sweep has more rows to look at."""
        now = self._database.now_us()
        cutoffs = _Cutoffs(
            jobs=now - keep.jobs // _MICROSECOND,
            failed=now - keep.failed // _MICROSECOND,
            occurrences=now - keep.occurrences // _MICROSECOND,
            frequent=now - keep.frequent // _MICROSECOND,
            rows=keep.rows,
            now=now,
        )
        while self._left:
            if self._left[0](cutoffs):
                return True
            self._left.pop(0)
        self._restart()
        return False

    def _restart(self) -> None:
        self._job = 0
        self._place: Place = (b"", _FIRST, "")
        self._fence = b""
        self._flow = ""
        self._left: list[Callable[[_Cutoffs], bool]] = [
            self._jobs,
            self._occurrences,
            self._fences,
            self._flows,
            self._throughput,
        ]

    def _jobs(self, cutoffs: _Cutoffs) -> bool:
        """Look at the next jobs; True when there may be more that are old enough."""
        with self._database.read() as connection:
            rows = connection.execute(load("prunable_jobs"), (self._job, _PAGE)).fetchall()
        over = [old for row in rows if (old := _old_enough(cutoffs, *row)) is not None]
        if over:
            with self._database.write(durable=False) as connection:
                connection.executemany(load("copy_outcome"), over)
                connection.executemany(load("delete_job"), over)
        if len(rows) < _PAGE:
            return False
        self._job, _, created_at, *_ = rows[-1]
        # Nothing ends before it is created: past this one, seq for seq, all are too young.
        return bool(created_at < max(cutoffs.jobs, cutoffs.failed))

    def _occurrences(self, cutoffs: _Cutoffs) -> bool:
        """Look at the next rows of the ledger; True when there are more."""
        with self._database.read() as connection:
            rows = [_Row(*row) for row in connection.execute(load("prunable_occurrences"), (*self._place, _PAGE))]
            old = [row for row in rows if row.recorded_at < row.cutoff(cutoffs) and not row.open]
            living = {row.schedule_id for row in old if not row.ended}
            kept = {schedule_id: _oldest_kept(connection, schedule_id, cutoffs.rows) for schedule_id in living}
        over = [row[:3] for row in old if row.ended or row.nominal < kept[row.schedule_id]]
        if over:
            with self._database.write(durable=False) as connection:
                connection.executemany(load("delete_occurrence"), over)
        if len(rows) < _PAGE:
            return False
        self._place = _next_place(rows[-1], cutoffs)
        return True

    def _fences(self, cutoffs: _Cutoffs) -> bool:
        """Look at the next fences; True when there are more."""
        with self._database.read() as connection:
            rows = connection.execute(load("prunable_fences"), (self._fence, _PAGE)).fetchall()
        over = [(fence, cutoffs.occurrences) for fence, ended_at in rows if ended_at and ended_at < cutoffs.occurrences]
        if over:
            with self._database.write(durable=False) as connection:
                connection.executemany(load("forget_fence"), over)
        if len(rows) < _PAGE:
            return False
        self._fence = rows[-1][0]
        return True

    def _flows(self, cutoffs: _Cutoffs) -> bool:
        """Look at the next flows; True when there are more."""
        with self._database.read() as connection:
            rows = connection.execute(load("prunable_flows"), (self._flow, _PAGE)).fetchall()
        over = [(flow,) for flow, rate, starts in rows if is_forgettable(rate, starts, cutoffs.now)]
        if over:
            with self._database.write(durable=False) as connection:
                connection.executemany(load("forget_flow"), over)
        if len(rows) < _PAGE:
            return False
        self._flow = rows[-1][0]
        return True

    def _throughput(self, _: _Cutoffs) -> bool:
        forget(self._database)
        return False


def _old_enough(
    cutoffs: _Cutoffs, seq: int, state: str, _created_at: int, finished_at: int | None, unique_until: int | None
) -> tuple[int, int] | None:
    """Return a job's seq and before when it must have ended to go; None where it stays."""
    cutoff = cutoffs.failed if state == JobStatus.FAILED else cutoffs.jobs
    if finished_at is None or finished_at >= cutoff or (unique_until or cutoffs.now) > cutoffs.now:
        return None
    return seq, cutoff


def _oldest_kept(connection: sqlite3.Connection, schedule_id: bytes, rows: int) -> int:
    """Return the nominal time from which a living schedule's rows stay whatever their age."""
    if rows == 0:
        return _LAST
    row = connection.execute(load("oldest_kept"), (schedule_id, rows - 1)).fetchone()
    return _FIRST if row is None else row[0]


def _next_place(row: _Row, cutoffs: _Cutoffs) -> Place:
    """Return where to look next: past the rest of this schedule, where all of it is too young."""
    cutoff = max(cutoffs.frequent, cutoffs.occurrences) if row.frequent else cutoffs.occurrences
    # No row is recorded before its nominal time.
    return (row.schedule_id, _LAST, "") if row.nominal >= cutoff else (row.schedule_id, row.nominal, row.source)

"""Forgetting what is over: small steps through jobs, ledger and fences, each a read and a short write.

A step reads a page in the order of a primary key and writes only if there is something to delete. Where it stands is
kept in the object; a sweep that is lost with its process begins anew and does no harm.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from nuvom.stores.retention import FIRST, LAST, Cutoffs, OldJob, OldOccurrence
from nuvom.stores.sqlite.database import Database
from nuvom.stores.sqlite.flows import is_forgettable
from nuvom.stores.sqlite.statements import load
from nuvom.stores.sqlite.throughput import forget
from nuvom.stores.values import Retention

_PAGE = 500  # rows a step; a write lock of some milliseconds


class Pruner:
    """The sweep of one process through a store."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._restart()

    def step(self, keep: Retention) -> bool:
        """Delete among the next rows what is older than `keep` says; True while the sweep has more rows to look at."""
        cutoffs = Cutoffs.of(keep, self._database.now_us())
        while self._left:
            if self._left[0](cutoffs):
                return True
            self._left.pop(0)
        self._restart()
        return False

    def _restart(self) -> None:
        self._job = 0
        self._place = (b"", FIRST, "")
        self._fence = b""
        self._flow = ""
        self._left: list[Callable[[Cutoffs], bool]] = [
            self._jobs,
            self._occurrences,
            self._fences,
            self._flows,
            self._throughput,
        ]

    def _jobs(self, cutoffs: Cutoffs) -> bool:
        """Look at the next jobs; True when there may be more that are old enough."""
        with self._database.read() as connection:
            rows = [OldJob(*row) for row in connection.execute(load("prunable_jobs"), (self._job, _PAGE))]
        over = [(row.seq, cutoff) for row in rows if (cutoff := row.cutoff(cutoffs)) is not None]
        if over:
            with self._database.write(durable=False) as connection:
                connection.executemany(load("copy_outcome"), over)
                connection.executemany(load("delete_job"), over)
        if len(rows) < _PAGE:
            return False
        self._job = rows[-1].seq
        # Nothing ends before it is created: past this one, seq for seq, all are too young.
        return rows[-1].created_at < max(cutoffs.jobs, cutoffs.failed)

    def _occurrences(self, cutoffs: Cutoffs) -> bool:
        """Look at the next rows of the ledger; True when there are more."""
        with self._database.read() as connection:
            found = connection.execute(load("prunable_occurrences"), (*self._place, _PAGE))
            rows = [OldOccurrence(*row) for row in found]
            old = [row for row in rows if row.goes(cutoffs)]
            living = {row.schedule_id for row in old if not row.ended}
            kept = {schedule_id: _oldest_kept(connection, schedule_id, cutoffs.rows) for schedule_id in living}
        over = [row[:3] for row in old if row.ended or row.nominal < kept[row.schedule_id]]
        if over:
            with self._database.write(durable=False) as connection:
                connection.executemany(load("delete_occurrence"), over)
        if len(rows) < _PAGE:
            return False
        self._place = rows[-1].place_after(cutoffs)
        return True

    def _fences(self, cutoffs: Cutoffs) -> bool:
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

    def _flows(self, cutoffs: Cutoffs) -> bool:
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

    def _throughput(self, _: Cutoffs) -> bool:
        forget(self._database)
        return False


def _oldest_kept(connection: sqlite3.Connection, schedule_id: bytes, rows: int) -> int:
    """Return the nominal time from which a living schedule's rows stay whatever their age."""
    if rows == 0:
        return LAST
    row = connection.execute(load("oldest_kept"), (schedule_id, rows - 1)).fetchone()
    return FIRST if row is None else row[0]

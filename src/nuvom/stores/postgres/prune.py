"""Forgetting what is over: small steps through jobs, ledger and fences, each a read and a short transaction.

A step reads a page in the order of a primary key and writes only if there is something to delete. Rows that somebody
has locked are left for the next sweep, so that no service waits for another's. Where it stands is kept in the object; a
sweep that is lost with its process begins anew and does no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import orjson

from nuvom._ids import text
from nuvom.stores.postgres.columns import columns
from nuvom.stores.postgres.database import Database, Row, Session
from nuvom.stores.postgres.flows import is_forgettable
from nuvom.stores.postgres.throughput import forget
from nuvom.stores.retention import FIRST, Cutoffs, OldJob, OldOccurrence
from nuvom.stores.values import Retention

_PAGE = 500  # rows a step; a transaction of some milliseconds
_NOWHERE = b"\0" * 16


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
        self._place = (_NOWHERE, FIRST, "")
        self._fence = _NOWHERE
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
        rows = [OldJob(*row) for row in self._page("prunable_jobs", self._job)]
        over = [(row.seq, cutoff) for row in rows if (cutoff := row.cutoff(cutoffs)) is not None]
        if over:
            self._delete("forget_jobs", columns(("seq", "before"), over))
        if len(rows) < _PAGE:
            return False
        self._job = rows[-1].seq
        # Few jobs are older than one before them in the order of seq: transactions are short, and a sweep comes again.
        return rows[-1].created_at < max(cutoffs.jobs, cutoffs.failed)

    def _occurrences(self, cutoffs: Cutoffs) -> bool:
        """Look at the next rows of the ledger; True when there are more."""
        schedule_id, nominal, source = self._place

        def look(session: Session) -> tuple[list[OldOccurrence], list[OldOccurrence]]:
            rows = _with_fences(
                session, session.rows("prunable_occurrences", (text(schedule_id), nominal, source, _PAGE))
            )
            return rows, _over(session, rows, cutoffs)

        rows, over = self._database.read(look)
        if over:
            keys = [(text(row.schedule_id), row.nominal, row.source) for row in over]
            self._delete("forget_occurrences", columns(("schedule_id", "nominal", "source"), keys))
        if len(rows) < _PAGE:
            return False
        self._place = rows[-1].place_after(cutoffs)
        return True

    def _fences(self, cutoffs: Cutoffs) -> bool:
        """Look at the next fences; True when there are more.

        What was declared in code has no end here: as long as its fence is there, a sync knows that somebody cancelled
        it, or that it has run to its end.
        """
        rows = self._page("prunable_fences", text(self._fence))
        over = [
            text(schedule_id)
            for schedule_id, ended_at, definition in rows
            if ended_at and ended_at < cutoffs.occurrences and _said(definition).get("origin") != "code"
        ]
        if over:
            self._delete("forget_fences", (over, cutoffs.occurrences))
        if len(rows) < _PAGE:
            return False
        self._fence = rows[-1][0]
        return True

    def _flows(self, cutoffs: Cutoffs) -> bool:
        """Look at the next flows; True when there are more."""
        rows = self._page("prunable_flows", self._flow)
        over = _forgettable(rows, cutoffs)

        def delete(session: Session) -> None:
            session.lock(f"flow:{flow}" for flow in over)
            session.execute("forget_flows", (_forgettable(session.rows("flows_named", (over,)), cutoffs),))

        if over:
            self._database.write(delete, durable=False)
        if len(rows) < _PAGE:
            return False
        self._flow = rows[-1][0]
        return True

    def _throughput(self, _: Cutoffs) -> bool:
        forget(self._database)
        return False

    def _page(self, statement: str, after: object) -> list[Row]:
        return self._database.read(lambda session: session.rows(statement, (after, _PAGE)))

    def _delete(self, statement: str, parameters: Any) -> None:
        self._database.write(lambda session: session.execute(statement, parameters), durable=False)


def _with_fences(session: Session, rows: Iterable[Row]) -> list[OldOccurrence]:
    """Return rows of the ledger with what fences say of their schedules: an end, or how often one elsewhere runs."""
    found = list(rows)
    ids = list({text(row[0]): None for row in found})
    fences = {
        schedule_id: (ended_at is not None, _said(definition))
        for schedule_id, ended_at, definition in (session.rows("fences_of", (ids,)) if ids else ())
    }
    whole = []
    for row in found:
        *own, interval, cron = row
        ended, said = fences.get(row[0], (False, {}))
        whole.append(OldOccurrence._make((*own, ended, interval or _number(said), cron or _cron(said))))
    return whole


def _over(session: Session, rows: Iterable[OldOccurrence], cutoffs: Cutoffs) -> list[OldOccurrence]:
    """Return the rows that are to go: old ones, but for the newest of a schedule that lives."""
    old = [row for row in rows if row.goes(cutoffs)]
    living = [text(schedule_id) for schedule_id in {row.schedule_id for row in old if not row.ended}]
    if cutoffs.rows == 0:
        return old
    found = session.rows("oldest_kept", (living, cutoffs.rows - 1)) if living else []
    kept: dict[bytes, int] = dict(found)
    return [row for row in old if row.ended or row.nominal < kept.get(row.schedule_id, FIRST)]


def _forgettable(rows: Sequence[Row], cutoffs: Cutoffs) -> list[str]:
    return [flow for flow, rate, starts in rows if is_forgettable(rate, starts, cutoffs.now)]


def _said(definition: bytes) -> dict[str, Any]:
    """Return what a fence's definition says, nothing where it does not decode."""
    try:
        said = orjson.loads(definition)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _number(said: dict[str, Any]) -> float | None:
    interval = said.get("interval")
    return interval if isinstance(interval, int | float) else None


def _cron(said: dict[str, Any]) -> str | None:
    cron = said.get("cron")
    return cron if isinstance(cron, str) else None

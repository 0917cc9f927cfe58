"""Forgetting old rows of the ledger, and old fences: each step is a read, and a short write if there are any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from nuvom._ids import raw, text
from nuvom.stores.redis.database import Database
from nuvom.stores.redis.occurrences import LAST as END, read_key, write_key
from nuvom.stores.retention import FIRST, LAST, Cutoffs, OldOccurrence
from nuvom.stores.schedule_rows import UNREADABLE, read_definition

_PAGE = 500  # rows a step: a script of some milliseconds


def forget_occurrences(database: Database, after: str, cutoffs: Cutoffs) -> str:
    """Look at the next rows of the ledger after a key; returns where to go on, empty at their end."""
    told, schedules = database.read("prunable_occurrences", after, _PAGE)
    lives = {each.decode(): (ended == 1, _said(definition)) for each, ended, definition in schedules}
    rows = [_row(each, lives) for each in told]
    over = _over(database, [row for row in rows if row.goes(cutoffs)], cutoffs)
    if over:
        database.write("forget_occurrences", orjson.dumps([_key(row) for row in over]))
    if len(rows) < _PAGE:
        return ""
    schedule_id, nominal, source = rows[-1].place_after(cutoffs)
    if nominal == LAST:
        return f"{text(schedule_id)}|{END}"
    return write_key(text(schedule_id), nominal, source)


def forget_fences(database: Database, cursor: bytes, cutoffs: Cutoffs) -> bytes:
    """Forget among the next fences those that ended long ago and have no row; returns where to go on, 0 at the end."""
    after: bytes = database.write("forget_fences", cursor, cutoffs.occurrences)
    return after


def _over(database: Database, old: Sequence[OldOccurrence], cutoffs: Cutoffs) -> Sequence[OldOccurrence]:
    """Return the rows that are to go: old ones, but for the newest of a schedule that lives."""
    living = [*{text(row.schedule_id): None for row in old if not row.ended}]
    if cutoffs.rows == 0 or not living:
        return old
    oldest = database.read("oldest_kept", orjson.dumps(living), cutoffs.rows - 1)
    kept = {each: read_key(key).nominal if key else FIRST for each, key in zip(living, oldest, strict=True)}
    return [row for row in old if row.ended or row.nominal < kept[text(row.schedule_id)]]


def _row(told: Sequence[Any], lives: Mapping[str, tuple[bool, Mapping[str, Any]]]) -> OldOccurrence:
    key, said, *job = told
    recorded_at, outcome, _, _, _, _, _, own, *_ = said.split(b" ", 8)
    schedule_id, nominal, source = read_key(key)
    ended, definition = lives[schedule_id]
    status = (job[0] if job else own).decode()
    interval, cron = definition.get("interval"), definition.get("cron")
    return OldOccurrence(
        schedule_id=raw(schedule_id),
        nominal=nominal,
        source=source,
        outcome=outcome.decode(),
        recorded_at=int(recorded_at),
        job_status=None if status == "-" else status,
        ended=ended,
        interval=interval if isinstance(interval, int | float) else None,
        cron=cron if isinstance(cron, str) else None,
    )


def _key(row: OldOccurrence) -> str:
    return write_key(text(row.schedule_id), row.nominal, row.source)


def _said(definition: bytes | None) -> Mapping[str, Any]:
    """Return what a definition says, nothing where it does not decode."""
    try:
        return read_definition(definition or b"{}")
    except UNREADABLE:
        return {}

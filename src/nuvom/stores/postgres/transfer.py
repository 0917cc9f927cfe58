"""Rows of a PostgreSQL database on their way to another store or from one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from nuvom._ids import text
from nuvom.stores.postgres.columns import columns
from nuvom.stores.postgres.database import Database, Session
from nuvom.stores.postgres.endings import Endings
from nuvom.stores.transfer import COLUMNS, AttemptRow, JobRow, Key, Kind, Page, Row


class _Statements(NamedTuple):
    """Names of the files for a kind, and what is before the first of its keys."""

    keys: str
    whole: str
    copy: str
    start: Key


_NOWHERE = b"\0" * 16
_STATEMENTS = {
    Kind.FENCES: _Statements("fence_keys", "whole_fences", "copy_fences", (_NOWHERE,)),
    Kind.OCCURRENCES: _Statements("occurrence_keys", "whole_occurrences", "copy_occurrences", (_NOWHERE, 0, "")),
    Kind.TASKS: _Statements("task_keys", "whole_tasks", "copy_tasks", ("",)),
    Kind.FLOWS: _Statements("flow_keys", "whole_flows", "copy_flows", ("",)),
    Kind.QUEUES: _Statements("queue_keys", "whole_queues", "copy_queues", ("",)),
    Kind.JOBS: _Statements("job_keys", "whole_jobs", "copy_jobs", (0,)),
    Kind.SCHEDULES: _Statements("schedule_keys", "whole_schedules", "copy_schedules", (0,)),
}
_IDS = {"id", "schedule_id", "job_id"}
_JSON = {
    "definition", "arguments", "value", "error", "options", "metadata", "progress", "context", "defaults", "unknown",
    "overridden",
}  # fmt: skip
_UNTOLD, _ATTEMPT = JobRow._fields.index("untold"), JobRow._fields.index("attempt")
_JOB = JobRow._fields[:-2]  # the columns of its own table


class PostgresTransfer:
    """A `nuvom.stores.transfer.Transfer`; the promises are written there."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self) -> Mapping[Kind, int]:
        """Return how many rows of each kind there are."""
        counts = self._database.read(lambda session: session.row("count_all")) or ()
        return dict(zip(Kind, counts, strict=True))

    def keys(self, kind: Kind, after: object | None, limit: int) -> Page:
        """Return the keys of the next rows, and the place after them."""
        statements = _STATEMENTS[kind]
        place = after if isinstance(after, tuple) else statements.start
        rows = self._database.read(lambda session: session.rows(statements.keys, (*_plain(place), limit)))
        if kind in (Kind.JOBS, Kind.SCHEDULES):  # by their place, which is none of their keys
            return Page([row[1:] for row in rows], rows[-1][:1] if len(rows) == limit else None)
        return Page(rows, rows[-1] if len(rows) == limit else None)

    def rows(self, kind: Kind, keys: Sequence[Key]) -> list[Row]:
        """Return those of these rows that are there."""
        if not keys:
            return []
        plain = [tuple(_plain(key)) for key in keys]
        statement = _STATEMENTS[kind].whole
        if kind is Kind.OCCURRENCES:
            said = columns(COLUMNS[kind][:3], plain)
            return self._database.read(lambda session: session.rows(statement, said))
        wanted = [key for (key,) in plain]
        if kind is Kind.JOBS:
            return self._database.read(lambda session: _whole(session, session.rows(statement, (wanted,))))
        return self._database.read(lambda session: session.rows(statement, (wanted,)))

    def write(self, kind: Kind, rows: Sequence[Row]) -> int:
        """Store rows as they are; returns how many were new."""
        if not rows:
            return 0
        if kind is Kind.JOBS:
            return self._database.write(lambda session: _copy_jobs(session, rows), durable=True)
        said = columns(COLUMNS[kind], (_row(COLUMNS[kind], row) for row in rows))
        return self._database.write(lambda session: len(session.rows(_STATEMENTS[kind].copy, said)), durable=True)

    def settle(self, keys: Sequence[str], flows: Sequence[str]) -> None:
        """Let jobs go on that nobody holds back, and wake services."""

        def settle(session: Session) -> None:
            endings = Endings()
            for key in keys:
                endings.left(key)
            for flow in flows:
                endings.moved(flow)
            endings.apply(session)
            session.wake("worker")
            session.wake("scheduler")

        self._database.write(settle, durable=True)


def _whole(session: Session, rows: Sequence[Row]) -> list[Row]:
    """Return rows of jobs with their history."""
    history: dict[int, list[AttemptRow]] = {}
    started = [row[-1] for row in rows if row[_ATTEMPT]]
    for job, *attempt in session.rows("attempts_of", (started,)) if started else ():
        history.setdefault(job, []).append(AttemptRow(*attempt))
    return [(*row[:-1], tuple(history.get(row[-1], ()))) for row in rows]


def _copy_jobs(session: Session, rows: Sequence[Row]) -> int:
    said = columns(_JOB, (_row(_JOB, row[: len(_JOB)]) for row in rows))
    places = {identifier: seq for seq, identifier in session.rows("copy_jobs", said)}
    new = [(places[row[0]], row) for row in rows if row[0] in places]
    attempts = [(place, *_row(AttemptRow._fields, attempt)) for place, row in new for attempt in row[-1]]
    if attempts:
        session.execute("copy_attempts", columns(("job", *AttemptRow._fields), attempts))
    untold = [place for place, row in new if row[_UNTOLD]]
    if untold:
        session.execute("insert_untold", (untold,))
    return len(new)


def _row(names: Sequence[str], row: Sequence[object]) -> Row:
    """Return a row as the driver takes it."""
    return tuple(_value(name, value) for name, value in zip(names, row, strict=True))


def _value(name: str, value: object) -> object:
    if not isinstance(value, bytes):
        return value
    if name in _IDS:
        return text(value)
    if name in _JSON:
        return value.decode()
    raise ValueError(f"{name}={value[:80]!r} is not UTF-8")


def _plain(key: Iterable[object]) -> Iterator[object]:
    return (text(part) if isinstance(part, bytes) and len(part) == len(_NOWHERE) else part for part in key)

"""What moves between stores: every kind of row as plain values, and what a store must do to give and take them.

Values are engine-neutral: ids as 16 bytes, times and spans as integer microseconds, JSON as bytes, the rest as text,
numbers and booleans. A row is the same row in every store, but for its place among the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple, Protocol, runtime_checkable

from nuvom.stores import schedule_rows

Row = tuple[Any, ...]
Key = tuple[Any, ...]


class Kind(StrEnum):
    """What a store keeps, in the order in which it moves.

    The ledger is there before the schedules, so that whoever dispatches in the new place sees what was dispatched in
    the old one; and what a job needs (the row of its task, the limits of its flow) before the jobs.
    """

    FENCES = "fences"
    OCCURRENCES = "occurrences"
    TASKS = "tasks"
    FLOWS = "flows"
    QUEUES = "paused queues"
    JOBS = "jobs"
    SCHEDULES = "schedules"


class FenceRow(NamedTuple):
    """The newest definition of a schedule that is gone, or lives elsewhere."""

    schedule_id: bytes
    generation: int
    state: str
    definition: bytes
    ended_at: int | None


class OccurrenceRow(NamedTuple):
    """A row of the ledger."""

    schedule_id: bytes
    nominal: int
    source: str
    outcome: str
    reason: str | None
    job_id: bytes | None
    lateness: int | None
    recorded_at: int
    last: int | None
    count: int  # type: ignore[assignment]  # its column's name; nobody counts a row's values
    job_status: str | None
    job_started_at: int | None
    job_finished_at: int | None
    utc_offset: int | None


class ReportedTask(NamedTuple):
    """What a worker reported of a task."""

    name: str
    canonical: str
    queue: str
    priority: int
    max_crashes: int
    expires_in: int | None
    concurrency: int | None
    rate: str | None
    uniqueness: str | None
    flow_key: str | None
    signature: str


class FlowRow(NamedTuple):
    """The limits of a flow, and what counts against its rate."""

    flow: str
    task: str
    concurrency: int | None
    rate: str | None
    openings: int
    starts: str | None
    opens_at: int | None
    shut_at: int | None


class PausedQueue(NamedTuple):
    """A queue that rests."""

    queue: str
    since: int
    note: str | None


class AttemptRow(NamedTuple):
    """One start of a job that ended without success."""

    attempt: int
    worker: str | None
    started_at: int | None
    ended_at: int
    error: bytes | None


class JobRow(NamedTuple):
    """A job with its history; one that runs belongs to its worker and does not move."""

    id: bytes
    task: str
    queue: str
    priority: int
    run_at: int
    state: str
    arguments: bytes
    attempt: int
    errors: int
    retries: int | None
    crashes: int
    max_crashes: int
    defers: int
    suspect: bool
    key: str | None
    created_at: int
    started_at: int | None
    finished_at: int | None
    schedule_id: bytes | None
    schedule_name: str | None
    scheduled_for: int | None
    value: bytes | None
    error: bytes | None
    options: bytes | None
    metadata: bytes | None
    expires_at: int | None
    backfill: bool
    waits_for: str | None
    flow: str | None
    unique_key: str | None
    unique_until: int | None
    cancel_at: int | None
    progress: bytes | None
    context: bytes | None
    untold: bool  # it failed, and whoever has its task has yet to be told
    attempts: tuple[AttemptRow, ...] = ()


COLUMNS: Mapping[Kind, tuple[str, ...]] = {
    Kind.FENCES: FenceRow._fields,
    Kind.OCCURRENCES: OccurrenceRow._fields,
    Kind.TASKS: ReportedTask._fields,
    Kind.FLOWS: FlowRow._fields,
    Kind.QUEUES: PausedQueue._fields,
    Kind.JOBS: JobRow._fields,
    Kind.SCHEDULES: schedule_rows.COLUMNS,
}


class Page(NamedTuple):
    """Keys of some rows, and the place after them; None when there are no more."""

    keys: Sequence[Key]
    after: object | None


class Transfer(Protocol):
    """A store's own face for moving; what it says and takes are rows in the order of `COLUMNS`."""

    def count(self) -> Mapping[Kind, int]:
        """Return how many rows of each kind there are; reads all of them."""
        ...

    def keys(self, kind: Kind, after: object | None, limit: int) -> Page:
        """Return the keys of about `limit` rows or of none, each once; jobs and schedules in the order of their coming.

        Args:
            kind: of rows.
            after: what the page before said, None for the first one.
            limit: how many.
        """
        ...

    def rows(self, kind: Kind, keys: Sequence[Key]) -> list[Row]:
        """Return those of these rows that are there, in any order; what does not decode comes as it is stored."""
        ...

    def write(self, kind: Kind, rows: Sequence[Row]) -> int:
        """Store rows as they are, all or none and on disk; returns how many were new.

        A key that is there changes nothing. Neither does a schedule whose end this store knows, nor the end of one that
        lives here.

        Raises:
            ValueError: a value is none that this store can hold.
            StoreError: a row breaks a rule of this store.
        """
        ...

    def settle(self, keys: Sequence[str], flows: Sequence[str]) -> None:
        """Let jobs go on that wait for one of these keys or flows and that nobody holds back here; wakes services."""
        ...


@runtime_checkable
class Movable(Protocol):
    """A store that rows can be copied from and to."""

    @property
    def transfer(self) -> Transfer:
        """Its rows, to be moved."""
        ...


def key_of(kind: Kind, row: Row) -> Key:
    """Return what a row is known by: a page's keys are these."""
    return row[:3] if kind is Kind.OCCURRENCES else row[:1]

"""The values that cross the stores' protocols."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from nuvom._job import JobStatus, NewJob, TaskDefaults
from nuvom._schedule import Occurrence, ScheduleEnvelope, ScheduleState

MAX_BATCH = 1_000


class Order(StrEnum):
    """Which ready jobs a claim takes."""

    BEST = "best"  # by priority, then run_at
    FAIR = "fair"  # the head of each priority present, the oldest of them first, then the best: no priority starves
    SUSPECT = "suspect"  # one job that was running when a process died, to be run alone


class Claim(NamedTuple):
    """A worker's request for jobs."""

    worker: str
    limit: int
    queues: tuple[str, ...] | None = None  # None: every queue
    excluding: tuple[str, ...] = ()  # tasks that this worker does not know
    order: Order = Order.BEST
    ready_by: datetime | None = None  # only jobs whose time had come by then


class CancelAnswer(StrEnum):
    """What a cancel found."""

    CANCELLED = "cancelled"
    REQUESTED = "requested"  # it runs, and is asked to stop
    FINISHED = "finished"
    NOT_FOUND = "not_found"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Which jobs a listing wants; None means any."""

    status: JobStatus | None = None
    task: str | None = None
    queue: str | None = None
    schedule_id: str | None = None


class QueuePause(NamedTuple):
    """Since when nothing of a queue is claimed, and what was said about it."""

    since: datetime | None
    note: str | None


class Flow(NamedTuple):
    """How full a flow is: the jobs of one kind that are limited together."""

    name: str  # the task, with the value of its key if it has one
    concurrency: int | None
    rate: str | None
    ready: int  # they have a place, and are about to start
    running: int
    opens_at: datetime | None  # when the rate lets the next of those that wait start


class QueueStats(NamedTuple):
    """What waits and runs in one queue."""

    queue: str
    ready: int
    delayed: int
    held: int
    running: int
    oldest: datetime | None  # run_at of the ready job that waits longest
    pause: QueuePause | None = None  # None: its jobs are claimed


class Throughput(NamedTuple):
    """How many jobs of one queue ended within the last minute and the last hour, to some seconds."""

    queue: str
    succeeded_last_minute: int
    failed_last_minute: int
    succeeded_last_hour: int
    failed_last_hour: int


class Wakeup(NamedTuple):
    """When the next thing happens that no wake-up announces; seconds from now, None for never."""

    delayed: float | None  # a delayed job becomes due or gives up, or a rate lets a held one start
    lease: float | None  # a live worker's lease would run out


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    """What workers report of a task, so that dispatch and producers need not import it."""

    name: str
    canonical: str  # differs from `name` for an alias
    defaults: TaskDefaults
    signature: str  # as text, for people


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerInfo:
    """A process that holds a lease: a worker's or a scheduler's."""

    id: str  # never used again
    kind: str  # "worker" or "scheduler"
    host: str
    pid: int
    version: str
    queues: tuple[str, ...] | None = None
    tasks: tuple[str, ...] = ()
    address: str | None = None  # where its listener is reached
    started_at: datetime | None = None  # by the store's clock
    beat_at: datetime | None = None
    running: int = 0
    alive: bool = True


class PlanItem(NamedTuple):
    """What one due schedule comes to: rows to record, jobs to push, and where its next run moves.

    It is applied only while the stored generation and next_run are the expected ones, the schedule is active, and its
    open runs still say the same of `blocked`.
    """

    envelope: ScheduleEnvelope  # as it was read; its generation and next_run are what is expected
    occurrences: tuple[Occurrence, ...]
    jobs: tuple[NewJob, ...]  # each belongs to the `dispatched` occurrence with its job_id
    next_nominal: datetime | None  # None: nothing is left to run, the schedule is done
    next_run: datetime | None
    quarantine: str | None = None  # why it cannot be planned; then nothing else is applied
    blocked: bool | None = None  # what `Ledger.blocked` said; None: it was not asked
    tzdata: str | None = None  # the release that the next run was computed with, where it is another than before
    times_since: datetime | None = None  # where that release moved the times: occurrences later than this follow it
    runs: int | None = None  # how many of its occurrences count as runs; None: each of its jobs

    @property
    def counted(self) -> int:
        """How many runs it adds to the schedule's count."""
        return len(self.jobs) if self.runs is None else self.runs


def first_of_each(items: Sequence[PlanItem]) -> tuple[dict[str, PlanItem], list[PlanItem]]:
    """Return the first item of each schedule, and all others."""
    first: dict[str, PlanItem] = {}
    later: list[PlanItem] = []
    for item in items:
        if item.envelope.id in first:
            later.append(item)
        else:
            first[item.envelope.id] = item
    return first, later


class Fence(NamedTuple):
    """The newest definition of a schedule that the ledger knows; kept when the schedule is gone."""

    envelope: ScheduleEnvelope  # its state and generation are the newest
    ended_at: datetime | None


class Refusal(NamedTuple):
    """A plan's item that was not applied: `reason` is `generation`, `next_run`, `state`, `gone` or `open_runs`."""

    schedule_id: str
    reason: str


class Once(StrEnum):
    """Once for what a run that somebody asked for is recorded."""

    REQUEST = "request"  # one run for a request, whenever it is repeated
    DISPATCH = "dispatch"  # none for a nominal time that was dispatched, by whomever
    ROW = "row"  # one for a nominal time and request


class Requested(NamedTuple):
    """The answer to a request: ids of the jobs that were new, or why it was refused."""

    jobs: frozenset[str]
    refusal: Refusal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleFilter:
    """Which schedules a listing wants; None means any."""

    task: str | None = None
    state: ScheduleState | None = None
    name_like: str | None = None  # a pattern with `*`
    origin: str | None = None  # "api" or "code"
    metadata: Mapping[str, str | int | float | bool | None] | None = None  # names with the values they must have


class Change(StrEnum):
    """What an upsert came to; only the first two changed anything."""

    CREATED = "created"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"
    DONE = "done"  # this very schedule has run to its end already
    NEVER = "never"  # its bounds leave nothing to run
    CANCELLED = "cancelled"  # a definition in code of what was cancelled
    TAKEN = "taken"  # a definition in code whose name a call took
    LOST = "lost"  # what it would have replaced is not what its rows were made for: read again and repeat

    @property
    def stored(self) -> bool:
        """Whether something was written."""
        return self in (Change.CREATED, Change.REPLACED)


class PassedOver(NamedTuple):
    """Rows for what was due of a schedule that is about to get other times."""

    generation: int | None  # of the schedule that they were made for; None: there was none
    rows: tuple[Occurrence, ...]


class Upserted(NamedTuple):
    """What an upsert found, and what is stored now."""

    envelope: ScheduleEnvelope
    change: Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long what is over is kept."""

    jobs: timedelta = timedelta(days=7)
    failed: timedelta = timedelta(days=30)
    occurrences: timedelta = timedelta(days=30)
    frequent: timedelta = timedelta(days=2)  # unremarkable rows of schedules that run more often than once a minute
    rows: int = 100  # rows of a living schedule that stay whatever their age


class Pending(NamedTuple):
    """What `migrate` would apply."""

    names: list[str]  # of the steps, the first one first
    sql: str  # the same for somebody else to run; a comment where there is nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What `doctor` reads from a store."""

    engine: str
    version: str
    schema: int
    schema_needed: int
    location: str
    size: int  # bytes
    problems: tuple[str, ...] = ()
    dangers: tuple[str, ...] = ()  # problems by which what was accepted may get lost while nothing fails
    facts: Mapping[str, str] = field(default_factory=dict)

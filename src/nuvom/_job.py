"""Jobs as plain values: what is pushed, what a worker claims, how an attempt ended, what is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

DEFAULT_QUEUE = "default"
DEFAULT_MAX_CRASHES = 3
PRIORITIES = range(-1000, 1001)


class JobStatus(StrEnum):
    """What a user sees of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def final(self) -> bool:
        """Whether nothing but an explicit retry changes a job of this status."""
        return self not in (JobStatus.QUEUED, JobStatus.RUNNING)


class JobState(StrEnum):
    """What a store keeps of a job: `queued` is three states, and only `ready` is in the claim's index."""

    READY = "ready"
    DELAYED = "delayed"  # waits for run_at, to start or to retry
    HELD = "held"  # waits for the holder of its key, or for a place in its flow
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def status(self) -> JobStatus:
        """The public status of this state."""
        return _STATUS.get(self) or JobStatus(self.value)


_STATUS: dict[JobState, JobStatus] = dict.fromkeys((JobState.READY, JobState.DELAYED, JobState.HELD), JobStatus.QUEUED)


@dataclass(frozen=True, slots=True)
class JobError:
    """Why an attempt ended without success.

    `kind` is `error` (the task raised), `timeout` (it took longer than its own limit), `crash` (its process died),
    `lost` (its lease ran out), `cancelled` (it was asked to stop), `arguments` (they no longer fit the task),
    `unknown_task`, `corrupt` (its row does not decode) or `result` (succeeded, value dropped).
    """

    kind: str
    type: str = ""
    message: str = ""
    traceback: str = ""


@dataclass(frozen=True, slots=True)
class TaskDefaults:
    """What the code at hand says of a task; used only where no call and no `tasks` row says otherwise."""

    queue: str = DEFAULT_QUEUE
    priority: int = 0
    max_crashes: int = DEFAULT_MAX_CRASHES
    expires_in: float | None = None  # seconds after run_at in which it must have started
    concurrency: int | None = None  # how many run at once
    rate: str | None = None  # how many start within a time, such as "100/1m"
    unique: str | None = None  # while what another of its kind is not pushed: "queued", "done" or a duration
    key: str | None = None  # what these three are per: the parameter of that name, "()" for a function; None: the task
    kin: str | None = None  # the value of that key for a schedule's runs, found when it was made; None: it has none

    def said(self) -> dict[str, Any]:
        """Return the three that are always there and those of the others that are not None, as JSON-safe values."""
        always = ("queue", "priority", "max_crashes")
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value for name, value in values.items() if name in always or value is not None}


class NewJob(NamedTuple):
    """A job to push: a tuple, because a dispatch makes a thousand at once.

    `queue`, `priority` and `max_crashes` are what its call said, None where it said nothing.
    """

    id: str
    task: str
    arguments: bytes  # JSON: [args, kwargs]
    defaults: TaskDefaults = TaskDefaults()
    queue: str | None = None
    priority: int | None = None
    max_crashes: int | None = None
    run_at: datetime | None = None  # None: now, by the store's clock
    key: str | None = None  # at most one job of a key is not held
    schedule_id: str | None = None
    schedule_name: str | None = None
    scheduled_for: datetime | None = None
    options: bytes | None = None  # JSON: execution options that the call said
    metadata: bytes | None = None  # JSON object
    expires_at: datetime | None = None  # when it gives up if it was never started
    waits: bool = True  # whether it is held while its key has an open job; the key is its own either way
    backfill: bool = False  # it repeats the past of its schedule, and is none of its open runs
    ousts: bool = False  # the other open jobs of its key are cancelled, those that run asked to stop
    kin: str | None = None  # the value of its task's key, by which its limits and uniqueness count; None: it has none
    unique: str | None = None  # as in TaskDefaults, where the call said it
    context: bytes | None = None  # JSON object: what hooks hand on from the caller to the worker
    expires_in: float | None = None  # as in TaskDefaults, where the call said it


class ClaimedJob(NamedTuple):
    """A job in a worker's hands: a tuple of what running it needs, because a claim makes hundreds at once."""

    ref: int | str  # the store's own handle of the row
    id: str
    task: str
    arguments: bytes
    queue: str
    priority: int
    run_at: datetime
    started_at: datetime
    created_at: datetime
    attempt: int
    errors: int
    crashes: int
    max_crashes: int
    defers: int
    suspect: bool
    key: str | None = None
    schedule_id: str | None = None
    schedule_name: str | None = None
    scheduled_for: datetime | None = None
    options: bytes | None = None
    metadata: bytes | None = None
    flow: str | None = None
    context: bytes | None = None


class Holding(NamedTuple):
    """What is enough to say how a claimed job ended, for who does not have all of it."""

    ref: int | str
    id: str
    attempt: int
    queue: str
    key: str | None
    flow: str | None
    may_repeat: bool = True  # whether it may run again, should it be unknown how it ended


class Progress(NamedTuple):
    """How far a running job said it is, and when."""

    done: float
    total: float | None
    note: str | None
    at: datetime


class Report(NamedTuple):
    """A running job's progress on its way to the store."""

    ref: int | str
    attempt: int
    progress: Progress


class Verdict(StrEnum):
    """How an attempt ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"  # for good
    CANCELLED = "cancelled"  # it was asked to stop, and did
    RETRY = "retry"  # an error, to be tried again at run_at
    DEFER = "defer"  # the task asked for a later time: no error
    PUT_BACK = "put_back"  # not started, or stopped in an orderly way: free of charge


class Outcome(NamedTuple):
    """How a claimed job ended; a store accepts it only from the holder of (id, attempt, worker)."""

    job: ClaimedJob | Holding
    verdict: Verdict
    value: bytes | None = None  # JSON; None: no value was stored
    error: JobError | None = None
    run_at: datetime | None = None  # for RETRY and DEFER
    retries: int = 0  # what the running code allows, kept beside the errors that it bounds


class Refused(NamedTuple):
    """An outcome that was not accepted: its sender no longer held the job."""

    id: str
    attempt: int
    worker: str


class Pushed(NamedTuple):
    """The answer to one pushed job: `id` is that of the job which stands for it, `new` whether that is a new one."""

    id: str
    new: bool


@dataclass(frozen=True, slots=True)
class Attempt:
    """One start of a job that ended without success."""

    number: int
    worker: str | None
    started_at: datetime | None
    ended_at: datetime
    error: JobError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as it is kept."""

    id: str
    task: str
    arguments: bytes
    queue: str
    priority: int
    state: JobState
    run_at: datetime
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    attempt: int = 0
    errors: int = 0
    retries: int | None = None  # known once an attempt reported an error
    crashes: int = 0
    max_crashes: int = DEFAULT_MAX_CRASHES
    defers: int = 0
    suspect: bool = False
    worker: str | None = None
    key: str | None = None
    schedule_id: str | None = None
    schedule_name: str | None = None
    scheduled_for: datetime | None = None
    value: bytes | None = None
    error: JobError | None = None
    options: bytes | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    waits_for: str | None = None  # what holds a `held` one: "key" or "flow"
    flow: str | None = None
    cancel_at: datetime | None = None  # when it was asked to stop
    progress: Progress | None = None
    expires_at: datetime | None = None
    context: dict[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> JobStatus:
        """The public status."""
        return self.state.status


OnFailure = Callable[[Job, JobError], Any]  # called with a job that ended `failed`; what an async one gives is awaited

"""Schedules as plain values: the envelope that a backend stores, and the ledger's row for each occurrence."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple, Self

from nuvom._clock import from_us, to_us
from nuvom._job import JobStatus, TaskDefaults
from nuvom.triggers import Bounded, CronTrigger, IntervalTrigger, OneOffTrigger, Trigger
from nuvom.triggers.jitter import spread


class ScheduleType(StrEnum):
    """The three kinds of schedule."""

    ONE_OFF = "one_off"
    INTERVAL = "interval"
    CRON = "cron"


class ScheduleState(StrEnum):
    """Where a schedule is in its life; only `active` ones become due."""

    ACTIVE = "active"
    PAUSED = "paused"
    DONE = "done"  # nothing is left to run
    CANCELLED = "cancelled"
    QUARANTINED = "quarantined"  # its row cannot be read or planned; `note` says why

    @property
    def ended(self) -> bool:
        """Whether this life of the id is over: it is kept beside the ledger, not among the schedules."""
        return self in (ScheduleState.DONE, ScheduleState.CANCELLED)


class CatchUp(StrEnum):
    """Which of the occurrences that fell due together are run; the rest leave a row that says so."""

    LATEST = "latest"  # the newest; the others are `coalesced`
    FIRST = "first"  # the oldest; the others are `coalesced`
    ALL = "all"  # the newest 100; older ones are `missed`
    SKIP = "skip"  # the newest if at most 60 s late (or its grace); all others are `missed`


class Overlap(StrEnum):
    """Whether a run may start while another of its schedule is open: queued, held, running or waiting to retry."""

    ALLOW = "allow"  # always
    SKIP = "skip"  # not while one is open: the occurrence is `skipped_overlap`
    QUEUE_ONE = "queue_one"  # one is held until the open one ends; while one is held, others are `skipped_overlap`
    CANCEL_OTHER = "cancel_other"  # the open ones are cancelled, one that runs is asked to stop; it is held until then


@dataclass(frozen=True, kw_only=True)  # no slots: `of` fills the instance at once, which a dispatch does by thousands
class ScheduleEnvelope:
    """A task call and the times at which it is to run, as a plain storable value; all times are aware UTC."""

    id: str
    task: str
    schedule_type: ScheduleType
    arguments: bytes = b"[[],{}]"  # JSON: [args, kwargs]
    name: str | None = None
    at: datetime | None = None
    interval: float | None = None  # seconds
    cron: str | None = None
    timezone_name: str = "UTC"
    anchor: datetime | None = None  # where an interval's grid starts
    next_nominal: datetime | None = None
    next_run: datetime | None = None
    times_since: datetime | None = None  # the trigger, zone and bounds hold for occurrences later than this
    starts_at: datetime | None = None  # occurrences from then on
    ends_at: datetime | None = None  # occurrences before then
    max_runs: int | None = None
    catch_up: CatchUp = CatchUp.LATEST
    grace: timedelta | None = None  # how late an occurrence may still start; None: however late
    overlap: Overlap = Overlap.ALLOW
    jitter: timedelta = timedelta(0)
    state: ScheduleState = ScheduleState.ACTIVE
    note: str | None = None
    paused_at: datetime | None = None
    origin: str = "api"  # or "code"
    overridden: tuple[str, ...] = ()  # parts of a definition in code that a call changed since
    generation: int = 0
    run_count: int = 0
    options: Mapping[str, Any] = field(
        default_factory=dict
    )  # what the call said of its jobs: queue, priority, retries …
    defaults: TaskDefaults = TaskDefaults()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    tzdata: str | None = None  # the release that next_nominal was computed with
    created_at: datetime | None = None
    updated_at: datetime | None = None
    unknown: Mapping[str, Any] = field(default_factory=dict)  # fields of a newer release, kept as they came
    _app: Any = field(default=None, compare=False, repr=False)

    @classmethod
    def of(cls, values: dict[str, Any]) -> Self:
        """Return the envelope of a value for each field; the dictionary becomes the envelope's own."""
        envelope = object.__new__(cls)
        object.__setattr__(envelope, "__dict__", values)
        return envelope

    @property
    def args(self) -> list[Any]:
        """The positional arguments, as JSON carries them."""
        args: list[Any] = json.loads(self.arguments)[0]
        return args

    @property
    def kwargs(self) -> dict[str, Any]:
        """The keyword arguments, as JSON carries them."""
        kwargs: dict[str, Any] = json.loads(self.arguments)[1]
        return kwargs

    @property
    def trigger(self) -> Trigger:
        """The times of this schedule; raises InvalidTrigger where its fields make none."""
        return trigger_of(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the envelope as JSON-safe values; `from_dict` gives an equal one."""
        stored = {name: _plain(getattr(self, name)) for name in _STORED}
        return {**self.unknown, **stored, "args": self.args, "kwargs": self.kwargs}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the envelope of `to_dict`'s values; fields that this release does not know are kept."""
        known = {name: _PARSE.get(name, _same)(data[name]) for name in _STORED if name in data}
        arguments = json.dumps(
            [data.get("args", []), data.get("kwargs", {})], separators=(",", ":"), ensure_ascii=False
        )
        unknown = {key: value for key, value in data.items() if key not in _STORED and key not in ("args", "kwargs")}
        return cls(**known, arguments=arguments.encode(), unknown=unknown)

    def refresh(self) -> ScheduleEnvelope:
        """Read the schedule again; raises ScheduleNotFound when it has ended."""
        read: ScheduleEnvelope = self._attached().schedules.get(self.id)
        return read

    def pause(self, note: str | None = None) -> ScheduleEnvelope:
        """Pause the schedule, as `schedules.pause` does; returns it as it is then."""
        paused: ScheduleEnvelope = self._attached().schedules.pause(self.id, note)
        return paused

    def resume(self) -> ScheduleEnvelope:
        """Let the schedule go on, as `schedules.resume` does; returns it as it is then."""
        resumed: ScheduleEnvelope = self._attached().schedules.resume(self.id)
        return resumed

    def update(self, **changes: Any) -> ScheduleEnvelope:
        """Change the schedule as it was read here, as `schedules.update` does; returns it as it is then.

        Raises:
            ScheduleChanged: it was changed since it was read; nothing was done.
        """
        updated: ScheduleEnvelope = self._attached().update_schedule(self, changes)
        return updated

    def cancel(self) -> bool:
        """Cancel the schedule for good; False when it had ended already."""
        cancelled: bool = self._attached().schedules.cancel(self.id)
        return cancelled

    def coming(self) -> Iterator[tuple[datetime, datetime]]:
        """Yield nominal time and run time of each occurrence still to come, the earliest first; none unless active."""
        nominal = self.next_nominal if self.state is ScheduleState.ACTIVE else None
        run, trigger, left = self.next_run, self.trigger, None
        if self.max_runs is not None:
            left = self.max_runs - self.run_count
        while nominal is not None and (left is None or left > 0):
            following = trigger.after(nominal)
            yield nominal, run or run_time(self, nominal, following)
            nominal, run, left = following, None, None if left is None else left - 1

    def _attached(self) -> Any:
        if self._app is None:
            raise RuntimeError(
                f"schedule {self.id} was not read through an app: app.schedules.get({self.id!r}) gives it"
            )
        return self._app

    def same_times(self, other: ScheduleEnvelope) -> bool:
        """Tell whether both have the same trigger and zone: then an upsert does not move the next run."""
        return all(getattr(self, name) == getattr(other, name) for name in _TIMES)

    def ended(self, state: ScheduleState, generation: int, now: datetime) -> ScheduleEnvelope:
        """Return this schedule at the end of its life: `done` or `cancelled`, with no next run."""
        return replace(
            self, state=state, next_nominal=None, next_run=None, generation=generation, updated_at=now
        )  # fmt: skip


_TIMES = ("schedule_type", "at", "interval", "cron", "timezone_name", "starts_at", "ends_at")
_STORED = tuple(f.name for f in fields(ScheduleEnvelope) if f.name not in ("arguments", "unknown", "_app"))
_MOMENTS = (
    "at", "anchor", "next_nominal", "next_run", "times_since", "starts_at", "ends_at", "paused_at", "created_at",
    "updated_at",
)  # fmt: skip


def _same(value: Any) -> Any:
    return value


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case tuple():
            return list(value)
        case StrEnum():
            return value.value
        case TaskDefaults():
            return value.said()
        case Mapping():
            return dict(value)
        case _:
            return value


def _moment(value: str | None) -> datetime | None:
    # Through microseconds, so that any offset is read and UTC is what is kept.
    return None if value is None else from_us(to_us(datetime.fromisoformat(value)))


_PARSE: dict[str, Any] = {
    **dict.fromkeys(_MOMENTS, _moment),
    "schedule_type": ScheduleType,
    "catch_up": CatchUp,
    "overlap": Overlap,
    "grace": lambda value: None if value is None else timedelta(seconds=value),
    "jitter": lambda value: timedelta(seconds=value),
    "overridden": tuple,
    "state": ScheduleState,
    "defaults": lambda value: TaskDefaults(**value),
}


def trigger_of(envelope: ScheduleEnvelope) -> Trigger:
    """Return the trigger that an envelope's fields describe; raises InvalidTrigger where they describe none."""
    trigger = unbounded_trigger(envelope)
    if envelope.starts_at is None and envelope.ends_at is None:
        return trigger
    return Bounded(trigger, envelope.starts_at, envelope.ends_at)


def unbounded_trigger(envelope: ScheduleEnvelope) -> Trigger:
    """Return the trigger without starts_at and ends_at; raises InvalidTrigger where the fields describe none."""
    match envelope.schedule_type:  # its fields below, one by one: a class pattern costs five times as much
        case ScheduleType.ONE_OFF if envelope.at is not None:
            return OneOffTrigger(envelope.at)
        case ScheduleType.INTERVAL if envelope.interval is not None and envelope.anchor is not None:
            return IntervalTrigger(envelope.interval, envelope.anchor)
        case ScheduleType.CRON if envelope.cron is not None:
            return CronTrigger(envelope.cron, envelope.timezone_name, seed=envelope.name or envelope.id)
        case _:
            from nuvom.errors import InvalidTrigger

            raise InvalidTrigger("schedule_type", envelope.schedule_type, "the envelope lacks this type's own fields")


def run_key(schedule_id: str) -> str:
    """Return the key by which the runs of a schedule wait for each other, where its overlap says so."""
    return f"schedule:{schedule_id}"


def run_time(envelope: ScheduleEnvelope, nominal: datetime, following: datetime | None) -> datetime:
    """Return when an occurrence runs: its nominal time and its share of the jitter.

    Args:
        envelope: the schedule.
        nominal: the occurrence.
        following: the nominal time after it, which no jitter reaches; None: there is none.
    """
    if not envelope.jitter:
        return nominal
    return nominal + spread(envelope.id, nominal, envelope.jitter, None if following is None else following - nominal)


class OccurrenceOutcome(StrEnum):
    """What became of an occurrence. One row of the ledger says it for good."""

    DISPATCHED = "dispatched"
    SKIPPED_OVERLAP = "skipped_overlap"
    SKIPPED_UNIQUE = "skipped_unique"
    MISSED = "missed"
    COALESCED = "coalesced"
    PAUSED = "paused"


class Occurrence(NamedTuple):
    """One row of the ledger; its key is (schedule_id, nominal, source). A tuple, because a dispatch makes thousands.

    `source` is empty for the plan's own, `manual:<request>` or `backfill:<request>`. Where more than 1,000 occurrences
    were dropped at once, one row stands for the rest: `last` is the newest of them and `count` how many they are.
    """

    schedule_id: str
    nominal: datetime
    outcome: OccurrenceOutcome
    source: str = ""
    reason: str | None = None
    job_id: str | None = None
    lateness: timedelta | None = None  # from next_run to the dispatch
    recorded_at: datetime | None = None
    last: datetime | None = None
    count: int = 1  # type: ignore[assignment]  # a field, like any other; nobody counts values in a row
    job_status: JobStatus | None = None
    job_started_at: datetime | None = None
    job_finished_at: datetime | None = None
    utc_offset: int | None = None  # seconds; of a cron schedule's zone by the tz database of then


_STANDS = "job {} stands for it: the task has unique={!r}"


def unique_reason(job_id: str, unique: str) -> str:
    """Return why an occurrence is `skipped_unique`: which job stands for it."""
    return _STANDS.format(job_id, unique)


def standing_job(row: Occurrence) -> str | None:
    """Return the id of the job that stands for an occurrence which is `skipped_unique`, None for any other."""
    if row.outcome is not OccurrenceOutcome.SKIPPED_UNIQUE or row.reason is None:
        return None
    return row.reason.split()[1]

"""What `task.options(...)` said: kept apart from what the code's decorator says, because only this is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self, TypeVar

import orjson

from nuvom._duration import seconds, to_timedelta
from nuvom._ids import is_uuid, named_id
from nuvom._job import PRIORITIES, TaskDefaults
from nuvom._limits import read_rate, read_unique
from nuvom._naming import check_name, check_text
from nuvom._numbers import MAX_COUNT, flag, whole
from nuvom._schedule import CatchUp, Overlap
from nuvom.errors import shortened

E = TypeVar("E", bound=StrEnum)

RECURRING = ("catch_up", "overlap", "jitter", "starts_at", "ends_at", "max_runs")
OF_SCHEDULES = ("name", "grace", *RECURRING)
EXECUTION = ("retries", "store_result", "timeout")  # what the worker reads
LONGEST = timedelta(days=36_500)  # of a grace and a jitter: times must stay inside what a calendar holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of one call; None means not said."""

    id: str | None = None
    name: str | None = None
    queue: str | None = None
    priority: int | None = None
    retries: int | None = None
    max_crashes: int | None = None
    store_result: bool | None = None
    timeout: float | None = None  # seconds
    catch_up: CatchUp | None = None
    grace: timedelta | None = None
    overlap: Overlap | None = None
    jitter: timedelta | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    max_runs: int | None = None
    unique: str | None = None
    expires_in: float | None = None  # seconds
    metadata: Mapping[str, Any] | None = None

    def merged(self, later: Options) -> Self:
        """Return these options with what a later `.options(...)` said on top."""
        return replace(
            self, **{f.name: getattr(later, f.name) for f in fields(later) if getattr(later, f.name) is not None}
        )

    def refuse(self, names: tuple[str, ...], call: str, remedy: str) -> None:
        """Raise TypeError when one of `names` was said before a call that has no use for it."""
        for name in names:
            if getattr(self, name) is not None:
                raise TypeError(f"option {name}={getattr(self, name)!r} does not fit {call}: {remedy}")

    def execution(self) -> bytes | None:
        """Return the JSON of what the worker reads, None when nothing was said."""
        said = {name: getattr(self, name) for name in EXECUTION if getattr(self, name) is not None}
        return orjson.dumps(said) if said else None

    def for_schedule(self) -> dict[str, Any]:
        """Return what a schedule hands on to its jobs."""
        names = ("queue", "priority", "max_crashes", "unique", "expires_in", *EXECUTION)
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def job_id(self) -> tuple[str | None, Mapping[str, Any]]:
        """Return the id that was asked for and the metadata, in which a text that is no UUID is kept."""
        metadata = dict(self.metadata or {})
        if self.id is None:
            return None, metadata
        return as_job_id(self.id), metadata if is_uuid(self.id) else {**metadata, "id": self.id}


def as_job_id(said: str) -> str:
    """Return the id of the job that is pushed with `options(id=said)`: a UUID as it is, that of its name for others."""
    text = check_text(said, "id")
    return text.lower() if is_uuid(text) else named_id("job", text)


def checked(**said: Any) -> Options:
    """Return options after a look at each value; raises TypeError or ValueError naming the option and its value."""
    given = {name: _CHECKS[name](value, name) for name, value in said.items() if value is not None}
    return Options(**given)


def _count(value: object, name: str) -> int:
    return whole(value, name, 0, MAX_COUNT)


def _priority(value: object, name: str) -> int:
    return whole(value, name, PRIORITIES[0], PRIORITIES[-1])


def _schedule_name(value: object, name: str) -> str:
    text = check_name(value, name)
    if is_uuid(text):
        raise ValueError(
            f"{name}={shortened(text)} looks like an id; a name must not, so that either finds one schedule"
        )
    return text


def _choice(kind: type[CatchUp | Overlap]) -> Any:
    def check(value: Any, name: str) -> CatchUp | Overlap:
        return choice(kind, value, name)

    return check


def choice(kind: type[E], value: object, name: str) -> E:
    """Return the member of an enum that a value names; raises ValueError naming the option and what it may be."""
    found = next((each for each in kind if isinstance(value, str) and each == value), None)
    if found is None:
        known = ", ".join(repr(each.value) for each in kind)
        raise ValueError(f"{name}={shortened(value)} must be one of {known}")
    return found


def _span(value: object, name: str) -> timedelta:
    span = to_timedelta(value, name)
    if not timedelta(0) <= span <= LONGEST:
        raise ValueError(f"{name}={shortened(value)} must be between 0 and {LONGEST.days} days")
    return span


def _limit(value: object, name: str) -> float:
    limit = seconds(value, name)
    if not 0 < limit <= LONGEST.total_seconds():
        raise ValueError(f"{name}={shortened(value)} must be more than 0 and at most {LONGEST.days} days")
    return limit


def _moment(value: object, name: str) -> datetime:
    if not isinstance(value, datetime):
        raise TypeError(
            f"{name}={shortened(value)} must be a datetime, such as datetime(2027, 8, 25, tzinfo=timezone.utc)"
        )
    return value


def _metadata(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError(f"{name}={shortened(value)} must be a mapping of names to JSON values")
    try:
        copy: dict[str, Any] = orjson.loads(orjson.dumps(dict(value)))
    except (TypeError, RecursionError) as error:
        raise TypeError(f"{name}={shortened(value)} cannot be stored as JSON: {error}") from None
    return copy


def metadata_filter(value: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return what metadata must have to be listed; raises TypeError for values that cannot be compared."""
    if value is None:
        return None
    wanted = _metadata(value, "metadata")
    for name, each in wanted.items():
        if isinstance(each, list | dict):
            raise TypeError(f"metadata[{name!r}]={each!r} cannot be looked for; give text, a number, a flag or None")
    return wanted


_CHECKS: dict[str, Any] = {
    "id": check_name,
    "name": _schedule_name,
    "queue": check_name,
    "priority": _priority,
    "retries": _count,
    "max_crashes": _count,
    "store_result": flag,
    "timeout": _limit,
    "catch_up": _choice(CatchUp),
    "grace": _span,
    "overlap": _choice(Overlap),
    "jitter": _span,
    "starts_at": _moment,
    "ends_at": _moment,
    "max_runs": lambda value, name: whole(value, name, 1, 1_000_000_000),
    "unique": read_unique,
    "expires_in": _limit,
    "metadata": _metadata,
}


def limited(defaults: TaskDefaults, concurrency: int | None, rate: str | None) -> TaskDefaults:
    """Return a task's defaults with its limits; raises TypeError or ValueError naming the one that is wrong."""
    if concurrency is not None:
        defaults = replace(defaults, concurrency=whole(concurrency, "concurrency", 1, MAX_COUNT))
    if rate is not None:
        read_rate(rate)
        defaults = replace(defaults, rate=rate)
    return defaults


def names(value: object, option: str) -> tuple[str, ...]:
    """Return a sequence of names, each checked; raises TypeError for a lone text."""
    if isinstance(value, str) or not isinstance(value, list | tuple):
        raise TypeError(f"{option}={shortened(value)} must be a list of names, such as [{shortened(value)}]")
    return tuple(check_name(name, option) for name in value)


def metadata_json(metadata: Mapping[str, Any]) -> bytes | None:
    """Return metadata as a job carries it, None for none."""
    return orjson.dumps(metadata) if metadata else None

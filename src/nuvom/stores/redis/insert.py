"""Jobs on their way in: what a script is told of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

import orjson

from nuvom._clock import to_us
from nuvom._job import PRIORITIES, NewJob, Pushed, TaskDefaults
from nuvom._limits import unique_period
from nuvom.stores.redis.bodies import write_body
from nuvom.stores.redis.database import Argument, Database
from nuvom.stores.redis.terms import microseconds, terms

_ID = re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PLAIN_ID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
_PLAIN_DEFAULTS = {"queue", "priority", "max_crashes", "key"}
_OWN = ("id", "arguments", "options", "metadata", "context", "schedule_name", "waits")  # what jobs alike may differ in
_SAID = ("task", "defaults", "queue", "priority", "max_crashes")  # what they have in common
_REST = [name for name in NewJob._fields if name not in (*_OWN, *_SAID)]  # what nothing is said of
_ALIKE = itemgetter(*map(NewJob._fields.index, (*_SAID, *_REST)))
_PLAIN = tuple(NewJob._field_defaults[name] for name in _REST)
_KIND = (*_SAID, "kin")  # what many runs of schedules have in common
kind_of: Callable[[NewJob], tuple[Any, ...]] = itemgetter(*map(NewJob._fields.index, _KIND))


def as_json(jobs: Iterable[NewJob]) -> bytes:
    """Return jobs as `Insert.all` of insert.lua takes them: fields that say nothing are left out."""
    return orjson.dumps([told(job) for job in jobs])


def told(job: NewJob) -> dict[str, Any]:
    """Return what a script is told of a job; times are texts, because numbers in Lua lose digits beyond the year 2255.

    Raises:
        ValueError: its id is none, or its priority or max_crashes out of bounds.
    """
    _check(job)
    fields: dict[str, Any] = {
        "id": job.id.lower(),
        "task": job.task,
        "body": write_body(job),
        "defaults": terms(job.defaults),
        "queue": job.queue,
        "priority": job.priority,
        "max_crashes": job.max_crashes,
        "run_at": None if job.run_at is None else str(to_us(job.run_at)),
        "key": job.key,
        "schedule": job.schedule_id,
        "scheduled_for": None if job.scheduled_for is None else str(to_us(job.scheduled_for)),
        "expires_at": None if job.expires_at is None else str(to_us(job.expires_at)),
        "expires_in": None if job.expires_in is None else microseconds(job.expires_in),
        "kin": job.kin,
        "unique_while": job.unique,
        "unique_for": None if job.unique is None else unique_period(job.unique),
        "waits": (job.waits and job.key is not None) or None,
        "backfill": 1 if job.backfill else None,
        "ousts": job.ousts or None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def kind(job: NewJob) -> dict[str, Any]:
    """Return what a script is told once of all jobs for which `kind_of` says the same."""
    said = told(job)
    return {name: said[name] for name in _KIND if name in said}


def is_plain_run(job: NewJob) -> bool:
    """Tell whether nothing that is said of a schedule's job holds, limits or ends it."""
    return (
        job.key is None
        and job.expires_at is None
        and job.expires_in is None
        and job.unique is None
        and not job.backfill
        and not job.ousts
        and _PLAIN_ID(job.id) is not None
        and _PLAIN_ID(job.schedule_id or "") is not None
    )


def _check(job: NewJob) -> None:
    if _ID.fullmatch(job.id) is None:
        raise ValueError(f"job {job.id!r}: its id is not a UUID")
    if job.priority is not None and job.priority not in PRIORITIES:
        raise ValueError(f"job {job.id}: priority={job.priority} must be between {PRIORITIES[0]} and {PRIORITIES[-1]}")
    if job.max_crashes is not None and job.max_crashes < 0:
        raise ValueError(f"job {job.id}: max_crashes={job.max_crashes} must be 0 or more")


def push(database: Database, jobs: Sequence[NewJob]) -> list[Pushed]:
    """Store jobs, all or none; see `JobStore.push`."""
    if not jobs:
        return []
    said = _plain(jobs) if _are_plain(jobs) else [as_json(jobs)]
    answer = database.write("push", *said)
    if not answer:
        return [Pushed(job.id, True) for job in jobs]
    return [Pushed(stands.decode() or job.id, stands == b"") for job, stands in zip(jobs, answer, strict=True)]


def _are_plain(jobs: Sequence[NewJob]) -> bool:
    """Tell whether jobs are alike, and nothing that their call says holds, delays or limits them: most are."""
    first = jobs[0]
    if first.queue == "" or not _say_nothing(first.defaults):
        return False
    _check(first)
    alike = _ALIKE(first)
    if alike[len(_SAID) :] != _PLAIN:
        return False
    return all(_ALIKE(job) == alike and _PLAIN_ID(job.id) for job in jobs)


@lru_cache(maxsize=1_000)
def _say_nothing(defaults: TaskDefaults) -> bool:
    return not defaults.said().keys() - _PLAIN_DEFAULTS


def _plain(jobs: Sequence[NewJob]) -> list[Argument]:
    """Return such jobs as plain_push.lua takes them."""
    first = jobs[0]
    defaults = first.defaults
    said: list[Argument] = ["", first.task]
    said += ["" if value is None else value for value in (first.queue, first.priority, first.max_crashes)]
    said += [defaults.queue, defaults.priority, defaults.max_crashes]
    for job in jobs:
        said += [job.id, write_body(job)]
    return said

"""Plans as scripts are told of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson

from nuvom._clock import to_us
from nuvom._ids import raw, text
from nuvom._job import NewJob
from nuvom._schedule import ScheduleEnvelope
from nuvom.stores.redis.bodies import write_body
from nuvom.stores.redis.database import Argument
from nuvom.stores.redis.definitions import definition_of, head_of, moment, zone_of
from nuvom.stores.redis.insert import is_plain_run, kind, kind_of, told as told_job
from nuvom.stores.redis.occurrences import write_row
from nuvom.stores.values import PlanItem, Refusal

_AT_ONCE = 200  # schedules that one script moves, with rows and jobs: some ten milliseconds


def pieces(items: Sequence[PlanItem]) -> Iterator[Sequence[PlanItem]]:
    """Yield a plan in parts for a script each; all that one item says stays together, and more need not."""
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]


def as_words(items: Sequence[PlanItem]) -> list[Argument]:
    """Return a plan as apply.lua takes it: as JSON what is no plain run, and in a few words each what is one."""
    long: list[dict[str, Any]] = []
    kinds: list[dict[str, Any]] = []
    numbers: dict[tuple[Any, ...], int] = {}
    words: list[Argument] = []
    seen: set[str] = set()
    last, number = (), 0
    for item in items:
        if _is_plain(item) and item.envelope.id not in seen and item.jobs[0].id not in seen:
            job = item.jobs[0]
            if (said := kind_of(job)) != last:  # most are as the one before
                last, number = said, numbers.setdefault(said, len(kinds) + 1)
                if number > len(kinds):
                    kinds.append(kind(job))
            words += _plain(item, job, number)
            seen.add(job.id)
        else:
            long.append(told(item))
        seen.add(item.envelope.id)
    return [orjson.dumps(long), orjson.dumps(kinds), *words]


def moves_as_json(items: Iterable[PlanItem]) -> bytes:
    """Return a plan as advance.lua takes it: without rows, jobs and open runs, which another store has."""
    return orjson.dumps([_move(item) for item in items])


def deliveries_as_json(items: Iterable[PlanItem]) -> bytes:
    """Return a plan as deliver.lua takes it: with the definition of what has nothing left to run."""
    return orjson.dumps([_delivery(item) for item in items])


def told(item: PlanItem) -> dict[str, Any]:
    """Return what a script is told of an item: what is expected, and what it comes to."""
    said = _move(item)
    said["rows"] = [write_row(row) for row in item.occurrences]
    said["jobs"] = [told_job(job) for job in item.jobs]
    if item.blocked is not None:
        said["blocked"], said["overlap"] = item.blocked, item.envelope.overlap.value
    return said


def _is_plain(item: PlanItem) -> bool:
    """Tell whether a schedule moves on and one job comes in that nothing said of it limits: most are that."""
    envelope, rows, jobs, following, next_run, quarantine, blocked, tzdata, _, runs = item
    if len(jobs) != 1 or len(rows) != 1 or next_run is None or following is None or runs is not None:
        return False
    job, row = jobs[0], rows[0]
    return (
        quarantine is None
        and blocked is None
        and tzdata is None
        and is_plain_run(job)
        and job.schedule_id == row.schedule_id == envelope.id
        and job.scheduled_for == row.nominal == envelope.next_nominal
        and job.run_at == envelope.next_run
        and row.job_id == job.id
        and row.source == ""
        and row.reason is None
    )


def _plain(item: PlanItem, job: NewJob, number: int) -> tuple[Argument, ...]:
    """Return such an item as dispatching.lua takes it."""
    envelope, generation = item.envelope, item.envelope.generation
    nominal = moment(envelope.next_nominal)
    expected = nominal if envelope.next_run is envelope.next_nominal else moment(envelope.next_run)
    following = moment(item.next_nominal)
    next_run = following if item.next_run is item.next_nominal else moment(item.next_run)
    key, row = write_row(item.occurrences[0])
    return (
        envelope.id,
        f"{generation} active {nominal} {expected} ",
        f"{generation} active {following} {next_run} ",
        next_run,
        number,
        job.id,
        key,
        row,
        write_body(job),
    )


def _move(item: PlanItem) -> dict[str, Any]:
    envelope = item.envelope
    said: dict[str, Any] = {
        "id": text(raw(envelope.id)),
        "generation": str(envelope.generation),
        "nominal": moment(envelope.next_nominal),
        "expected": moment(envelope.next_run),
        "runs": item.counted,
    }
    if item.quarantine is not None:
        said["quarantine"] = item.quarantine
    elif item.next_run is not None:
        said["next_run"] = moment(item.next_run)
        said["next_nominal"] = said["next_run"] if item.next_nominal is item.next_run else moment(item.next_nominal)
    if item.tzdata is not None:
        said["zone"] = zone_of(envelope, item.tzdata)
        said["definition"] = _by_release(envelope, item)
    return said


def _delivery(item: PlanItem) -> dict[str, Any]:
    said = told(item)
    if item.next_run is None and item.quarantine is None:
        said["head"], said["definition"] = head_of(item.envelope), definition_of(item.envelope)
    return said


def refusals(answer: Sequence[Sequence[bytes]]) -> list[Refusal]:
    """Return what a script refused."""
    return [Refusal(schedule_id.decode(), reason.decode()) for schedule_id, reason in answer]


def _by_release(envelope: ScheduleEnvelope, item: PlanItem) -> str:
    """Return a definition whose next run another release of the tz database computed."""
    since = envelope.times_since if item.times_since is None else item.times_since
    return definition_of(envelope, tzdata=item.tzdata, times_since=None if since is None else to_us(since))

"""Plans as scripts are told of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson

from nuvom._clock import to_us
from nuvom._ids import raw, text
from nuvom._schedule import ScheduleEnvelope
from nuvom.stores.redis.definitions import definition_of, head_of, moment, zone_of
from nuvom.stores.redis.insert import told as told_job
from nuvom.stores.redis.occurrences import write_row
from nuvom.stores.values import PlanItem, Refusal

_AT_ONCE = 200  # schedules that one script moves, with rows and jobs: some ten milliseconds


def pieces(items: Sequence[PlanItem]) -> Iterator[Sequence[PlanItem]]:
    """Yield a plan in parts for a script each; all that one item says stays together, and more need not."""
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]


def as_json(items: Iterable[PlanItem]) -> bytes:
    """Return a plan as apply.lua takes it."""
    return orjson.dumps([told(item) for item in items])


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

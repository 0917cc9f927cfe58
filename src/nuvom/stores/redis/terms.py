"""What is said of a task, as scripts take it and as it is kept beside the jobs."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import orjson

from nuvom._job import TaskDefaults
from nuvom._limits import read_rate, unique_period
from nuvom.stores.values import TaskRow


@lru_cache(maxsize=1_000)
def terms(defaults: TaskDefaults) -> dict[str, Any]:
    """Return what code says of a task, without what it leaves open: durations in microseconds, a rate taken apart."""
    said = defaults.said()
    if defaults.expires_in is not None:
        said["expires_in"] = microseconds(defaults.expires_in)
    if defaults.rate is not None:
        said["limit"], said["period"] = read_rate(defaults.rate)
    if defaults.unique is not None:
        said["unique_for"] = unique_period(defaults.unique)
    return {name: value for name, value in said.items() if value is not None}


def microseconds(seconds: float) -> int:
    """Return a duration as scripts take it."""
    return int(seconds * 1_000_000)


def write_task(row: TaskRow) -> str:
    """Return the JSON of a `tasks` row."""
    return orjson.dumps({**terms(row.defaults), "canonical": row.canonical, "signature": row.signature}).decode()


def read_task(name: str, source: bytes) -> TaskRow:
    """Return the row of `write_task`'s JSON."""
    said = orjson.loads(source)
    expires_in = said.get("expires_in")
    defaults = TaskDefaults(
        queue=said["queue"],
        priority=said["priority"],
        max_crashes=said["max_crashes"],
        expires_in=None if expires_in is None else expires_in / 1_000_000,
        concurrency=said.get("concurrency"),
        rate=said.get("rate"),
        unique=said.get("unique"),
        key=said.get("key"),
    )
    return TaskRow(name=name, canonical=said["canonical"], defaults=defaults, signature=said["signature"])

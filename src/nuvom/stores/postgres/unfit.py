"""Which value of a batch the server cannot keep, and why: it says only that there is one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import orjson
import psycopg

from nuvom._ids import raw
from nuvom._job import NewJob

_TEXTS = ("task", "queue", "key", "kin", "schedule_name")
_JSON = ("arguments", "options", "metadata", "context")


@contextmanager
def naming(jobs: Iterable[NewJob]) -> Iterator[None]:
    """Name the value that is at fault where a statement for these jobs is refused.

    Raises:
        ValueError: an id is no UUID, a text has NUL or half a surrogate pair, or what is to be JSON is none.
    """
    try:
        yield
    except (psycopg.DataError, ValueError) as error:
        for job in jobs:
            if fault := _fault(job):
                raise ValueError(f"job {job.id!r}: {fault}") from error
        raise


def _fault(job: NewJob) -> str | None:
    if not _is_id(job.id):
        return "its id is not a UUID"
    for name in _TEXTS:
        if (value := getattr(job, name)) is not None and not _is_storable(value):
            return f"{name}={value!r} has a character that PostgreSQL cannot store (NUL, or half a surrogate pair)"
    for name in _JSON:
        if (data := getattr(job, name)) is not None and not _is_json(data):
            return f"{name}={data[:80]!r} is no JSON"
    return None


def _is_id(value: str) -> bool:
    try:
        raw(value)
    except ValueError:
        return False
    return True


def _is_storable(value: str) -> bool:
    try:
        return b"\0" not in value.encode()
    except UnicodeEncodeError:
        return False


def _is_json(data: bytes) -> bool:
    try:
        orjson.loads(data)
    except ValueError:
        return False
    return True

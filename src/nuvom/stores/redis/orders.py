"""What callers ask of jobs that are stored, of many in one script: to be cancelled, to run again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from nuvom._ids import is_uuid
from nuvom._job import Holding
from nuvom.stores.redis.database import Database
from nuvom.stores.values import CancelAnswer


def cancel(database: Database, job_ids: Sequence[str]) -> list[CancelAnswer]:
    """Cancel jobs that wait, ask running ones to stop; see `JobStore.cancel_many`."""
    answers = _asked(database, "cancel", job_ids)
    return [CancelAnswer.NOT_FOUND if each is None else CancelAnswer(each.decode()) for each in answers]


def retry(database: Database, job_ids: Sequence[str]) -> list[bool]:
    """Make final jobs ready again; see `JobStore.retry_many`."""
    return [each == 1 for each in _asked(database, "retry", job_ids)]


def asked_to_stop(database: Database, worker: str) -> list[tuple[int | str, int]]:
    """Return (ref, attempt) of the running jobs of a worker that somebody asked to stop."""
    return [(place.decode(), attempt) for place, attempt in database.read("asked_to_stop", worker)]


def held_by(database: Database, worker: str) -> list[Holding]:
    """Return the jobs that a worker runs."""
    found = database.read("held_by", worker)
    return [
        Holding(place.decode(), job_id.decode(), attempt, queue.decode(), _text(key), _text(flow), bool(again))
        for place, job_id, attempt, queue, key, flow, again in found
    ]


def _text(said: bytes | None) -> str | None:
    return None if said is None else said.decode()


def _asked(database: Database, script: str, job_ids: Sequence[str]) -> list[Any]:
    """Run a script on what are ids of jobs; returns its answers, None for what is no id."""
    known = [job_id.lower() for job_id in job_ids if is_uuid(job_id)]
    answers = iter(database.write(script, orjson.dumps(known)) if known else ())
    return [next(answers) if is_uuid(job_id) else None for job_id in job_ids]

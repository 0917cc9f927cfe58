"""Jobs as they move to and from a Redis server: their fields, what lies apart of them, and their history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from nuvom._ids import raw, text
from nuvom._job import DEFAULT_MAX_CRASHES, NewJob
from nuvom.stores.redis.bodies import write_body
from nuvom.stores.transfer import AttemptRow, JobRow, Key, Row

_LARGE = ("value", "error", "progress")
_TEXTS = ("task", "queue", "key", "flow")
_ZEROS = ("attempt", "errors", "crashes", "defers")  # which are not there where they are 0
_NUMBERS = (
    "priority", "run_at", "created_at", "max_crashes", "retries", "started_at", "finished_at", "scheduled_for",
    "expires_at", "unique_until", "cancel_at",
)  # fmt: skip


def read_job(key: Key, found: Sequence[Any]) -> Row:
    """Return a job of its fields, its body, what is large of it, its history, and whether its end is untold."""
    flat, body, large, attempts, untold = found
    fields = _table(flat)
    apart = _table(large)
    task, arguments, schedule_name, options, metadata, context = orjson.loads(body or b"")
    schedule_id, unique = fields.get("schedule"), fields.get("unique")
    texts = {name: _text(fields.get(name)) for name in (*_TEXTS, "state", "waits_for")}
    numbers = {name: _number(fields.get(name)) for name in (*_NUMBERS, *_ZEROS)}
    zeros = {name: numbers[name] or 0 for name in _ZEROS}
    values = {name: apart[name] if fields.get(name) == b"" and name in apart else fields.get(name) for name in _LARGE}
    said: dict[str, Any] = {
        **texts,
        **numbers,
        **zeros,
        **values,
        "id": key[0],
        "task": texts["task"] or task,
        "max_crashes": DEFAULT_MAX_CRASHES if numbers["max_crashes"] is None else numbers["max_crashes"],
        "arguments": arguments.encode(),
        "options": _encoded(options),
        "metadata": _encoded(metadata),
        "context": _encoded(context),
        "schedule_name": schedule_name,
        "schedule_id": None if schedule_id is None else raw(schedule_id.decode()),
        "suspect": "suspect" in fields,
        "backfill": "backfill" in fields,
        "unique_key": _text(unique),
        "untold": untold is not None,
        "attempts": tuple(map(_attempt, attempts)),
    }
    return JobRow(**said)


def write_job(row: Row) -> tuple[bytes, str]:
    """Return a job as copy_jobs.lua takes it: JSON, and its body."""
    job = JobRow(*row)
    fields: dict[str, str | None] = {
        **{name: getattr(job, name) for name in _TEXTS},
        **{name: _word(getattr(job, name)) for name in _NUMBERS},
        **{name: _word(getattr(job, name) or None) for name in _ZEROS},
        "schedule": None if job.schedule_id is None else text(job.schedule_id),
        "suspect": "1" if job.suspect else None,
        "backfill": "1" if job.backfill else None,
        "unique": job.unique_key,
    }
    large = {name: getattr(job, name) for name in _LARGE}
    said = {
        "id": text(job.id),
        "state": job.state,
        "waits_for": job.waits_for,
        "untold": job.untold or None,
        "fields": {name: value for name, value in fields.items() if value is not None},
        "large": {name: value.decode() for name, value in large.items() if value is not None},
        "attempts": [_attempt_words(AttemptRow(*each)) for each in job.attempts],
    }
    return orjson.dumps({name: value for name, value in said.items() if value is not None}), _body(job)


def _body(job: JobRow) -> str:
    kept = (job.task, job.arguments, job.schedule_name, job.options, job.metadata, job.context)
    task, arguments, schedule_name, options, metadata, context = kept
    return write_body(
        NewJob(
            "", task, arguments, schedule_name=schedule_name, options=options, metadata=metadata, context=context
        )
    )  # fmt: skip


def _attempt(words: bytes) -> AttemptRow:
    number, worker, started_at, ended_at, error = orjson.loads(words)
    return AttemptRow(number, worker, _number(started_at), int(ended_at), _encoded(error))


def _attempt_words(attempt: AttemptRow) -> str:
    error = None if attempt.error is None else attempt.error.decode()
    return orjson.dumps([attempt.attempt, attempt.worker, attempt.started_at, attempt.ended_at, error]).decode()


def _table(flat: Sequence[bytes]) -> Mapping[str, bytes]:
    return {name.decode(): value for name, value in zip(flat[::2], flat[1::2], strict=True)}


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()


def _encoded(value: str | None) -> bytes | None:
    return None if value is None else value.encode()


def _number(value: bytes | int | None) -> int | None:
    return None if value is None else int(value)


def _word(value: int | None) -> str | None:
    return None if value is None else str(value)

"""Jobs as the server keeps them and as people look at them: strict for what a worker runs, lenient for people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from nuvom._clock import EPOCH, from_us
from nuvom._job import DEFAULT_MAX_CRASHES, ClaimedJob, Job, JobState, NewJob
from nuvom.stores.rows import moment, read_error, read_progress

_NO_ARGUMENTS = b"[[],{}]"
_FIRST = (None, 1, 0, 0, 0, 0, None, None, None, None)  # of a job that came in the quick way and was never started

_new = tuple.__new__


def write_body(job: NewJob) -> str:
    """Return what no script looks into, as JSON; what is JSON already stays the text that it is."""
    return orjson.dumps(
        [
            job.task,
            job.arguments.decode(),
            job.schedule_name,
            None if job.options is None else job.options.decode(),
            None if job.metadata is None else job.metadata.decode(),
            None if job.context is None else job.context.decode(),
        ]
    ).decode()


class ClaimedJobs:
    """Turns what a claim answers into jobs; raises ValueError or TypeError for one that does not decode."""

    def __init__(self, started_at: datetime) -> None:
        self._started_at = started_at
        self._run_us: int | None = None  # jobs that were pushed together share their times
        self._run_at = EPOCH

    def job(self, changing: Sequence[Any], body: bytes) -> ClaimedJob:
        """Return a job of what changes of it and of its body."""
        place, queue, priority, run_us, max_crashes, *rest = changing
        created_us, attempt, errors, crashes, defers, suspect, key, flow, schedule_id, scheduled_for = rest or _FIRST
        task, arguments, schedule_name, options, metadata, context = orjson.loads(body)
        if run_us != self._run_us:
            self._run_at, self._run_us = from_us(run_us), run_us
        ref = place.decode()
        fields = (
            ref,
            ref[12:],
            task,
            arguments.encode(),
            queue.decode(),
            int(priority),
            self._run_at,
            self._started_at,
            self._run_at if created_us is None else from_us(int(created_us)),
            attempt,
            errors,
            crashes,
            int(max_crashes),
            defers,
            suspect == 1,
            None if key is None else key.decode(),
            None if schedule_id is None else schedule_id.decode(),
            schedule_name,
            None if scheduled_for is None else from_us(int(scheduled_for)),
            None if options is None else _checked("options", options),
            None if metadata is None else _checked("metadata", metadata),
            None if flow is None else flow.decode(),
            None if context is None else _checked("context", context),
        )
        return _new(ClaimedJob, fields)


def read_job(job_id: str, fields: dict[bytes, bytes], body: bytes | None) -> Job:
    """Return a job to be looked at; what does not decode is left out."""
    task, arguments, schedule_name, options, metadata, context = _lenient(body)
    said = {name.decode(): value for name, value in fields.items()}
    error, progress = said.get("error"), said.get("progress")
    return Job(
        id=job_id,
        task=_text(said.get("task")) or task,
        arguments=arguments,
        queue=_text(said.get("queue")) or "",
        priority=_number(said.get("priority")),
        state=JobState(_text(said.get("state")) or "failed"),
        run_at=_moment(said.get("run_at")) or EPOCH,
        created_at=_moment(said.get("created_at")) or EPOCH,
        started_at=_moment(said.get("started_at")),
        finished_at=_moment(said.get("finished_at")),
        attempt=_number(said.get("attempt")),
        errors=_number(said.get("errors")),
        retries=None if "retries" not in said else _number(said["retries"]),
        crashes=_number(said.get("crashes")),
        max_crashes=_number(said.get("max_crashes"), DEFAULT_MAX_CRASHES),
        defers=_number(said.get("defers")),
        suspect="suspect" in said,
        worker=_text(said.get("worker")) or None,
        key=_text(said.get("key")),
        schedule_id=_text(said.get("schedule")),
        schedule_name=schedule_name,
        scheduled_for=_moment(said.get("scheduled_for")),
        value=said.get("value"),
        error=None if error is None else read_error(error),
        options=options,
        metadata=metadata,
        waits_for=_text(said.get("waits_for")),
        flow=_text(said.get("flow")),
        cancel_at=_moment(said.get("cancel_at")),
        progress=None if progress is None else read_progress(progress),
        expires_at=_moment(said.get("expires_at")),
        context=context,
    )


def _checked(name: str, source: str) -> bytes:
    if not isinstance(orjson.loads(source), dict):
        raise ValueError(f"{name} is no JSON object")
    return source.encode()


def _lenient(body: bytes | None) -> tuple[str, bytes, str | None, bytes | None, dict[str, Any], dict[str, Any]]:
    try:
        task, arguments, schedule_name, options, metadata, context = orjson.loads(body or b"")
        as_bytes = None if options is None else options.encode()
        return task, arguments.encode(), schedule_name, as_bytes, _object(metadata), _object(context)
    except (ValueError, TypeError, AttributeError):
        return "", _NO_ARGUMENTS, None, None, {}, {}


def _object(source: str | None) -> dict[str, Any]:
    try:
        found = {} if source is None else orjson.loads(source)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="replace")


def _number(value: bytes | None, instead: int = 0) -> int:
    try:
        return instead if value is None else int(value)
    except ValueError:
        return instead


def _moment(value: bytes | None) -> datetime | None:
    return None if value is None else moment(_number(value))

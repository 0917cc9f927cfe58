"""Rows of jobs as values: strict for what a worker runs, lenient for what people look at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson

from nuvom._clock import EPOCH, from_us, to_us
from nuvom._ids import text
from nuvom._job import Attempt, ClaimedJob, Job, JobError, JobState, Progress, TaskDefaults
from nuvom._schedule import Occurrence, OccurrenceOutcome

Row = tuple[Any, ...]

_new = tuple.__new__


class ClaimedRows:
    """Turns rows of claim.sql into jobs of one claim; raises ValueError, TypeError or OverflowError as they decode."""

    def __init__(self, started_at: datetime) -> None:
        self._started_at = started_at
        self._run_us: int | None = None  # jobs that were pushed together share their times
        self._run_at = EPOCH

    def job(self, row: Row) -> ClaimedJob:
        """Return the job of a row."""
        (
            seq, id_, task, arguments, queue, priority, run_us, created_us, attempt, errors, crashes, max_crashes,
            defers, suspect, key, schedule_id, schedule_name, scheduled_for, options, metadata, flow, context,
        ) = row  # fmt: skip
        if run_us != self._run_us:
            self._run_at, self._run_us = from_us(run_us), run_us
        if options is not None:
            _check_object("options", options)
        if metadata is not None:
            _check_object("metadata", metadata)
        if context is not None:
            _check_object("context", context)
        fields = (
            seq,
            text(id_),
            task,
            arguments,
            queue,
            priority,
            self._run_at,
            self._started_at,
            self._run_at if created_us == run_us else from_us(created_us),
            attempt,
            errors,
            crashes,
            max_crashes,
            defers,
            suspect == 1,
            key,
            None if schedule_id is None else _uuid(schedule_id),
            schedule_name,
            None if scheduled_for is None else from_us(scheduled_for),
            options,
            metadata,
            flow,
            context,
        )
        return _new(ClaimedJob, fields)


def job(row: Row) -> Job:
    """Return the job of a row of get_job.sql; what does not decode is left out, so that it can be looked at."""
    (
        id_, task, arguments, queue, priority, state, run_at, created_at, started_at, finished_at, attempt, errors,
        retries, crashes, max_crashes, defers, suspect, worker, key, schedule_id, schedule_name, scheduled_for, value,
        error, options, metadata, waits_for, flow, cancel_at, progress, expires_at, context,
    ) = row  # fmt: skip
    return Job(
        id=text(id_),
        task=task,
        arguments=arguments,
        queue=queue,
        priority=priority,
        state=JobState(state),
        run_at=moment(run_at) or EPOCH,
        created_at=moment(created_at) or EPOCH,
        started_at=moment(started_at),
        finished_at=moment(finished_at),
        attempt=attempt,
        errors=errors,
        retries=retries,
        crashes=crashes,
        max_crashes=max_crashes,
        defers=defers,
        suspect=bool(suspect),
        worker=worker,
        key=key,
        schedule_id=None if schedule_id is None else text(schedule_id),
        schedule_name=schedule_name,
        scheduled_for=moment(scheduled_for),
        value=value,
        error=None if error is None else read_error(error),
        options=options,
        metadata=_object(metadata),
        waits_for=waits_for,
        flow=flow,
        cancel_at=moment(cancel_at),
        progress=None if progress is None else read_progress(progress),
        expires_at=moment(expires_at),
        context=_object(context),
    )


def attempt(row: Row) -> Attempt:
    """Return the attempt of a row of attempts.sql."""
    number, worker, started_at, ended_at, error = row
    return Attempt(
        number=number,
        worker=worker,
        started_at=moment(started_at),
        ended_at=moment(ended_at) or EPOCH,
        error=None if error is None else read_error(error),
    )


def task_defaults(reported: Sequence[Any]) -> TaskDefaults:
    """Return what a worker reported of a task, by the columns of task_defaults.sql after the first."""
    queue, priority, max_crashes, expires_us, concurrency, rate, unique, key = reported
    expires_in = None if expires_us is None else expires_us / 1_000_000
    return TaskDefaults(queue, priority, max_crashes, expires_in, concurrency, rate, unique, key)


def read_occurrence(row: Row) -> Occurrence:
    """Return the occurrence of a row of occurrences.sql."""
    schedule_id, nominal, source, outcome, reason, job_id, lateness, recorded_at, last, count, status, *times = row
    started_at, finished_at, utc_offset = times
    return Occurrence(
        schedule_id=text(schedule_id),
        nominal=from_us(nominal),
        source=source,
        outcome=OccurrenceOutcome(outcome),
        reason=reason,
        job_id=None if job_id is None else text(job_id),
        lateness=None if lateness is None else timedelta(microseconds=lateness),
        recorded_at=from_us(recorded_at),
        last=None if last is None else from_us(last),
        count=count,
        job_status=None if status is None else JobState(status).status,
        job_started_at=None if started_at is None else from_us(started_at),
        job_finished_at=None if finished_at is None else from_us(finished_at),
        utc_offset=utc_offset,
    )


def write_error(error: JobError) -> bytes:
    """Return an error as JSON; what UTF-8 cannot carry becomes a question mark."""
    fields = {"kind": error.kind, "type": error.type, "message": error.message, "traceback": error.traceback}
    try:
        return orjson.dumps(fields)
    except TypeError:  # lone surrogates
        return orjson.dumps({name: value.encode(errors="replace").decode() for name, value in fields.items()})


def read_error(data: bytes) -> JobError:
    """Return the error of `write_error`'s JSON."""
    try:
        fields = orjson.loads(data)
        return JobError(**{name: str(fields.get(name, "")) for name in ("kind", "type", "message", "traceback")})
    except (ValueError, AttributeError):
        return JobError("corrupt", message="the stored error does not decode")


def write_progress(progress: Progress) -> bytes:
    """Return a report as JSON; what UTF-8 cannot carry becomes a question mark."""
    note = None if progress.note is None else progress.note.encode(errors="replace").decode()
    return orjson.dumps({"done": progress.done, "total": progress.total, "note": note, "at": to_us(progress.at)})


def read_progress(data: bytes) -> Progress | None:
    """Return the report of `write_progress`'s JSON; None for what is none."""
    try:
        fields = orjson.loads(data)
        return Progress(fields["done"], fields["total"], fields["note"], from_us(fields["at"]))
    except (ValueError, TypeError, KeyError, OverflowError):
        return None


def _check_object(name: str, data: bytes) -> None:
    if not isinstance(orjson.loads(data), dict):
        raise ValueError(f"{name} is no JSON object")


def _uuid(data: bytes) -> str:
    if len(data) != 16:
        raise ValueError("schedule_id does not have 16 bytes")
    return text(data)


def _object(data: bytes | None) -> dict[str, Any]:
    try:
        found = {} if data is None else orjson.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def moment(microseconds: int | None) -> datetime | None:
    """Return the datetime of microseconds since 1970; None for none, and for what no datetime can hold."""
    try:
        return None if microseconds is None else from_us(microseconds)
    except OverflowError:
        return None

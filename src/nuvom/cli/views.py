"""Stored values as JSON has them: the fields that `--json` promises, and their values for people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import orjson

if TYPE_CHECKING:
    from nuvom._job import Attempt, Job, JobError
    from nuvom._schedule import Occurrence, ScheduleEnvelope
    from nuvom.cli.picture import QueueLine
    from nuvom.inquiry.audit import AuditReport
    from nuvom.inquiry.why import Why
    from nuvom.stores.values import QueueStats, WorkerInfo
    from nuvom.triggers.anomalies import Anomaly


def job_fields(job: Job) -> dict[str, Any]:
    """Return a job for programs."""
    args, kwargs = _arguments(job.arguments)
    return {
        "id": job.id,
        "task": job.task,
        "status": job.status.value,
        "state": job.state.value,
        "attempt": job.attempt,
        "result": _loaded(job.value),
        "error": _error(job.error),
        "queue": job.queue,
        "priority": job.priority,
        "run_at": job.run_at,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "errors": job.errors,
        "retries": job.retries,
        "crashes": job.crashes,
        "max_crashes": job.max_crashes,
        "worker": job.worker,
        "schedule_id": job.schedule_id,
        "schedule_name": job.schedule_name,
        "scheduled_for": job.scheduled_for,
        "waits_for": job.waits_for,
        "flow": job.flow,
        "expires_at": job.expires_at,
        "args": args,
        "kwargs": kwargs,
        "metadata": job.metadata,
        "context": job.context,
    }


def attempt_fields(attempt: Attempt) -> dict[str, Any]:
    """Return an attempt that ended without success, for programs."""
    return {
        "attempt": attempt.number,
        "worker": attempt.worker,
        "started_at": attempt.started_at,
        "ended_at": attempt.ended_at,
        "error": _error(attempt.error),
    }


def schedule_fields(schedule: ScheduleEnvelope) -> dict[str, Any]:
    """Return a schedule for programs."""
    return schedule.to_dict()


def occurrence_fields(row: Occurrence) -> dict[str, Any]:
    """Return a row of the ledger for programs."""
    return {
        "nominal": row.nominal,
        "outcome": row.outcome.value,
        "source": row.source,
        "reason": row.reason,
        "lateness": row.lateness.total_seconds() if row.lateness is not None else None,
        "recorded_at": row.recorded_at,
        "job_id": row.job_id,
        "job_status": row.job_status.value if row.job_status else None,
        "job_started_at": row.job_started_at,
        "job_finished_at": row.job_finished_at,
        "last": row.last,
        "count": row.count,
    }


def anomaly_fields(anomaly: Anomaly, zone: str) -> dict[str, Any]:
    """Return what a clock change does to a schedule, for programs; `first` and `last` are on the zone's clock."""
    from nuvom.triggers.anomalies import sentence

    fields = anomaly._asdict()
    return {**fields, "jump": anomaly.jump.total_seconds(), "text": sentence(anomaly, ZoneInfo(zone))}


def why_fields(why: Why) -> dict[str, Any]:
    """Return why a schedule did or did not run, for programs."""
    return {
        "schedule_id": why.schedule_id,
        "schedule_name": why.schedule_name,
        "timezone_name": why.timezone_name,
        "asked": why.asked,
        "nominal": why.nominal,
        "ran": why.ran,
        "verdict": why.verdict,
        "text": why.text,
        "more": why.more,
        "occurrence": None if why.occurrence is None else occurrence_fields(why.occurrence),
        "job": None if why.job is None else job_fields(why.job),
    }


def audit_fields(report: AuditReport) -> dict[str, Any]:
    """Return what an audit found, for programs."""
    return {"clean": report.clean, **asdict(report)}


def queue_line_fields(line: QueueLine, now: datetime) -> dict[str, Any]:
    """Return a queue with what waits in it and what ended lately, for programs; `oldest_age` is seconds."""
    return {**asdict(line), "oldest_age": line.oldest_age(now), "per_minute": line.per_minute}


def running_fields(job: Job) -> dict[str, Any]:
    """Return what a process runs, for programs."""
    return {
        "id": job.id,
        "task": job.task,
        "queue": job.queue,
        "attempt": job.attempt,
        "started_at": job.started_at,
        "progress": None if job.progress is None else job.progress._asdict(),
    }


def queue_fields(queue: QueueStats) -> dict[str, Any]:
    """Return what waits and runs in a queue, for programs."""
    fields = queue._asdict()
    pause = fields.pop("pause")
    said = {"note": pause.note, "since": pause.since} if pause else {"note": None, "since": None}
    return {**fields, "paused": pause is not None, **said}


def worker_fields(worker: WorkerInfo, jobs: Iterable[Job]) -> dict[str, Any]:
    """Return a worker's or scheduler's process for programs, with what it runs."""
    return {
        "id": worker.id,
        "kind": worker.kind,
        "alive": worker.alive,
        "host": worker.host,
        "pid": worker.pid,
        "version": worker.version,
        "queues": None if worker.queues is None else list(worker.queues),
        "tasks": list(worker.tasks),
        "running": worker.running,
        "started_at": worker.started_at,
        "beat_at": worker.beat_at,
        "jobs": [running_fields(job) for job in jobs],
    }


def _error(error: JobError | None) -> dict[str, str] | None:
    if error is None:
        return None
    return {"kind": error.kind, "type": error.type, "message": error.message, "traceback": error.traceback}


def _loaded(value: bytes | None) -> Any:
    return None if value is None else orjson.loads(value)


def _arguments(stored: bytes) -> tuple[Any, Any]:
    try:
        args, kwargs = orjson.loads(stored)
    except ValueError:  # a row that does not decode is shown all the same
        return None, None
    return args, kwargs

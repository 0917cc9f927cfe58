"""What became of an occurrence's job, in words. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from nuvom._job import Job, JobState, JobStatus
from nuvom._moments import distance, span
from nuvom._schedule import Occurrence, Overlap, ScheduleEnvelope
from nuvom.stores.values import Flow, QueuePause, WorkerInfo


class Restraint(NamedTuple):
    """What keeps a job from being claimed."""

    flow: Flow | None = None  # it waits for a place in there
    pause: QueuePause | None = None  # its queue is paused


def started(row: Occurrence, job: Job | None) -> bool:
    """Tell whether the job of a row was ever started."""
    if job is not None and job.started_at is not None:
        return True
    return row.job_started_at is not None or row.job_status in (JobStatus.RUNNING, JobStatus.SUCCEEDED)


def of_job(
    row: Occurrence,
    job: Job | None,
    workers: Sequence[WorkerInfo],
    envelope: ScheduleEnvelope,
    now: datetime,
    at: Callable[[datetime | None], str],
    restraint: Restraint,
) -> tuple[str, str]:
    """Return one word and one sentence for what became of a dispatched row's job.

    Args:
        row: the row.
        job: its job, None where that is pruned.
        workers: the processes that the store knows.
        envelope: the schedule.
        now: the store's clock.
        at: how a time is told.
        restraint: what keeps the job from being claimed, if something does.
    """
    if job is None:
        return _pruned(row, at)
    match job.state:
        case JobState.READY:
            return "queued", f"still queued: {_paused(job, restraint, at) or _waiting(job, workers)}"
        case JobState.DELAYED if job.errors or job.attempt:
            failed = f"failed {job.errors} time{'' if job.errors == 1 else 's'}: {_error(job)}; " if job.errors else ""
            return "queued", f"{failed}tried again {at(job.run_at)}, {distance(job.run_at, now)}"
        case JobState.DELAYED:
            return "queued", f"waits until {at(job.run_at)}, {distance(job.run_at, now)}"
        case JobState.HELD:
            return "queued", f"held: {filled(restraint.flow, now) if job.waits_for == 'flow' else _holder(envelope)}"
        case JobState.RUNNING:
            return "running", f"running since {at(job.started_at)}, for {_for(job.started_at, now)}"
        case JobState.FAILED:
            return "failed", f"failed {at(job.finished_at)}: {_error(job)}; see `nuvom jobs show {job.id}`"
        case _:
            return job.status.value, _ended(job, envelope, at)


def _pruned(row: Occurrence, at: Callable[[datetime | None], str]) -> tuple[str, str]:
    if row.job_status is None:
        return "unrecorded", f"its job {row.job_id} is not in the store and left no outcome"
    took = f", after {_for(row.job_started_at, row.job_finished_at)}" if row.job_started_at else ""
    return row.job_status.value, f"{row.job_status} {at(row.job_finished_at)}{took}; the job itself is pruned"


def _ended(job: Job, envelope: ScheduleEnvelope, at: Callable[[datetime | None], str]) -> str:
    ended = f"{job.status} {at(job.finished_at)}"
    if job.state is JobState.EXPIRED:
        grace = f" within its grace of {span(envelope.grace)}" if envelope.grace is not None else " in time"
        return f"{ended}: it was not started{grace}"
    if job.state is JobState.CANCELLED:
        return ended if job.started_at else f"{ended} before it was started"
    return f"{ended}, after {_for(job.started_at, job.finished_at)}"


def _paused(job: Job, restraint: Restraint, at: Callable[[datetime | None], str]) -> str | None:
    if restraint.pause is None:
        return None
    note = f" ({restraint.pause.note})" if restraint.pause.note else ""
    return f"queue `{job.queue}` is paused since {at(restraint.pause.since)}{note}; `nuvom queues resume {job.queue}`"


def _waiting(job: Job, workers: Sequence[WorkerInfo]) -> str:
    """Say why a ready job is not running."""
    live = [worker for worker in workers if worker.alive and worker.kind == "worker"]
    serving = [worker for worker in live if worker.queues is None or job.queue in worker.queues]
    if not live:
        return "no worker is alive; start one: `nuvom runworker`, or `nuvom run`"
    if not serving:
        return f"no worker serves queue `{job.queue}`; start one: `nuvom runworker -Q {job.queue}`"
    if not any(job.task in worker.tasks for worker in serving):
        return f"no worker of queue `{job.queue}` has the task {job.task}"
    running = sum(worker.running for worker in serving)
    if job.suspect:
        return "its process died while it ran, so it waits to run alone in one"
    busy = f"{running} other job{'' if running == 1 else 's'}"
    if len(serving) == 1:
        return f"1 worker serves queue `{job.queue}` and runs {busy}"
    return f"{len(serving)} workers serve queue `{job.queue}` and run {busy}"


def _holder(envelope: ScheduleEnvelope) -> str:
    said = "" if envelope.overlap is Overlap.ALLOW else f" (overlap={envelope.overlap.value})"
    return f"an earlier run is open{said}; see `nuvom jobs list --schedule {envelope.name or envelope.id}`"


def filled(flow: Flow | None, now: datetime) -> str:
    """Say why a flow lets nobody start now."""
    if flow is None:
        return "its flow is about to be opened"
    taken = flow.ready + flow.running
    if flow.concurrency is not None and taken >= flow.concurrency:
        soon = f" ({flow.ready} of them are about to start)" if flow.ready else ""
        return f"{taken} of {flow.concurrency} of {flow.name} run{soon}"
    if flow.opens_at is not None:
        return f"{flow.name} has used up its rate of {flow.rate}; the next may start {distance(flow.opens_at, now)}"
    return f"{flow.ready} of {flow.name} are about to start"


def _error(job: Job) -> str:
    if job.error is None:
        return "no error was kept"
    first = next(iter(job.error.message.splitlines()), "")
    text = f"{job.error.type}: {first}" if job.error.type else first or job.error.kind
    return text if job.error.kind == "error" else f"{text} ({job.error.kind})"


def _for(start: datetime | None, end: datetime | None) -> str:
    return (span(end - start) or "0 s") if start is not None and end is not None else "a time that was not kept"

"""What `stats`, `workers` and `top` show: what waits and what ended lately in each queue, and what runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from nuvom._moments import distance

if TYPE_CHECKING:
    from nuvom._app import Nuvom
    from nuvom._job import Job, Progress
    from nuvom.stores.values import QueueStats, Throughput, WorkerInfo

QUEUE_COLUMNS = ("queue", "ready", "delayed", "held", "running", "oldest", "per minute", "failed 1m", "failed 1h")
MOST_QUEUES = 100  # lines that somebody reads
RUNNING_COLUMNS = ("running job", "task", "attempt", "since", "process", "progress")


@dataclass(frozen=True, slots=True)
class QueueLine:
    """One queue: its jobs now, and those that ended lately."""

    queue: str
    ready: int = 0
    delayed: int = 0
    held: int = 0
    running: int = 0
    oldest: datetime | None = None  # since when the ready job that waits longest could have run
    succeeded_last_minute: int = 0
    failed_last_minute: int = 0
    succeeded_last_hour: int = 0
    failed_last_hour: int = 0
    paused: bool = False  # nobody takes its jobs for now

    @property
    def per_minute(self) -> int:
        """How many jobs ended within the last minute."""
        return self.succeeded_last_minute + self.failed_last_minute

    @property
    def busy(self) -> int:
        """How many jobs wait, run, or ended within the last hour."""
        ended = self.succeeded_last_hour + self.failed_last_hour
        return self.ready + self.delayed + self.held + self.running + ended

    def oldest_age(self, now: datetime) -> float | None:
        """Return for how many seconds the ready job that waits longest could have run."""
        return None if self.oldest is None else max(0.0, (now - self.oldest).total_seconds())

    def cells(self, now: datetime) -> tuple[object, ...]:
        """Return the line for people, as QUEUE_COLUMNS heads it."""
        counts = (self.ready, self.delayed, self.held, self.running)
        ended = (self.per_minute, self.failed_last_minute, self.failed_last_hour)
        queue = f"{self.queue} (paused)" if self.paused else self.queue
        return (queue, *map(_number, counts), distance(self.oldest, now), *map(_number, ended))


def queue_lines(app: Nuvom) -> list[QueueLine]:
    """Return the queues in which jobs wait, run or ended within the last hour, by name."""
    lines = {stats.queue: _line(stats) for stats in app.queues.list()}
    for ended in app.queues.throughput():
        lines[ended.queue] = _with_ended(lines.get(ended.queue) or QueueLine(ended.queue), ended)
    return [lines[name] for name in sorted(lines)]


def busiest(lines: Sequence[QueueLine], most: int) -> list[QueueLine]:
    """Return the `most` lines with the most jobs, in the order they came in."""
    if len(lines) <= most:
        return list(lines)
    kept = set(sorted(range(len(lines)), key=lambda at: (-lines[at].busy, at))[:most])
    return [line for at, line in enumerate(lines) if at in kept]


def running_cells(jobs: Sequence[Job], workers: Sequence[WorkerInfo], now: datetime) -> list[tuple[object, ...]]:
    """Return the running jobs for people, as RUNNING_COLUMNS heads them."""
    process = {worker.id: process_of(worker) for worker in workers}
    return [
        (
            job.id,
            job.task,
            job.attempt,
            distance(job.started_at, now),
            process.get(job.worker or "", job.worker),
            progress_text(job.progress),
        )
        for job in jobs
    ]


def process_of(worker: WorkerInfo) -> str:
    """Return where a process is, as text."""
    return f"{worker.host}:{worker.pid}"


def progress_text(progress: Progress | None) -> str | None:
    """Return how far a job said it is: `40/100 (40%) reading`."""
    if progress is None:
        return None
    of = "" if progress.total is None else f"/{progress.total:g}"
    percent = f"({progress.done / progress.total:.0%})" if progress.total else ""
    return " ".join(filter(None, (f"{progress.done:g}{of}", percent, progress.note)))


def _number(count: int) -> str:
    return f"{count:,}"


def _line(stats: QueueStats) -> QueueLine:
    return QueueLine(
        stats.queue, stats.ready, stats.delayed, stats.held, stats.running, stats.oldest, paused=stats.pause is not None
    )


def _with_ended(line: QueueLine, ended: Throughput) -> QueueLine:
    from dataclasses import replace

    return replace(line, **ended._asdict())

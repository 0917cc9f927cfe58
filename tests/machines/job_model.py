"""What a job store promises, as plain Python over a dictionary: slow, obvious, and independent of every store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

FINAL = ("succeeded", "failed", "cancelled")


@dataclass
class ModelJob:
    """A job as the model sees it; `seq` is the order of the pushes."""

    seq: int
    id: str
    task: str
    queue: str
    priority: int
    run_at: datetime
    state: str
    max_crashes: int
    key: str | None
    attempt: int = 0
    errors: int = 0
    crashes: int = 0
    defers: int = 0
    suspect: bool = False
    worker: str | None = None
    finished_at: datetime | None = None
    history: list[int] = field(default_factory=list)
    asked: bool = False  # to stop

    @property
    def best(self) -> tuple[int, datetime, int]:
        """Where it stands in a claim."""
        return (-self.priority, self.run_at, self.seq)


@dataclass
class JobModel:
    """Jobs, leases and two clocks."""

    now: datetime
    lease: float
    monotonic: float = 0.0
    jobs: dict[str, ModelJob] = field(default_factory=dict)
    leases: dict[str, float] = field(default_factory=dict)
    pushes: int = 0

    def in_state(self, *states: str) -> list[ModelJob]:
        return [job for job in self.jobs.values() if job.state in states]

    def live(self, worker: str) -> bool:
        return self.leases.get(worker, -1.0) > self.monotonic

    def held_by(self, worker: str) -> list[ModelJob]:
        return [job for job in self.in_state("running") if job.worker == worker]

    def loose(self, key: str | None) -> list[ModelJob]:
        """The open jobs of a key that are not held; the promise is that there is at most one."""
        return [job for job in self.in_state("ready", "delayed", "running") if key is not None and job.key == key]

    # What producers do

    def push(
        self, job_id: str, task: str, queue: str, priority: int, run_at: datetime | None, crashes: int, key: str | None
    ) -> bool:
        if job_id in self.jobs:
            return False
        at = run_at or self.now
        state = "held" if self.loose(key) else "delayed" if at > self.now else "ready"
        self.pushes += 1
        self.jobs[job_id] = ModelJob(self.pushes, job_id, task, queue, priority, at, state, crashes, key)
        return True

    def cancel(self, job_id: str) -> str:
        job = self.jobs.get(job_id)
        if job is None:
            return "not_found"
        if job.state in FINAL:
            return "finished"
        if job.state == "running":
            job.asked = True
            return "requested"
        self.end(job, "cancelled")
        return "cancelled"

    def retry(self, job_id: str) -> bool:
        job = self.jobs.get(job_id)
        if job is None or job.state not in FINAL:
            return False
        job.state = "held" if self.loose(job.key) else "ready"
        job.run_at, job.errors, job.crashes, job.suspect, job.finished_at = self.now, 0, 0, False, None
        job.asked = False
        return True

    # What workers do

    def claimable(
        self, worker: str, queues: tuple[str, ...] | None, excluding: Iterable[str], *, suspects: bool
    ) -> list[ModelJob]:
        """The ready jobs that a claim may take, best first."""
        if not self.live(worker):
            return []
        wanted = [job for job in self.in_state("ready") if job.suspect is suspects and job.task not in excluding]
        return sorted((job for job in wanted if queues is None or job.queue in queues), key=lambda job: job.best)

    def claimed(self, job_id: str, worker: str) -> ModelJob:
        job = self.jobs[job_id]
        job.state, job.worker, job.attempt = "running", worker, job.attempt + 1
        return job

    def finish(self, worker: str, job_id: str, seq: int, attempt: int, verdict: str, run_at: datetime) -> bool:
        """Record an outcome if its sender holds this very job; False: it is refused."""
        job = self.jobs.get(job_id)
        if job is None or job.seq != seq or (job.state, job.worker, job.attempt) != ("running", worker, attempt):
            return False
        job.worker = None
        if verdict == "cancelled":
            job.history.append(attempt)
        if verdict in {"failed", "retry"}:
            job.errors += 1
            job.history.append(attempt)
        if verdict in FINAL or verdict == "retry":
            job.suspect = False
        match verdict:
            case "put_back":
                job.state = "ready"
            case "retry" | "defer":
                job.state, job.run_at = "delayed", run_at
                job.defers += verdict == "defer"
            case _:
                self.end(job, verdict)
        self.settle(job)
        return True

    def settle(self, job: ModelJob) -> None:
        """End a job that was asked to stop and does not run any more."""
        if job.asked and job.state in ("ready", "delayed"):
            self.end(job, "cancelled")

    def end(self, job: ModelJob, state: str) -> None:
        """End a job and let the oldest that its key holds back go on."""
        job.state, job.worker, job.finished_at = state, None, self.now
        held = [other for other in self.in_state("held") if other.key == job.key]
        if held and not self.loose(job.key):
            following = min(held, key=lambda other: other.seq)
            following.state = "delayed" if following.run_at > self.now else "ready"

    # What time does

    def promote(self, limit: int) -> int:
        due = sorted(
            (job for job in self.in_state("delayed") if job.run_at <= self.now), key=lambda j: (j.run_at, j.seq)
        )
        for job in due[:limit]:
            job.state = "ready"
        return len(due[:limit])

    def lose(self, job: ModelJob) -> None:
        """A job whose process is gone: the first loss is free, a suspect pays, and at most once means that."""
        job.worker, paying = None, job.suspect
        job.history.append(job.attempt)
        job.crashes += int(paying)
        if job.max_crashes == 0 or (paying and job.crashes >= job.max_crashes):
            job.suspect = False
            self.end(job, "failed")
        else:
            job.state, job.suspect = "ready", True
            self.settle(job)

    def release(self, worker: str) -> int:
        lost = self.held_by(worker)
        for job in lost:
            self.lose(job)
        self.leases.pop(worker, None)
        return len(lost)

    def unregister(self, worker: str) -> None:
        for job in self.held_by(worker):
            job.state, job.worker = "ready", None
            self.settle(job)
        self.leases.pop(worker, None)

    def rescue(self) -> int:
        lost = [job for job in self.in_state("running") if not self.live(job.worker or "")]
        for job in lost:
            self.lose(job)
        return len(lost)

    def heartbeat(self, workers: Iterable[str]) -> set[str]:
        dead = {worker for worker in workers if not self.live(worker)}
        for worker in set(workers) - dead:
            self.leases[worker] = self.monotonic + self.lease
        return dead

    def reboot(self) -> None:
        self.leases.clear()

    def prune(self, keep: timedelta, keep_failed: timedelta) -> list[ModelJob]:
        """Forget what has been final for longer than is kept; returns it."""
        old = [
            job
            for job in self.jobs.values()
            if job.finished_at and job.finished_at < self.now - (keep_failed if job.state == "failed" else keep)
        ]
        return [self.jobs.pop(job.id) for job in old]

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.monotonic += seconds

    # What is seen

    def next_delayed(self) -> float | None:
        moments = [job.run_at for job in self.in_state("delayed")]
        return (min(moments) - self.now).total_seconds() if moments else None

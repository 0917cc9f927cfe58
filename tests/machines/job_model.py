"""What a job store promises, as plain Python over a dictionary: slow, obvious, and independent of every store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from nuvom._job import NewJob

FINAL = ("succeeded", "failed", "cancelled")
WAITING = ("ready", "delayed", "held")
FAIR_EVERY = 10  # openings of a flow
UNIQUE_FOR = timedelta(seconds=10)  # what the only duration of the machine means


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
    kind: str  # its task, and the value of its key
    flow: str | None  # the same, if its task has a limit
    created_at: datetime
    unique: str | None = None
    waits_for: str | None = None
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
    limits: dict[str, int] = field(default_factory=dict)  # by task
    paused: set[str] = field(default_factory=set)
    openings: Counter[str] = field(default_factory=Counter)
    pushes: int = 0

    def in_state(self, *states: str) -> list[ModelJob]:
        return [job for job in self.jobs.values() if job.state in states]

    def live(self, worker: str) -> bool:
        return self.leases.get(worker, -1.0) > self.monotonic

    def held_by(self, worker: str) -> list[ModelJob]:
        return [job for job in self.in_state("running") if job.worker == worker]

    def loose(self, key: str | None) -> list[ModelJob]:
        """The open jobs of a key that are not held; the promise is that there is at most one."""
        loose = [job for job in self.in_state(*WAITING, "running") if job.waits_for != "key"]
        return [job for job in loose if key is not None and job.key == key]

    def in_places(self, flow: str) -> list[ModelJob]:
        """The jobs that take a place of a flow; the promise is that they are never too many."""
        return [job for job in self.in_state("ready", "running") if job.flow == flow]

    def open_flows(self) -> None:
        """Give the free places of flows to the best that wait for them: the last step of all that happens."""
        waiting = [job for job in self.in_state("held") if job.waits_for == "flow"]
        for flow in {job.flow: None for job in waiting if job.flow is not None}:
            best = sorted((job for job in waiting if job.flow == flow), key=lambda job: job.best)
            room = self.limits[best[0].task] - len(self.in_places(flow))
            if room <= 0:
                continue
            turn, rest = divmod(self.openings[flow], FAIR_EVERY)
            self.openings[flow] += 1
            if rest == FAIR_EVERY - 1:  # each priority has its turn
                priorities = sorted({job.priority for job in best})
                first = next(job for job in best if job.priority == priorities[turn % len(priorities)])
                best = [first, *(job for job in best if job is not first)]
            for job in best[:room]:
                job.state, job.waits_for = "ready", None

    def forget_flows(self) -> None:
        """Forget how often flows were opened of which no job is open: a pruning does."""
        for flow in list(self.openings):
            if not any(job.flow == flow and job.finished_at is None for job in self.jobs.values()):
                del self.openings[flow]

    def may_run(self, job: ModelJob) -> None:
        """Make a job ready, or let it wait for its flow."""
        job.state, job.waits_for = ("ready", None) if job.flow is None else ("held", "flow")

    # What producers do

    def push(self, new: NewJob) -> set[str]:
        """Push a job; returns the ids of those that may be said to stand for it, none if it was stored."""
        if new.id in self.jobs:
            return {new.id}
        kind = new.task if new.kin is None else f"{new.task}:{new.kin}"
        if standing := self.standing(kind, new.unique):
            return {job.id for job in standing}
        self.pushes += 1
        job = ModelJob(
            seq=self.pushes,
            id=new.id,
            task=new.task,
            queue=new.queue or new.defaults.queue,
            priority=new.priority or 0,
            run_at=new.run_at or self.now,
            state="delayed",
            max_crashes=new.defaults.max_crashes if new.max_crashes is None else new.max_crashes,
            key=new.key,
            kind=kind,
            flow=kind if new.task in self.limits else None,
            created_at=self.now,
            unique=new.unique,
        )
        if new.waits and self.loose(job.key):
            job.state, job.waits_for = "held", "key"
        elif job.run_at <= self.now:
            self.may_run(job)
        self.jobs[job.id] = job
        return set()

    def standing(self, kind: str, unique: str | None) -> list[ModelJob]:
        same = [job for job in self.jobs.values() if job.kind == kind and job.unique is not None]
        match unique:
            case None:
                return []
            case "queued":
                return [job for job in same if job.state in WAITING]
            case "done":
                return [job for job in same if job.finished_at is None]
            case _:
                newest = max((job.created_at for job in same), default=self.now - UNIQUE_FOR)
                return [job for job in same if job.created_at == newest > self.now - UNIQUE_FOR]

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
        if self.loose(job.key):
            job.state, job.waits_for = "held", "key"
        else:
            self.may_run(job)
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
        wanted = [job for job in self.claimable_now() if job.suspect is suspects and job.task not in excluding]
        return sorted((job for job in wanted if queues is None or job.queue in queues), key=lambda job: job.best)

    def claimable_now(self) -> list[ModelJob]:
        return [job for job in self.in_state("ready") if job.queue not in self.paused]

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
                self.may_run(job)
            case "retry" | "defer":
                job.state, job.run_at = "delayed", run_at
                job.defers += verdict == "defer"
            case _:
                self.end(job, verdict)
        self.settle(job)
        return True

    def settle(self, job: ModelJob) -> None:
        """End a job that was asked to stop and does not run any more."""
        if job.asked and job.state in WAITING:
            self.end(job, "cancelled")

    def end(self, job: ModelJob, state: str) -> None:
        """End a job and let the oldest that its key holds back go on."""
        job.state, job.worker, job.finished_at, job.waits_for = state, None, self.now, None
        held = [other for other in self.in_state("held") if other.waits_for == "key" and other.key == job.key]
        if held and not self.loose(job.key):
            following = min(held, key=lambda other: other.seq)
            following.state, following.waits_for = "delayed", None
            if following.run_at <= self.now:
                self.may_run(following)

    # What time does

    def promote(self, limit: int) -> int:
        due = sorted(
            (job for job in self.in_state("delayed") if job.run_at <= self.now), key=lambda j: (j.run_at, j.seq)
        )
        for job in due[:limit]:
            self.may_run(job)
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
            self.may_run(job)
            job.suspect = True
            self.settle(job)

    def release(self, worker: str) -> int:
        lost = self.held_by(worker)
        for job in lost:
            self.lose(job)
        self.leases.pop(worker, None)
        return len(lost)

    def unregister(self, worker: str) -> None:
        for job in self.held_by(worker):
            job.worker = None
            self.may_run(job)
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
        """Forget what has been final for longer than is kept, but for the newest job; returns it."""
        newest = max((job.seq for job in self.jobs.values()), default=0)
        old = [
            job
            for job in self.jobs.values()
            if job.finished_at and job.finished_at < self.now - (keep_failed if job.state == "failed" else keep)
            if job.seq != newest and not (job.unique == "10s" and job.created_at + UNIQUE_FOR > self.now)
        ]
        return [self.jobs.pop(job.id) for job in old]

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.monotonic += seconds

    # What is seen

    def next_delayed(self) -> float | None:
        moments = [job.run_at for job in self.in_state("delayed")]
        return (min(moments) - self.now).total_seconds() if moments else None

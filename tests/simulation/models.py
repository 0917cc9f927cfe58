"""What jobs and schedules must be after each call: the models of `tests/machines` and what policies add to them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from nuvom._job import Job, NewJob
from nuvom._schedule import Occurrence, Overlap, ScheduleEnvelope, ScheduleState, run_time
from nuvom.stores.values import Once, PlanItem
from tests.machines.job_model import FINAL, JobModel, ModelJob
from tests.machines.schedule_model import CALL, MOVED, TIMES, ScheduleModel, differ, taken_over

ENDS = (*FINAL, "expired")
POLICIES = ("grace", "overlap", "jitter", "max_runs", "starts_at", "ends_at")
ALL_TIMES = (*TIMES, "starts_at", "ends_at")


@dataclass
class Jobs(JobModel):
    """Jobs that may give up, that may not wait for their key, and that may be none of their schedule's open runs."""

    pushed: dict[str, NewJob] = field(default_factory=dict)
    expires: dict[str, datetime] = field(default_factory=dict)
    asked_again: set[str] = field(default_factory=set)

    def accept(self, job: NewJob) -> set[str]:
        """Push a job as it comes; returns the ids of those that may be said to stand for it, none if it was stored."""
        if job.ousts and job.id not in self.jobs:
            self.oust(job.key)
        standing = self.push(job)
        if not standing:
            self.pushed[job.id] = job
            if job.expires_at is not None:
                self.expires[job.id] = job.expires_at
        return standing

    def retries_of(self, job_id: str) -> int:
        """Return how many retries its call allowed; the task itself allows none."""
        options = self.pushed[job_id].options
        return 0 if options is None else int(json.loads(options).get("retries", 0))

    def gives_up(self, job: ModelJob) -> bool:
        """Whether it is too late to start it."""
        expires = self.expires.get(job.id)
        return expires is not None and expires <= self.now and job.attempt == 0 and job.finished_at is None

    def claimable(
        self, worker: str, queues: tuple[str, ...] | None, excluding: Iterable[str], *, suspects: bool
    ) -> list[ModelJob]:
        found = super().claimable(worker, queues, excluding, suspects=suspects)
        return [job for job in found if not self.gives_up(job)]

    def promote(self, limit: int) -> int:
        over = [job for job in self.jobs.values() if self.gives_up(job)]
        for job in over:
            job.state, job.finished_at, job.waits_for = "expired", self.now, None
        promoted = super().promote(limit)
        for job in over:
            self.end(job, "expired")
        return promoted

    def retry(self, job_id: str) -> bool:
        job = self.jobs.get(job_id)
        if job is None or job.state not in ENDS:
            return False
        job.state = "failed"  # what it was makes no difference
        self.expires.pop(job_id, None)
        self.asked_again.add(job_id)
        return super().retry(job_id)

    def open_runs(self, schedule_id: str) -> list[ModelJob]:
        """The jobs of a schedule that are not final; backfills do not count."""
        return [
            self.jobs[job.id]
            for job in self.pushed.values()
            if job.schedule_id == schedule_id and not job.backfill and self.jobs[job.id].state not in ENDS
        ]

    def blocked(self, schedule_id: str, overlap: Overlap) -> bool:
        """Whether a schedule may not start another run now."""
        runs = self.open_runs(schedule_id)
        return any(
            overlap is Overlap.SKIP or job.key is None or (overlap is Overlap.QUEUE_ONE and job.waits_for == "key")
            for job in runs
        )

    def oust(self, key: str | None) -> None:
        """Make room for a run that takes the place of the others of its key."""
        others = [job for job in self.jobs.values() if key is not None and job.key == key and job.state not in ENDS]
        for job in others:
            if job.state == "running":
                job.asked = True
            else:
                job.state, job.finished_at, job.waits_for = "cancelled", self.now, None


@dataclass
class Schedules(ScheduleModel):
    """Schedules with policies; a row's key has its source."""

    ledger: dict[tuple[str, datetime, str], str] = field(default_factory=dict)

    def upserted(self, wanted: ScheduleEnvelope) -> tuple[str, ScheduleEnvelope]:
        stored, ended = self.live.get(wanted.id), self.ended.get(wanted.id)
        if stored is None:
            ran = ended is not None and ended.state is ScheduleState.DONE and ended.max_runs == wanted.max_runs
            if ended is not None and ran and not differ(ended, wanted, ALL_TIMES):
                return "done", ended
            return ("never" if wanted.next_run is None else "created"), wanted
        merged = taken_over(stored, wanted, (*CALL, *POLICIES))
        if differ(stored, merged, ALL_TIMES) or differ(stored, wanted, TIMES):
            merged = taken_over(merged, wanted, (*MOVED, "times_since"))
            if merged.next_run is None:
                return "never", stored
        elif merged.jitter != stored.jitter and merged.next_nominal is not None:
            merged = replace(merged, next_run=run_of(merged, merged.next_nominal))
        return ("unchanged" if merged == stored else "replaced"), merged

    def record(self, rows: Sequence[Occurrence], once: Once | None = None) -> list[Occurrence]:
        """Record rows; returns those that were new."""
        return [row for row in rows if self._adds(row, once)]

    def _adds(self, row: Occurrence, once: Once | None) -> bool:
        key = (row.schedule_id, row.nominal, row.source)
        mine = [(k, outcome) for k, outcome in self.ledger.items() if k[0] == row.schedule_id]
        known = key in self.ledger
        if once is Once.REQUEST:
            known |= any(k[2] == row.source for k, _ in mine)
        if once is Once.DISPATCH:
            known |= any(k[1] == row.nominal and outcome == "dispatched" for k, outcome in mine)
        if not known:
            self.ledger[key] = row.outcome.value
        return not known

    def moved(self, item: PlanItem, runs: int) -> None:
        """Advance a schedule that a plan was applied to."""
        stored = self.live[item.envelope.id]
        self.live[stored.id] = replace(
            stored,
            next_nominal=item.next_nominal,
            next_run=item.next_run,
            run_count=stored.run_count + runs,
            tzdata=item.tzdata or stored.tzdata,
        )


def run_of(envelope: ScheduleEnvelope, nominal: datetime) -> datetime:
    """Return when an occurrence is to run."""
    return run_time(envelope, nominal, envelope.trigger.after(nominal)) if envelope.jitter else nominal


def only_forward(before: Job, now: Job) -> None:
    """Hold that a job which is final stays as it is, and that attempts only grow."""
    if before.status.final:
        assert now == before, f"final job {now.id[-6:]} changed from {before} to {now}"
    assert now.attempt >= before.attempt, f"attempts of job {now.id[-6:]} went down"

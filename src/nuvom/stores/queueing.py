"""What a store must do with jobs and leases: two of the faces that `nuvom.stores.base` puts together."""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from nuvom._job import Attempt, ClaimedJob, Holding, Job, JobStatus, NewJob, Outcome, Pushed, Refused, Report
from nuvom.stores.values import (
    CancelAnswer,
    Claim,
    Flow,
    JobFilter,
    QueueStats,
    TaskRow,
    Throughput,
    Wakeup,
    WorkerInfo,
)


class JobStore(Protocol):
    """Jobs from push to pruning."""

    def push(self, jobs: Sequence[NewJob]) -> list[Pushed]:
        """Store all of `jobs` or none; an id that is there already changes nothing and says so.

        queue, priority, max_crashes, unique and expires_in are the call's, else those of the task's `tasks` row, else
        the job's defaults; concurrency and rate are the row's, else the defaults'. A job whose key has an open job is
        `held` if it `waits`; one whose run_at lies ahead is `delayed`; others are `ready`. Wakes idle workers.

        A job of a task with a concurrency or rate has a `flow`: the task's own name, with `:` and its kin if there is
        one. It never becomes ready but by its flow: where others would, it is `held` and waits for the flow, which is
        opened in the same transaction. As many of those that wait become ready, by priority, then run_at (at each
        tenth opening the first of a priority whose turn it is goes before them), as fit: the
        flow's ready and running jobs are at most `concurrency`, and its ready jobs and the claims of the last period at
        most its rate. So never more run at once, and never more start in any such time by the store's clock.

        A unique job is not pushed while another of the same task and kin stands for it: one that waits (`queued`), one
        that is not final (`done`), or one that was pushed within the duration, whatever became of it. The answer then
        has that one's id. Only jobs that were pushed as unique ones stand for others. Two of a kind in one batch: the
        first stands for the second.
        """
        ...

    def claim(self, claim: Claim) -> list[ClaimedJob]:
        """Turn ready jobs into running ones of a worker whose lease lives, best first; attempt grows by one.

        `BEST` and `FAIR` pass over suspects; `SUSPECT` takes at most one. Nothing of a paused queue, and nothing for a
        worker without a live row. A row that does not decode becomes `failed` with kind `corrupt`, and the rest goes
        on. A job with max_crashes=0 is returned only when its claim is on disk.
        """
        ...

    def has_ready(
        self, queues: tuple[str, ...] | None, excluding: Collection[str] = (), ready_by: datetime | None = None
    ) -> bool:
        """Tell whether a claim of the same would find something, suspects included; a plain read."""
        ...

    def has_suspects(self, queues: tuple[str, ...] | None, ready_by: datetime | None = None) -> bool:
        """Tell whether a suspect is ready; a plain read."""
        ...

    def finish(self, worker: str, outcomes: Sequence[Outcome]) -> list[Refused]:
        """Record outcomes of jobs that `worker` holds; those it does not hold change nothing and are returned.

        SUCCEEDED, FAILED and CANCELLED end the job. RETRY adds an error and delays until run_at; it, FAILED and
        CANCELLED leave a history row. DEFER delays and adds to `defers`; PUT_BACK makes the job ready again, free of
        charge. SUCCEEDED, FAILED, CANCELLED and RETRY clear the suspect mark. Ending a job with a key releases the
        oldest job held by that key in the same transaction; whatever leaves its place in a flow opens it. Wakes those
        who wait for a result, and workers when ready jobs are left behind.
        """
        ...

    def promote(self, limit: int) -> int:
        """Make at most `limit` due delayed jobs ready, oldest first, and open flows whose rate lets jobs start by now.

        Returns how many came due, and how many the rates let go. Due jobs of a flow wait for it.
        As many that were never started and whose expires_at has come end as `expired`.
        """
        ...

    def next_wakeup(self) -> Wakeup:
        """Say when the next job is due, gives up or may start by its rate, and when the earliest lease ends."""
        ...

    def get(self, job_id: str) -> Job | None:
        """Return a job, None for an id that is not (or no longer) there."""
        ...

    def attempts(self, job_id: str) -> list[Attempt]:
        """Return the attempts that ended without success, oldest first."""
        ...

    def cancel(self, job_id: str) -> CancelAnswer:
        """Cancel a job that waits; ask a running one to stop (once is enough), which wakes its worker.

        A job that was asked and does not run any more, whatever ended its attempt, is cancelled and not run again.
        """
        ...

    def cancel_many(self, job_ids: Sequence[str]) -> list[CancelAnswer]:
        """Do what `cancel` does to all of `job_ids` in one transaction; the answers are in their order."""
        ...

    def asked_to_stop(self, worker: str) -> list[tuple[int | str, int]]:
        """Return (ref, attempt) of the running jobs of a worker that somebody asked to stop; a plain read."""
        ...

    def held_by(self, worker: str) -> list[Holding]:
        """Return the jobs that a worker runs as far as the store knows; a plain read."""
        ...

    def take_untold(self, tasks: Collection[str], limit: int) -> list[str]:
        """Return the ids of at most `limit` jobs of these tasks that failed and whose worker does not know, each once.

        Those are the jobs that `release` and `rescue` end, and FAILED outcomes of a `Holding`.
        """
        ...

    def report(self, worker: str, reports: Sequence[Report]) -> None:
        """Keep how far running jobs say they are; of those that `worker` does not hold nothing changes."""
        ...

    def retry(self, job_id: str) -> bool:
        """Make a final job ready again with no errors and no crashes; attempts go on counting. False: not final."""
        ...

    def retry_many(self, job_ids: Sequence[str]) -> list[bool]:
        """Do what `retry` does to all of `job_ids` in one transaction; the answers are in their order."""
        ...

    def counts(self) -> Mapping[JobStatus, int]:
        """Return how many jobs there are of each status; costs a scan, not for loops."""
        ...

    def queues(self) -> list[QueueStats]:
        """Return each queue that has jobs waiting or running, or is paused."""
        ...

    def pause_queue(self, queue: str, note: str | None) -> bool:
        """Let no claim take anything of a queue any more; False when it was paused already: only the note changes."""
        ...

    def resume_queue(self, queue: str) -> bool:
        """Let a queue go on and wake workers; False when it was not paused."""
        ...

    def flow(self, name: str) -> Flow | None:
        """Return how full a flow is; None for one that was forgotten, or never was."""
        ...

    def throughput(self) -> list[Throughput]:
        """Return how many jobs of each queue ended within the last minute and the last hour, as they are counted.

        A batch is counted in the transaction that ends its jobs. Cancelled and expired ones did not run, and do not
        count. Queues in which none ended are left out.
        """
        ...

    def wait_final(self, job_id: str, timeout: float | None) -> Job | None:
        """Wait at most `timeout` seconds until a job is final; return it as it then is, None for an unknown id."""
        ...

    def ended(
        self, job_ids: Sequence[str], timeout: float | None
    ) -> Generator[Mapping[str, JobStatus | None], None, None]:
        """Yield the status of those of these jobs that are final, each once, None for one that is not there.

        What is final already comes first, then batches as jobs end, until all have or `timeout` seconds are over; an
        empty batch now and then lets who waits stop waiting. It sleeps until it is woken, and each look is one for all.
        Closing it ends the wait.
        """
        ...

    def list(self, wanted: JobFilter, limit: int, before: str | None = None) -> list[Job]:
        """Return jobs, newest first; `before` is the last id of the page before."""
        ...


class WorkerStore(Protocol):
    """Leases: one row a process, so that a heartbeat is one write whatever it runs."""

    def register(self, worker: WorkerInfo) -> None:
        """Start the lease of a process whose id was never used."""
        ...

    def unregister(self, worker_id: str) -> None:
        """End a lease in an orderly way; what the process still held becomes ready again, free of charge."""
        ...

    def heartbeat(self, worker_ids: Sequence[str]) -> frozenset[str]:
        """Extend these leases; returns the ids whose lease had run out, which stay dead."""
        ...

    def release(self, worker_id: str, cause: str, *, charged: bool = True) -> int:
        """End the lease of a process seen dead, and treat its running jobs as `rescue` does; returns how many.

        charged=False: it was ended for no fault of theirs, so none is suspected and none pays; all are ready again.
        """
        ...

    def rescue(self) -> int:
        """Free the running jobs of processes whose lease ran out; returns how many.

        Each loss leaves a history row (kind `crash` or `lost`). The first is free and marks a job `suspect`, ready
        again at once; a suspect that is lost pays a crash; beyond max_crashes it is `failed`. max_crashes=0: failed at
        once.
        """
        ...

    def remember_tasks(self, rows: Sequence[TaskRow]) -> None:
        """Write or replace the `tasks` rows; their limits hold from then on for the flows that there are, too."""
        ...

    def tasks(self) -> list[TaskRow]:
        """Return the `tasks` rows, by name."""
        ...

    def list(self) -> list[WorkerInfo]:
        """Return the processes with a row, live ones first."""
        ...

"""Jobs in Redis, from push to retry."""

from __future__ import annotations

import builtins
from collections.abc import Collection, Generator, Mapping, Sequence
from datetime import datetime

from nuvom._clock import to_us
from nuvom._job import Attempt, ClaimedJob, Holding, Job, JobStatus, NewJob, Outcome, Pushed, Refused, Report
from nuvom.stores.redis import claims, flows, listing, orders, promoting, queues, untold, waiting
from nuvom.stores.redis.database import Database
from nuvom.stores.redis.insert import push
from nuvom.stores.redis.listener import Hub
from nuvom.stores.redis.outcomes import finish, report
from nuvom.stores.values import CancelAnswer, Claim, Flow, JobFilter, QueueStats, Throughput, Wakeup


class RedisJobs:
    """A `nuvom.stores.base.JobStore`; the promises are written there."""

    def __init__(self, database: Database, hub: Hub) -> None:
        self._database = database
        self._hub = hub

    def push(self, jobs: Sequence[NewJob]) -> builtins.list[Pushed]:
        """Store all of `jobs` or none; an id that is there already changes nothing and says so."""
        return push(self._database, jobs)

    def claim(self, claim: Claim) -> builtins.list[ClaimedJob]:
        """Turn ready jobs into running ones of a worker whose lease lives, best first; attempt grows by one."""
        return claims.claim(self._database, claim)

    def has_ready(
        self, queues: tuple[str, ...] | None, excluding: Collection[str] = (), ready_by: datetime | None = None
    ) -> bool:
        """Tell whether a claim of the same would find something, suspects included; a plain read."""
        return claims.has_ready(self._database, queues, excluding, None if ready_by is None else to_us(ready_by))

    def has_suspects(self, queues: tuple[str, ...] | None, ready_by: datetime | None = None) -> bool:
        """Tell whether a suspect is ready; a plain read."""
        return claims.has_suspects(self._database, queues, None if ready_by is None else to_us(ready_by))

    def finish(self, worker: str, outcomes: Sequence[Outcome]) -> builtins.list[Refused]:
        """Record outcomes of jobs that `worker` holds; those it does not hold change nothing and are returned."""
        return finish(self._database, worker, outcomes)

    def promote(self, limit: int) -> int:
        """Make at most `limit` due delayed jobs ready, oldest first; returns how many. Others give up (`expired`)."""
        return promoting.promote(self._database, limit)

    def next_wakeup(self) -> Wakeup:
        """Say when the next delayed job is due or gives up, and when the earliest lease ends."""
        return promoting.next_wakeup(self._database)

    def get(self, job_id: str) -> Job | None:
        """Return a job, None for an id that is not (or no longer) there."""
        return listing.get(self._database, job_id)

    def attempts(self, job_id: str) -> builtins.list[Attempt]:
        """Return the attempts that ended without success, oldest first."""
        return listing.attempts(self._database, job_id)

    def cancel(self, job_id: str) -> CancelAnswer:
        """Cancel a job that waits, ask a running one to stop; a final one is left as it is."""
        return self.cancel_many([job_id])[0]

    def cancel_many(self, job_ids: Sequence[str]) -> builtins.list[CancelAnswer]:
        """Do what `cancel` does to all of `job_ids` in one script."""
        return orders.cancel(self._database, job_ids)

    def asked_to_stop(self, worker: str) -> builtins.list[tuple[int | str, int]]:
        """Return (ref, attempt) of the running jobs of a worker that somebody asked to stop; a plain read."""
        return orders.asked_to_stop(self._database, worker)

    def held_by(self, worker: str) -> builtins.list[Holding]:
        """Return the jobs that a worker runs as far as the store knows; a plain read."""
        return orders.held_by(self._database, worker)

    def take_untold(self, tasks: Collection[str], limit: int) -> builtins.list[str]:
        """Return the ids of jobs of these tasks that failed without their worker, each once."""
        return untold.take_untold(self._database, tasks, limit)

    def report(self, worker: str, reports: Sequence[Report]) -> None:
        """Keep how far running jobs say they are; what `worker` does not hold any more changes nothing."""
        report(self._database, worker, reports)

    def retry(self, job_id: str) -> bool:
        """Make a final job ready again with no errors and no crashes; attempts go on counting. False: not final."""
        return self.retry_many([job_id])[0]

    def retry_many(self, job_ids: Sequence[str]) -> builtins.list[bool]:
        """Do what `retry` does to all of `job_ids` in one script."""
        return orders.retry(self._database, job_ids)

    def counts(self) -> Mapping[JobStatus, int]:
        """Return how many jobs there are of each status."""
        return queues.counts(self._database)

    def queues(self) -> builtins.list[QueueStats]:
        """Return each queue that has jobs waiting or running, or is paused."""
        return queues.stats(self._database)

    def pause_queue(self, queue: str, note: str | None) -> bool:
        """Let no claim take anything of a queue any more; False when it was paused already: only the note changes."""
        return queues.pause(self._database, queue, note)

    def resume_queue(self, queue: str) -> bool:
        """Let a queue go on and wake workers; False when it was not paused."""
        return queues.resume(self._database, queue)

    def flow(self, name: str) -> Flow | None:
        """Return how full a flow is; None for one that was forgotten, or never was."""
        return flows.look_at(self._database, name)

    def throughput(self) -> builtins.list[Throughput]:
        """Return how many jobs of each queue ended within the last minute and the last hour."""
        return queues.throughput(self._database)

    def wait_final(self, job_id: str, timeout: float | None) -> Job | None:
        """Wait at most `timeout` seconds until a job is final; return it as it then is, None for an unknown id."""
        return waiting.wait_final(self._database, self._hub, self, job_id, timeout)

    def ended(
        self, job_ids: Sequence[str], timeout: float | None
    ) -> Generator[Mapping[str, JobStatus | None], None, None]:
        """Yield which of some jobs are final, as they end, for at most `timeout` seconds."""
        return waiting.ended(self._database, self._hub, job_ids, timeout)

    def list(self, wanted: JobFilter, limit: int, before: str | None = None) -> builtins.list[Job]:
        """Return jobs, newest first; `before` is the last id of the page before."""
        return listing.jobs(self._database, wanted, limit, before)

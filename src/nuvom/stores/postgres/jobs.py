"""Jobs in PostgreSQL, from push to retry."""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
from datetime import datetime

from nuvom._clock import to_us
from nuvom._ids import is_uuid, text
from nuvom._job import Attempt, ClaimedJob, Holding, Job, JobState, JobStatus, NewJob, Outcome, Pushed, Refused, Report
from nuvom._joined import refuse_waiting
from nuvom.stores import rows
from nuvom.stores.postgres import orders, pausing, promoting, untold, waiting
from nuvom.stores.postgres.claims import Claims
from nuvom.stores.postgres.columns import columns
from nuvom.stores.postgres.database import Database, Session
from nuvom.stores.postgres.flows import look_at
from nuvom.stores.postgres.insert import push
from nuvom.stores.postgres.listener import Hub
from nuvom.stores.postgres.outcomes import finish
from nuvom.stores.postgres.throughput import throughput
from nuvom.stores.values import CancelAnswer, Claim, Flow, JobFilter, QueueStats, Throughput, Wakeup

_END = (1 << 63) - 1  # above every seq


class PostgresJobs:
    """A `nuvom.stores.base.JobStore`; the promises are written there."""

    def __init__(self, database: Database, hub: Hub) -> None:
        self._database = database
        self._hub = hub
        self._claims = Claims(database)

    def push(self, jobs: Sequence[NewJob]) -> list[Pushed]:
        """Store all of `jobs` or none; an id that is there already changes nothing and says so."""
        return push(self._database, jobs)

    def claim(self, claim: Claim) -> list[ClaimedJob]:
        """Turn ready jobs into running ones of a worker whose lease lives, best first; attempt grows by one."""
        return self._claims.claim(claim)

    def has_ready(
        self, queues: tuple[str, ...] | None, excluding: Collection[str] = (), ready_by: datetime | None = None
    ) -> bool:
        """Tell whether a claim of the same would find something, suspects included; a plain read."""
        return self._found("has_ready", queues, excluding, ready_by)

    def has_suspects(self, queues: tuple[str, ...] | None, ready_by: datetime | None = None) -> bool:
        """Tell whether a suspect is ready; a plain read."""
        return self._found("has_suspects", queues, (), ready_by)

    def finish(self, worker: str, outcomes: Sequence[Outcome]) -> list[Refused]:
        """Record outcomes of jobs that `worker` holds; those it does not hold change nothing and are returned."""
        return finish(self._database, worker, outcomes)

    def promote(self, limit: int) -> int:
        """Make at most `limit` due delayed jobs ready, oldest first; returns how many. Others give up (`expired`)."""
        return promoting.promote(self._database, limit)

    def next_wakeup(self) -> Wakeup:
        """Say when the next delayed job is due or gives up, and when the earliest lease ends; an index look."""
        return promoting.next_wakeup(self._database)

    def get(self, job_id: str) -> Job | None:
        """Return a job, None for an id that is not (or no longer) there."""
        if not is_uuid(job_id):
            return None  # what is no UUID is no job's id
        row = self._database.read(lambda session: session.row("get_job", (job_id,)))
        return None if row is None else rows.job(row)

    def attempts(self, job_id: str) -> list[Attempt]:
        """Return the attempts that ended without success, oldest first."""
        if not is_uuid(job_id):
            return []
        found = self._database.read(lambda session: session.rows("attempts", (job_id,)))
        return [rows.attempt(row) for row in found]

    def cancel(self, job_id: str) -> CancelAnswer:
        """Cancel a job that waits, ask a running one to stop; a final one is left as it is."""
        return self.cancel_many([job_id])[0]

    def cancel_many(self, job_ids: Sequence[str]) -> list[CancelAnswer]:
        """Do what `cancel` does to all of `job_ids` in one transaction."""
        return orders.cancel(self._database, job_ids)

    def asked_to_stop(self, worker: str) -> list[tuple[int | str, int]]:
        """Return (ref, attempt) of the running jobs of a worker that somebody asked to stop; a plain read."""
        found = self._database.read(lambda session: session.rows("asked_to_stop", (worker,)))
        return [(ref, attempt) for ref, attempt in found]

    def held_by(self, worker: str) -> list[Holding]:
        """Return the jobs that a worker runs as far as the store knows; a plain read."""
        found = self._database.read(lambda session: session.rows("held_by", (worker,)))
        return [Holding(seq, text(job_id), *rest) for seq, job_id, *rest in found]

    def take_untold(self, tasks: Collection[str], limit: int) -> list[str]:
        """Return the ids of jobs of these tasks that failed without their worker, each once."""
        return untold.take_untold(self._database, tasks, limit)

    def report(self, worker: str, reports: Sequence[Report]) -> None:
        """Keep how far running jobs say they are; what `worker` does not hold any more changes nothing."""
        if reports:
            said = ((each.ref, each.attempt, rows.write_progress(each.progress).decode()) for each in reports)
            parameters = {"worker": worker, **columns(("ref", "attempt", "progress"), said)}
            self._database.once(lambda session: session.execute("report", parameters))

    def retry(self, job_id: str) -> bool:
        """Make a final job ready again with no errors and no crashes; attempts go on counting. False: not final."""
        return self.retry_many([job_id])[0]

    def retry_many(self, job_ids: Sequence[str]) -> list[bool]:
        """Do what `retry` does to all of `job_ids` in one transaction."""
        return orders.retry(self._database, job_ids)

    def counts(self) -> Mapping[JobStatus, int]:
        """Return how many jobs there are of each status; costs a scan, not for loops."""
        counted = dict.fromkeys(JobStatus, 0)
        for state, count in self._database.read(lambda session: session.rows("count_jobs")):
            counted[JobState(state).status] += count
        return counted

    def queues(self) -> list[QueueStats]:
        """Return each queue that has jobs waiting or running, or is paused."""
        return self._database.read(_queues)

    def pause_queue(self, queue: str, note: str | None) -> bool:
        """Let no claim take anything of a queue any more; False when it was paused already: only the note changes."""
        return pausing.pause(self._database, queue, note)

    def resume_queue(self, queue: str) -> bool:
        """Let a queue go on and wake workers; False when it was not paused."""
        return pausing.resume(self._database, queue)

    def flow(self, name: str) -> Flow | None:
        """Return how full a flow is; None for one that was forgotten, or never was."""
        return self._database.read(lambda session: look_at(session, name))

    def throughput(self) -> list[Throughput]:
        """Return how many jobs of each queue ended within the last minute and the last hour."""
        return throughput(self._database)

    def wait_final(self, job_id: str, timeout: float | None) -> Job | None:
        """Wait at most `timeout` seconds until a job is final; return it as it then is, None for an unknown id."""
        refuse_waiting(self._database)
        return waiting.wait_final(self._database, self._hub, self, job_id, timeout)

    def ended(
        self, job_ids: Sequence[str], timeout: float | None
    ) -> Generator[Mapping[str, JobStatus | None], None, None]:
        """Yield which of some jobs are final, as they end, for at most `timeout` seconds."""
        refuse_waiting(self._database)
        return waiting.ended(self._database, self._hub, job_ids, timeout)

    def list(self, wanted: JobFilter, limit: int, before: str | None = None) -> list[Job]:
        """Return jobs, newest first; `before` is the last id of the page before."""
        if wanted.schedule_id is not None and not is_uuid(wanted.schedule_id):
            return []
        parameters = {
            "states": _states(wanted.status),
            "task": wanted.task,
            "queue": wanted.queue,
            "schedule_id": wanted.schedule_id,
            "limit": limit,
        }
        statement = "list_jobs"
        if wanted.schedule_id is not None:
            statement = "list_by_schedule"
        elif wanted.status is JobStatus.FAILED:
            statement = "list_failed"
        elif wanted.status is JobStatus.RUNNING:
            statement = "list_running"
        found = self._database.read(
            lambda session: session.rows(statement, {**parameters, "before": _seq(session, before)})
        )
        return [rows.job(row) for row in found]

    def _found(
        self,
        statement: str,
        queues: tuple[str, ...] | None,
        excluding: Collection[str],
        ready_by: datetime | None,
    ) -> bool:
        parameters = {
            "queues": None if queues is None else [*queues],
            "excluding": [*excluding] or None,
            "ready_by": None if ready_by is None else to_us(ready_by),
        }
        return self._database.read(lambda session: session.row(statement, parameters)) is not None


def _queues(session: Session) -> list[QueueStats]:
    paused = pausing.paused_queues(session)
    found = {queue: QueueStats(queue, 0, 0, 0, 0, None) for queue in paused}
    for queue, state, number, oldest_us in session.rows("queue_stats"):
        stats = found.get(queue) or QueueStats(queue, 0, 0, 0, 0, None)
        moments = [stats.oldest, rows.moment(oldest_us)]
        oldest = min((moment for moment in moments if moment), default=None)
        found[queue] = stats._replace(**{state: number + getattr(stats, state), "oldest": oldest})
    return [found[queue]._replace(pause=paused.get(queue)) for queue in sorted(found)]


def _states(status: JobStatus | None) -> list[str] | None:
    return None if status is None else [state.value for state in JobState if state.status is status]


def _seq(session: Session, before: str | None) -> int:
    """Return where a page begins; see page_start.sql."""
    if before is None:
        return _END
    if not is_uuid(before):
        return 0
    # The ids that Nuvom makes begin with milliseconds (RFC 9562); what was pushed in that very one may come twice.
    created = (int(before[:8] + before[9:13], 16) + 1) * 1000 - 1 if before[14] in "78" else None
    (seq,) = session.row("page_start", (before, created)) or (0,)
    return int(seq)

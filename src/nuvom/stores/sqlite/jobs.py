"""Jobs in SQLite, from push to retry."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Generator, Mapping, Sequence
from datetime import datetime

from nuvom._ids import raw, text
from nuvom._job import Attempt, ClaimedJob, Holding, Job, JobState, JobStatus, NewJob, Outcome, Pushed, Refused, Report
from nuvom._joined import refuse_waiting
from nuvom.stores import rows
from nuvom.stores.sqlite import claims, orders, pausing, untold, waiting
from nuvom.stores.sqlite.claims import as_json, as_us
from nuvom.stores.sqlite.database import Database
from nuvom.stores.sqlite.endings import Endings
from nuvom.stores.sqlite.flows import look_at, open_due
from nuvom.stores.sqlite.insert import insert_jobs
from nuvom.stores.sqlite.outcomes import finish
from nuvom.stores.sqlite.pausing import paused_queues, served
from nuvom.stores.sqlite.statements import load
from nuvom.stores.sqlite.throughput import throughput
from nuvom.stores.values import CancelAnswer, Claim, Flow, JobFilter, QueueStats, Throughput, Wakeup

_END = (1 << 63) - 1  # above every seq


class SqliteJobs:
    """A `nuvom.stores.base.JobStore`; the promises are written there."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def push(self, jobs: Sequence[NewJob]) -> list[Pushed]:
        """Store all of `jobs` or none; an id that is there already changes nothing and says so."""
        if not jobs:
            return []
        with self._database.write(durable=True) as connection:
            now_us, endings = self._database.now_us(), Endings()
            inserted = insert_jobs(connection, jobs, now_us, endings)
            endings.apply(connection, now_us)
            ports = self._database.ports(connection, "worker") if inserted.ready or endings.released else []
        self._database.ears.send(ports)
        return inserted.pushed

    def claim(self, claim: Claim) -> list[ClaimedJob]:
        """Turn ready jobs into running ones of a worker whose lease lives, best first; attempt grows by one."""
        return claims.claim(self._database, claim)

    def has_ready(
        self, queues: tuple[str, ...] | None, excluding: Collection[str] = (), ready_by: datetime | None = None
    ) -> bool:
        """Tell whether a claim of the same would find something, suspects included; a plain read."""
        parameters = {"queues": as_json(queues), "excluding": as_json(excluding or None), "ready_by": as_us(ready_by)}
        with self._database.read() as connection:
            if _found(connection, "has_suspects", parameters):
                return True
            if queues is None and not paused_queues(connection):
                return _found(connection, "has_ready_any", parameters)
            return _found(connection, "has_ready", {**parameters, "queues": as_json(served(connection, queues))})

    def has_suspects(self, queues: tuple[str, ...] | None, ready_by: datetime | None = None) -> bool:
        """Tell whether a suspect is ready; a plain read."""
        with self._database.read() as connection:
            parameters = {"queues": as_json(queues), "excluding": None, "ready_by": as_us(ready_by)}
            return _found(connection, "has_suspects", parameters)

    def finish(self, worker: str, outcomes: Sequence[Outcome]) -> list[Refused]:
        """Record outcomes of jobs that `worker` holds; those it does not hold change nothing and are returned."""
        return finish(self._database, worker, outcomes)

    def promote(self, limit: int) -> int:
        """Make at most `limit` due delayed jobs ready, oldest first; returns how many. Others give up (`expired`)."""
        now = {"now": self._database.now_us()}
        with self._database.read() as connection:
            due, expired = _found(connection, "has_due", now), _found(connection, "has_expired", now)
            opens = connection.execute(load("due_flows"), (now["now"], 1)).fetchone() is not None
        if not due and not expired and not opens:
            return 0
        endings = Endings()
        with self._database.write(durable=False) as connection:
            for ended in connection.execute(load("expire"), {**now, "limit": limit}).fetchall():
                endings.add(*ended)
            opened = open_due(connection, now["now"], limit) if opens else 0
            promoted = connection.execute(load("promote"), {**now, "limit": limit}).fetchall() if due else []
            for (flow,) in promoted:
                endings.moved(flow)
            endings.apply(connection, now["now"])
        endings.wake(self._database)
        if promoted or opened:
            self._database.wake("worker")
        return len(promoted) + opened

    def next_wakeup(self) -> Wakeup:
        """Say when the next delayed job is due or gives up, and when the earliest lease ends; an index look."""
        now, monotonic = self._database.now_us(), self._database.monotonic_us()
        with self._database.read() as connection:
            times = connection.execute(load("next_delayed"), (now,)).fetchone()
            parameters = {"boot": self._database.boot(), "monotonic": monotonic}
            (lease,) = connection.execute(load("next_lease"), parameters).fetchone()
        delayed = min((moment for moment in times if moment is not None), default=None)
        return Wakeup(_seconds(delayed, now), _seconds(lease, monotonic))

    def get(self, job_id: str) -> Job | None:
        """Return a job, None for an id that is not (or no longer) there."""
        if (identifier := _raw(job_id)) is None:
            return None
        with self._database.read() as connection:
            row = connection.execute(load("get_job"), {"id": identifier}).fetchone()
        return None if row is None else rows.job(row)

    def attempts(self, job_id: str) -> list[Attempt]:
        """Return the attempts that ended without success, oldest first."""
        with self._database.read() as connection:
            found = connection.execute(load("attempts"), {"id": _raw(job_id)}).fetchall()
        return [rows.attempt(row) for row in found]

    def cancel(self, job_id: str) -> CancelAnswer:
        """Cancel a job that waits, ask a running one to stop; a final one is left as it is."""
        return self.cancel_many([job_id])[0]

    def cancel_many(self, job_ids: Sequence[str]) -> list[CancelAnswer]:
        """Do what `cancel` does to all of `job_ids` in one transaction."""
        return orders.cancel(self._database, job_ids)

    def asked_to_stop(self, worker: str) -> list[tuple[int | str, int]]:
        """Return (ref, attempt) of the running jobs of a worker that somebody asked to stop; a plain read."""
        with self._database.read() as connection:
            return connection.execute(load("asked_to_stop"), (worker,)).fetchall()

    def held_by(self, worker: str) -> list[Holding]:
        """Return the jobs that a worker runs as far as the store knows; a plain read."""
        with self._database.read() as connection:
            found = connection.execute(load("held_by"), (worker,)).fetchall()
        return [
            Holding(seq, text(job_id), attempt, queue, key, flow, bool(again))
            for seq, job_id, attempt, queue, key, flow, again in found
        ]

    def take_untold(self, tasks: Collection[str], limit: int) -> list[str]:
        """Return the ids of jobs of these tasks that failed without their worker, each once."""
        return untold.take_untold(self._database, tasks, limit)

    def report(self, worker: str, reports: Sequence[Report]) -> None:
        """Keep how far running jobs say they are; what `worker` does not hold any more changes nothing."""
        if not reports:
            return
        with self._database.write(durable=False) as connection:
            parameters = [(rows.write_progress(each.progress), each.ref, each.attempt, worker) for each in reports]
            connection.executemany(load("report"), parameters)

    def retry(self, job_id: str) -> bool:
        """Make a final job ready again with no errors and no crashes; attempts go on counting. False: not final."""
        return self.retry_many([job_id])[0]

    def retry_many(self, job_ids: Sequence[str]) -> list[bool]:
        """Do what `retry` does to all of `job_ids` in one transaction."""
        return orders.retry(self._database, job_ids)

    def counts(self) -> Mapping[JobStatus, int]:
        """Return how many jobs there are of each status; costs a scan, not for loops."""
        counted = dict.fromkeys(JobStatus, 0)
        with self._database.read() as connection:
            for state, count in connection.execute(load("count_jobs")):
                counted[JobState(state).status] += count
        return counted

    def queues(self) -> list[QueueStats]:
        """Return each queue that has jobs waiting or running."""
        with self._database.read() as connection:
            paused = paused_queues(connection)
            found = {queue: QueueStats(queue, 0, 0, 0, 0, None) for queue in paused}
            for queue, state, number, oldest_us in connection.execute(load("queue_stats")):
                stats = found.get(queue) or QueueStats(queue, 0, 0, 0, 0, None)
                moments = [stats.oldest, rows.moment(oldest_us)]
                oldest = min((moment for moment in moments if moment), default=None)
                found[queue] = stats._replace(**{state: number + getattr(stats, state), "oldest": oldest})
        return [found[queue]._replace(pause=paused.get(queue)) for queue in sorted(found)]

    def pause_queue(self, queue: str, note: str | None) -> bool:
        """Let no claim take anything of a queue any more; False when it was paused already: only the note changes."""
        return pausing.pause(self._database, queue, note)

    def resume_queue(self, queue: str) -> bool:
        """Let a queue go on and wake workers; False when it was not paused."""
        return pausing.resume(self._database, queue)

    def flow(self, name: str) -> Flow | None:
        """Return how full a flow is; None for one that was forgotten, or never was."""
        with self._database.read() as connection:
            return look_at(connection, name)

    def throughput(self) -> list[Throughput]:
        """Return how many jobs of each queue ended within the last minute and the last hour."""
        return throughput(self._database)

    def wait_final(self, job_id: str, timeout: float | None) -> Job | None:
        """Wait at most `timeout` seconds until a job is final; return it as it then is, None for an unknown id."""
        refuse_waiting(self._database)
        return waiting.wait_final(self._database, self, job_id, timeout)

    def ended(
        self, job_ids: Sequence[str], timeout: float | None
    ) -> Generator[Mapping[str, JobStatus | None], None, None]:
        """Yield which of some jobs are final, as they end, for at most `timeout` seconds."""
        refuse_waiting(self._database)
        return waiting.ended(self._database, job_ids, timeout)

    def list(self, wanted: JobFilter, limit: int, before: str | None = None) -> list[Job]:
        """Return jobs, newest first; `before` is the last id of the page before."""
        parameters = {
            "states": as_json(_states(wanted.status)),
            "task": wanted.task,
            "queue": wanted.queue,
            "schedule_id": None if wanted.schedule_id is None else _raw(wanted.schedule_id) or b"",
            "limit": limit,
        }
        statement = "list_jobs"
        if wanted.schedule_id is not None:
            statement = "list_by_schedule"
        elif wanted.status is JobStatus.FAILED:
            statement = "list_failed"
        elif wanted.status is JobStatus.RUNNING:
            statement = "list_running"
        with self._database.read() as connection:
            found = connection.execute(load(statement), {**parameters, "before": _seq(connection, before)}).fetchall()
        return [rows.job(row) for row in found]


def _raw(job_id: str) -> bytes | None:
    try:
        return raw(job_id)
    except ValueError:
        return None  # what is no UUID is no job's id


def _found(connection: sqlite3.Connection, statement: str, parameters: Mapping[str, object]) -> bool:
    return connection.execute(load(statement), parameters).fetchone() is not None


def _seconds(moment_us: int | None, now_us: int) -> float | None:
    return None if moment_us is None else (moment_us - now_us) / 1_000_000


def _states(status: JobStatus | None) -> list[str] | None:
    return None if status is None else [state.value for state in JobState if state.status is status]


def _seq(connection: sqlite3.Connection, before: str | None) -> int:
    if before is None:
        return _END
    identifier = _raw(before) or b""
    # The ids that Nuvom makes begin with milliseconds (RFC 9562); what was pushed in that very one may come twice.
    timed = identifier[6:7] and identifier[6] >> 4 in (7, 8)
    created = (int.from_bytes(identifier[:6], "big") + 1) * 1000 - 1 if timed else None
    seq: int = connection.execute(load("page_start"), {"id": identifier, "created": created}).fetchone()[0]
    return seq

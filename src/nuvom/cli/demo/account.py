"""Whether everything that was due ran, and nothing else: four sources compared, none of which trusts another. Pure.

The sources are the times that plain arithmetic says, the ledger, the job table, and the file that the tasks wrote.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from nuvom._job import Job, JobState
from nuvom._schedule import Occurrence, OccurrenceOutcome
from nuvom.cli.output import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A line of the tasks' file: one start of a job."""

    job: str
    what: str
    nominal: datetime | None
    started: datetime
    attempt: int
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """A schedule and the times at which it must run, some of them perhaps after the end of the account."""

    title: str
    schedule_id: str
    due: tuple[datetime, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is found afterwards."""

    occurrences: Sequence[Occurrence]  # the ledger
    jobs: Sequence[Job]  # the job table
    runs: Sequence[Run]  # the tasks' file
    until: datetime  # what was due by then must be there; what came due later may be


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The figures of one schedule, or of the slow job."""

    title: str
    due: int = 0
    dispatched: int = 0
    run: int = 0  # due times with a run and one recorded success
    missed: int = 0
    doubled: int = 0
    recovered: int = 0  # jobs that were lost with a process and then succeeded
    latest: timedelta = timedelta(0)  # from the due time to the start, at its worst

    def plus(self, other: Line) -> Line:
        """Return both as one, under this title."""
        return Line(
            title=self.title,
            due=self.due + other.due,
            dispatched=self.dispatched + other.dispatched,
            run=self.run + other.run,
            missed=self.missed + other.missed,
            doubled=self.doubled + other.doubled,
            recovered=self.recovered + other.recovered,
            latest=max(self.latest, other.latest),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The result: a line for each schedule and for the slow job, and a sentence for each thing that is off."""

    lines: tuple[Line, ...]
    problems: tuple[str, ...]


def every_second(anchor: datetime, until: datetime) -> tuple[datetime, ...]:
    """Return the times of `interval=1`: one second after the creation, two seconds after it, and so on."""
    second = timedelta(seconds=1)
    return tuple(anchor + k * second for k in range(1, (until - anchor) // second + 1))


def every_third_second(created: datetime, until: datetime) -> tuple[datetime, ...]:
    """Return the times of `*/3 * * * * *`: whole seconds that divide by three; a minute has a whole number of them."""
    first, last = int(created.timestamp()) + 1, int(until.timestamp())
    return tuple(datetime.fromtimestamp(second, UTC) for second in range(first, last + 1) if second % 3 == 0)


def account(promises: Iterable[Promise], slow_job: str, evidence: Evidence) -> Account:
    """Compare what was promised with what is found.

    Args:
        promises: The schedules and when they were due.
        slow_job: Id of the job whose worker was killed; it must have been started again and have succeeded.
        evidence: What is found.
    """
    runs: dict[str, list[Run]] = defaultdict(list)
    for run in evidence.runs:
        runs[run.job].append(run)
    problems: list[str] = []
    lines = [_kept(promise, evidence, runs, problems) for promise in promises]
    lines.append(_recovered(slow_job, evidence, runs, problems))
    known = {job.id for job in evidence.jobs}
    problems += [f"the tasks' file has a run of job {job}, which is in no table" for job in runs if job not in known]
    ours = {promise.schedule_id for promise in promises}
    strays = [job for job in evidence.jobs if job.schedule_id not in ours and job.id != slow_job]
    problems += [f"job {job.id} of task {job.task} is in the table, and nobody asked for it" for job in strays]
    return Account(lines=tuple(lines), problems=tuple(problems))


def _kept(promise: Promise, evidence: Evidence, runs: Mapping[str, list[Run]], problems: list[str]) -> Line:
    """Return the figures of one schedule; what is off is added to `problems`."""
    rows: dict[datetime, list[Occurrence]] = defaultdict(list)
    for row in evidence.occurrences:
        if row.schedule_id == promise.schedule_id:
            rows[row.nominal].append(row)
    jobs: dict[datetime | None, list[Job]] = defaultdict(list)
    for job in evidence.jobs:
        if job.schedule_id == promise.schedule_id:
            jobs[job.scheduled_for].append(job)
    line = Line(title=promise.title)
    for nominal in promise.due:
        if nominal <= evidence.until or nominal in rows or nominal in jobs:
            due = f"{promise.title}, due {clock_time(nominal)}"
            line = line.plus(_occurrence(due, nominal, rows.pop(nominal, []), jobs.pop(nominal, []), runs, problems))
    problems += [f"{promise.title}: {clock_time(extra)} is in the ledger and was never due" for extra in rows]
    problems += [f"{promise.title}: a job for {clock_time(extra)}, which was never due" for extra in jobs]
    return line


def _occurrence(
    due: str,
    nominal: datetime,
    rows: Sequence[Occurrence],
    jobs: Sequence[Job],
    runs: Mapping[str, list[Run]],
    problems: list[str],
) -> Line:
    dispatched = [row for row in rows if row.outcome is OccurrenceOutcome.DISPATCHED]
    problems += [f"{due}: the ledger says {row.outcome}" for row in rows if row not in dispatched]
    problems += [f"{due}: dispatched before it was due" for row in dispatched if (row.recorded_at or nominal) < nominal]
    if len(dispatched) != 1:
        problems.append(f"{due}: {len(dispatched)} dispatches in the ledger, there must be one")
    if len(jobs) != 1:
        problems.append(f"{due}: {len(jobs)} jobs in the table, there must be one")
    elif dispatched and dispatched[0].job_id != jobs[0].id:
        problems.append(f"{due}: the ledger names job {dispatched[0].job_id}, the table has {jobs[0].id}")
    found = Line(title="", due=1, dispatched=len(dispatched))
    for job in jobs:
        found = found.plus(_job(due, nominal, job, runs.get(job.id, []), problems))
    extra = max(len(dispatched), len(jobs), 1) - 1
    return found.plus(Line(title="", missed=int(not dispatched or found.run == 0), doubled=extra))


def _recovered(slow_job: str, evidence: Evidence, runs: Mapping[str, list[Run]], problems: list[str]) -> Line:
    """Return the figures of the slow job: started at least twice, succeeded once."""
    jobs = [job for job in evidence.jobs if job.id == slow_job]
    line = Line(title="slow job", due=1, dispatched=len(jobs))
    if not jobs:
        problems.append(f"the slow job {slow_job} is gone from the table")
    for job in jobs:
        line = line.plus(_job("the slow job", job.run_at, job, runs.get(job.id, []), problems))
        if line.run and not line.recovered:
            problems.append("the slow job was never started again: the kill came too late to show anything")
    return line.plus(Line(title="", missed=int(line.run == 0), doubled=max(len(jobs), 1) - 1))


def _job(due: str, nominal: datetime, job: Job, runs: Sequence[Run], problems: list[str]) -> Line:
    """Return the figures of one job: it succeeded, and its record explains each of its runs.

    A job that was lost with its worker is started again under the next attempt; two runs of one attempt, or a run of an
    attempt that the record does not have, would be a job that ran twice without need.
    """
    attempts = {run.attempt for run in runs}
    unexplained = [a for a in attempts if not 1 <= a <= job.attempt]
    doubled = len(runs) - len(attempts) + len(unexplained)
    succeeded = job.state is JobState.SUCCEEDED
    if doubled:
        told = f"{counted(len(runs), 'run')} in the tasks' file, but {counted(job.attempt, 'attempt')} on job {job.id}"
        problems.append(f"{due}: {told}")
    if not succeeded:
        reason = f": {job.error.message}" if job.error else ""
        problems.append(f"{due}: job {job.id} is {job.status}, not succeeded{reason}")
    if job.attempt not in attempts:
        problems.append(f"{due}: no run of attempt {job.attempt} of job {job.id} in the tasks' file")
    problems += [
        f"{due}: attempt {r.attempt} started {ago(nominal - r.started)} early" for r in runs if r.started < nominal
    ]
    whole = succeeded and job.attempt in attempts
    return Line(
        title="",
        run=int(whole),
        doubled=doubled,
        recovered=int(whole and job.attempt > 1),
        latest=min((run.started for run in runs), default=nominal) - nominal,
    )


def clock_time(moment: datetime | None) -> str:
    """Return a time of day in UTC to the millisecond."""
    return "no time" if moment is None else f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"


def ago(span: timedelta) -> str:
    """Return a short span in milliseconds, or in seconds from one second on."""
    seconds = span.total_seconds()
    return f"{seconds * 1000:.0f} ms" if abs(seconds) < 1 else f"{seconds:.1f} s"

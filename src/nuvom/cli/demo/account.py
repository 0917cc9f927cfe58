"""Whether each due time ran or says why not, and nothing else ran: four sources, none of which trusts another. Pure.

The sources are the times that plain arithmetic says, the ledger, the job table, and the file that the tasks wrote.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from nuvom._job import Job, JobState
from nuvom._schedule import Occurrence, OccurrenceOutcome
from nuvom.cli.demo.evidence import Evidence, Promise, Run
from nuvom.cli.demo.times import ago, clock_time
from nuvom.cli.output import counted

SLOW = "slow"  # title of the job that no schedule made


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The figures of one schedule, or of the slow job; where all is well, due = run + skipped + coalesced."""

    title: str
    due: int = 0
    run: int = 0  # due times with a dispatch, a run and one recorded success
    skipped: int = 0  # due while a run was open
    coalesced: int = 0  # due together with a newer one, which stands for it
    missed: int = 0
    doubled: int = 0
    caught_up: int = 0  # came due while no scheduler was alive, and ran
    again: int = 0  # jobs that were lost with a process and then succeeded
    latest: timedelta = timedelta(0)  # from the due time to the start, at its worst

    def plus(self, other: Line) -> Line:
        """Return both as one, under this title."""
        return Line(
            title=self.title,
            due=self.due + other.due,
            run=self.run + other.run,
            skipped=self.skipped + other.skipped,
            coalesced=self.coalesced + other.coalesced,
            missed=self.missed + other.missed,
            doubled=self.doubled + other.doubled,
            caught_up=self.caught_up + other.caught_up,
            again=self.again + other.again,
            latest=max(self.latest, other.latest),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The result: figures for each schedule and the slow job, why some did not run, and all that is off."""

    lines: tuple[Line, ...]
    reasons: tuple[str, ...]  # a sentence for each schedule and each reason not to run
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """What is found of one schedule, by due time."""

    promise: Promise
    evidence: Evidence
    rows: Mapping[datetime, list[Occurrence]]
    jobs: Mapping[datetime | None, list[Job]]
    runs: Mapping[str, list[Run]]  # by job


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
    found = [_sorted(promise, evidence, runs) for promise in promises]
    lines = [_kept(each, problems) for each in found]
    lines.append(_recovered(slow_job, evidence, runs, problems))
    known = {job.id for job in evidence.jobs}
    problems += [f"the tasks' file has a run of job {job}, which is in no table" for job in runs if job not in known]
    ours = {each.promise.schedule_id for each in found}
    strays = [
        job
        for job in evidence.jobs
        if job.schedule_id not in ours and job.id != slow_job and job.id not in evidence.others
    ]
    problems += [f"job {job.id} of task {job.task} is in the table, and nobody asked for it" for job in strays]
    problems += _nothing_shown(lines)
    return Account(lines=tuple(lines), reasons=tuple(_reasons(found)), problems=tuple(problems))


def _sorted(promise: Promise, evidence: Evidence, runs: Mapping[str, list[Run]]) -> _Found:
    rows: dict[datetime, list[Occurrence]] = defaultdict(list)
    for row in evidence.occurrences:
        if row.schedule_id == promise.schedule_id:
            rows[row.nominal].append(row)
    jobs: dict[datetime | None, list[Job]] = defaultdict(list)
    for job in evidence.jobs:
        if job.schedule_id == promise.schedule_id:
            jobs[job.scheduled_for].append(job)
    return _Found(promise, evidence, dict(rows), dict(jobs), runs)


def _kept(found: _Found, problems: list[str]) -> Line:
    """Return the figures of one schedule; what is off is added to `problems`."""
    promise = found.promise
    line = Line(title=promise.title)
    for nominal in promise.due:
        if nominal <= found.evidence.until or nominal in found.rows or nominal in found.jobs:
            line = line.plus(_occurrence(found, nominal, problems))
    never = f"{promise.title}: {{}} {{}} never due"
    problems += [never.format(clock_time(t), "is in the ledger and was") for t in found.rows if t not in promise.due]
    problems += [never.format("a job for", f"{clock_time(t)}, which was") for t in found.jobs if t not in promise.due]
    if promise.alone:
        problems += _overlapping(found)
    return line


def _occurrence(found: _Found, nominal: datetime, problems: list[str]) -> Line:
    """Return the figures of one due time: one row of the ledger, and what that row says is true."""
    due = f"{found.promise.title}, due {clock_time(nominal)}"
    rows, jobs = found.rows.get(nominal, []), found.jobs.get(nominal, [])
    if len(rows) != 1:
        problems.append(f"{due}: {len(rows)} rows in the ledger, there must be one")
    for row in rows:
        problems += (f"{due}: {wrong}" for wrong in _ill_recorded(found, row))
    dropped = [row for row in rows if row.outcome is not OccurrenceOutcome.DISPATCHED]
    if rows == dropped and rows:
        problems += (f"{due}: the ledger says {rows[0].outcome}, and there is job {job.id}" for job in jobs)
        return Line(title="", due=1, doubled=len(jobs)).plus(_not_run(found.promise, rows[0]))
    if len(jobs) != 1:
        problems.append(f"{due}: {len(jobs)} jobs in the table, there must be one")
    elif rows and rows[0].job_id != jobs[0].id:
        problems.append(f"{due}: the ledger names job {rows[0].job_id}, the table has {jobs[0].id}")
    line = Line(title="")
    for job in jobs:
        line = line.plus(_job(due, nominal, job, found.runs.get(job.id, []), problems))
    ran = int(bool(rows) and line.run > 0)
    caught_up = ran if found.evidence.gap.holds(nominal) else 0
    extra = max(len(rows), len(jobs), 1) - 1
    return line.plus(Line(title="", due=1, missed=1 - ran, doubled=extra, caught_up=caught_up))


def _not_run(promise: Promise, row: Occurrence) -> Line:
    match row.outcome:
        case OccurrenceOutcome.SKIPPED_OVERLAP if promise.alone:
            return Line(title="", skipped=1)
        case OccurrenceOutcome.COALESCED if promise.newest:
            return Line(title="", coalesced=1)
        case _:
            return Line(title="", missed=1)


def _ill_recorded(found: _Found, row: Occurrence) -> Iterator[str]:
    """Yield what cannot be true of a row."""
    promise, gap, recorded = found.promise, found.evidence.gap, row.recorded_at
    if recorded is None or recorded < row.nominal:
        yield f"{row.outcome} before it was due"
        return
    if gap.holds(recorded):
        yield f"{row.outcome} while no scheduler was alive"
    newer = next((due for due in promise.due if due > row.nominal), None)
    if promise.newest and gap.holds(row.nominal) and gap.holds(newer) and row.outcome.value != "coalesced":
        yield f"{row.outcome}, though a newer one came due while no scheduler was alive"
    if row.outcome is OccurrenceOutcome.DISPATCHED:
        return
    if not row.reason:
        yield f"the ledger says {row.outcome} and not why"
    if row.outcome is OccurrenceOutcome.SKIPPED_OVERLAP and promise.alone:
        if not _was_open(found, row, recorded):
            yield "skipped for an open run, and none was open"
    elif row.outcome is OccurrenceOutcome.COALESCED and promise.newest:
        if newer is None or newer > recorded or newer not in found.rows:
            yield "coalesced, though no newer one was due"
    else:
        yield f"the ledger says {row.outcome}"


def _was_open(found: _Found, skipped: Occurrence, moment: datetime) -> bool:
    """Tell whether an earlier one had been dispatched and was not recorded as over."""
    for nominal, rows in found.rows.items():
        begun = any(row.job_id and row.recorded_at and row.recorded_at <= moment for row in rows)
        if nominal < skipped.nominal and begun:
            jobs = found.jobs.get(nominal, [])
            if any(job.finished_at is None or job.finished_at >= moment for job in jobs):
                return True
    return False


def _overlapping(found: _Found) -> Iterator[str]:
    """Yield each pair of runs that the tasks' file shows at work at the same time."""
    ids = {job.id for jobs in found.jobs.values() for job in jobs}
    runs = sorted((run for job in ids for run in found.runs.get(job, [])), key=lambda run: run.started)
    for one, next_one in pairwise(runs):
        if (one.ended or found.evidence.killed_at) > next_one.started:
            first, second = clock_time(one.nominal), clock_time(next_one.nominal)
            yield f"{found.promise.title}: the runs of {first} and of {second} overlap"


def _recovered(slow_job: str, evidence: Evidence, runs: Mapping[str, list[Run]], problems: list[str]) -> Line:
    """Return the figures of the slow job: started at least twice, succeeded once."""
    jobs = [job for job in evidence.jobs if job.id == slow_job]
    line = Line(title=SLOW, due=1)
    if not jobs:
        problems.append(f"the slow job {slow_job} is gone from the table")
    for job in jobs:
        line = line.plus(_job("the slow job", job.run_at, job, runs.get(job.id, []), problems))
        if line.run and not line.again:
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
    whole = any(run.attempt == job.attempt and run.ended for run in runs)
    if not whole:
        problems.append(f"{due}: no whole run of attempt {job.attempt} of job {job.id} in the tasks' file")
    problems += [
        f"{due}: attempt {r.attempt} started {ago(nominal - r.started)} early" for r in runs if r.started < nominal
    ]
    return Line(
        title="",
        run=int(succeeded and whole),
        doubled=doubled,
        again=int(succeeded and whole and job.attempt > 1),
        latest=min((run.started for run in runs), default=nominal) - nominal,
    )


def _nothing_shown(lines: Iterable[Line]) -> Iterator[str]:
    """Yield what the story was to show and did not: then its zeros would say nothing."""
    total = Line(title="")
    for line in lines:
        total = total.plus(line)
    if not total.skipped:
        yield "nothing was skipped for an open run: there was no overlap to show"
    if not total.coalesced:
        yield "nothing was coalesced: no two times came due together while no scheduler was alive"
    if not total.caught_up:
        yield "nothing was caught up: no time came due while no scheduler was alive"


def _reasons(found: Iterable[_Found]) -> Iterator[str]:
    for each in found:
        rows = [row for rows in each.rows.values() for row in rows if row.outcome is not OccurrenceOutcome.DISPATCHED]
        for (outcome, reason), count in Counter((row.outcome, row.reason) for row in rows).items():
            yield f"{each.promise.title:<7} {count} {outcome}: {reason}"

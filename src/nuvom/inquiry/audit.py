"""Whether the ledger says what a schedule's times call for: what is missing, doubled or unexplained. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from nuvom._clock import EPOCH
from nuvom._job import Job
from nuvom._schedule import Occurrence, OccurrenceOutcome, ScheduleEnvelope, ScheduleState, ScheduleType
from nuvom.stores.values import Retention
from nuvom.triggers import Trigger
from nuvom.triggers.zones import utc_offset

TICK = timedelta(microseconds=1)
MARGIN = timedelta(minutes=10)  # what is that close to being pruned may go while it is looked at
LISTED = 1_000  # findings that a report names; it counts the others


class Fault(StrEnum):
    """What can be wrong with the record of an occurrence."""

    MISSING = "missing"  # it came due and no row says what became of it
    DOUBLED = "doubled"  # it has more than one job
    UNEXPLAINED = "unexplained"  # a row or a job for which there is no reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong; `last` and `count` where it is about neighbours together."""

    fault: Fault
    schedule_id: str
    schedule_name: str | None
    timezone_name: str
    nominal: datetime
    last: datetime
    count: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What an audit found; all is well if `missing`, `doubled` and `unexplained` are 0.

    `expected` counts the occurrences that must have been recorded, `recorded` those that rows of the plan stand for,
    `pending` those that are due and wait: for a scheduler, for the end of a pause, or that a cancel was faster than.
    """

    schedules: int = 0
    expected: int = 0
    recorded: int = 0
    pending: int = 0
    missing: int = 0
    doubled: int = 0
    unexplained: int = 0
    start: datetime | None = None  # the earliest instant that was looked at
    end: datetime | None = None
    findings: tuple[Finding, ...] = ()  # at most 1,000

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not (self.missing or self.doubled or self.unexplained)

    def merged(self, other: AuditReport) -> AuditReport:
        """Return both reports as one."""
        sums = ("schedules", "expected", "recorded", "pending", "missing", "doubled", "unexplained")
        starts = [moment for moment in (self.start, other.start) if moment is not None]
        ends = [moment for moment in (self.end, other.end) if moment is not None]
        return AuditReport(
            **{name: getattr(self, name) + getattr(other, name) for name in sums},
            start=min(starts, default=None),
            end=max(ends, default=None),
            findings=(self.findings + other.findings)[:LISTED],
        )


class Window(NamedTuple):
    """Occurrences with start <= nominal < end must be recorded; those from `end` up to `due` are pending."""

    start: datetime
    end: datetime
    due: datetime


def kept_since(envelope: ScheduleEnvelope, keep: Retention, now: datetime, newest: Sequence[Occurrence]) -> datetime:
    """Return from which nominal time on no row of a schedule was pruned.

    Args:
        envelope: the schedule, living or ended.
        keep: how long rows are kept.
        now: the store's clock.
        newest: its newest rows, as many as are kept whatever their age.
    """
    by_age = now + MARGIN - (min(keep.frequent, keep.occurrences) if _frequent(envelope) else keep.occurrences)
    if envelope.state.ended:
        return by_age
    if len(newest) < keep.rows:
        return EPOCH
    return min(by_age, newest[-1].nominal) if newest else by_age


def _frequent(envelope: ScheduleEnvelope) -> bool:
    if envelope.interval is not None:
        return envelope.interval < 60
    fields = (envelope.cron or "").split()
    return len(fields) == 6 and not fields[0].isdecimal()


def window(
    envelope: ScheduleEnvelope, ended_at: datetime | None, kept: datetime, now: datetime, newest: Occurrence | None
) -> Window | None:
    """Return what of a schedule can be audited; None: nothing.

    Args:
        envelope: the schedule, living or ended.
        ended_at: when its life ended.
        kept: from which nominal time on all rows are kept.
        now: the store's clock.
        newest: the newest row of its plan.
    """
    since = envelope.times_since or envelope.created_at
    if envelope.schedule_type is ScheduleType.ONE_OFF and envelope.at is not None:
        start = envelope.at  # it may lie before its call
        if ended_at is not None and ended_at < kept:
            return None
    else:
        start = kept if since is None else max(kept, since + TICK)
    due = (ended_at or now) + TICK
    if not envelope.state.ended:
        end = envelope.next_nominal or due
    elif _ran_out(envelope):
        end = due
    else:  # whatever was not planned when it ended is never run
        end = start if newest is None else (newest.last or newest.nominal) + TICK
    return Window(start, max(start, end), due)


def _ran_out(envelope: ScheduleEnvelope) -> bool:
    """Whether it ended because its trigger did: then each of its times was planned."""
    spent = envelope.max_runs is not None and envelope.run_count >= envelope.max_runs
    return envelope.state is ScheduleState.DONE and not spent


def compare(envelope: ScheduleEnvelope, trigger: Trigger, looked: Window, rows: Iterable[Occurrence]) -> AuditReport:
    """Compare the times that a schedule calls for with its rows.

    Args:
        envelope: the schedule.
        trigger: its times, within its bounds.
        looked: what is audited.
        rows: newest first, of each source; last the newest one of the plan before the window, which may reach into it.
    """
    gaps: list[tuple[datetime, datetime]] = []
    strange: list[Finding] = []
    recorded, upper = 0, looked.end
    for row in rows:
        within = row.nominal >= looked.start
        problem = _unreasoned(row) if within else None
        if not row.source:
            first, last = _today(envelope, row)
            if last >= upper:  # newer rows lie inside of what this one stands for
                gaps = [(max(start, last + TICK), end) for start, end in gaps if end > last]
            follows = trigger.before(upper)
            if follows is not None and follows > last:
                gaps.append((max(last + TICK, looked.start), upper))
            if last >= looked.start:
                recorded += row.count if within else trigger.count(looked.start, last + TICK)
            if within:
                problem = problem or _off_grid(trigger, first, last, row.count, follows)
            upper = min(upper, first)
        if problem is not None:
            strange.append(_finding(Fault.UNEXPLAINED, envelope, row.nominal, row.last, row.count, problem))
    gaps.append((looked.start, upper))
    missing = list(_missing(envelope, trigger, gaps))
    return AuditReport(
        schedules=1,
        expected=trigger.count(looked.start, looked.end),
        recorded=recorded,
        pending=trigger.count(looked.end, looked.due),
        missing=sum(finding.count for finding in missing),
        unexplained=len(strange),
        start=looked.start,
        end=looked.end,
        findings=(*missing, *strange)[:LISTED],
    )


def _today(envelope: ScheduleEnvelope, row: Occurrence) -> tuple[datetime, datetime]:
    """Return a row's first and last time as the tz database of today has them."""
    moved = timedelta(0)
    if row.utc_offset is not None:
        moved = timedelta(seconds=row.utc_offset - utc_offset(envelope.timezone_name, row.nominal))
    return row.nominal + moved, (row.last or row.nominal) + moved


def _unreasoned(row: Occurrence) -> str | None:
    if row.outcome is not OccurrenceOutcome.DISPATCHED:
        return None if row.reason else f"its row says {row.outcome} and not why"
    if row.job_id is None:
        return "its row says dispatched and names no job"
    return None if row.job_status else f"its job {row.job_id} is not in the store and left no outcome"


def _off_grid(trigger: Trigger, first: datetime, last: datetime, count: int, follows: datetime | None) -> str | None:
    if follows != last and trigger.before(last + TICK) != last:
        return "there is a row, and it is not one of the schedule's times"
    if count > 1 and (expected := trigger.count(first, last + TICK)) != count:
        return f"its row stands for {count:,} occurrences where the schedule has {expected:,}"
    return None


def _missing(
    envelope: ScheduleEnvelope, trigger: Trigger, gaps: Iterable[tuple[datetime, datetime]]
) -> Iterator[Finding]:
    for start, end in gaps:
        if count := trigger.count(start, end):
            first, last = trigger.after(start - TICK), trigger.before(end)
            yield _finding(Fault.MISSING, envelope, first or start, last, count, "no row says what became of it")


def judge_jobs(
    envelope: ScheduleEnvelope,
    looked: Window,
    jobs: Iterable[tuple[Job, Sequence[Occurrence]]],
) -> AuditReport:
    """Look for the row of each job of a schedule that was pushed for a time within the window.

    Args:
        envelope: the schedule.
        looked: what is audited.
        jobs: its jobs, in any order, each with the rows of its nominal time, of each source.
    """
    found: list[Finding] = []
    for job, rows in jobs:
        nominal = job.scheduled_for
        if nominal is None or not looked.start <= nominal < looked.end:
            continue
        known = {row.job_id: row.source for row in rows if row.job_id}
        if job.id in known:
            continue
        planned = next((job_id for job_id, source in known.items() if not source), None)
        fault = Fault.DOUBLED if planned else Fault.UNEXPLAINED
        text = f"job {job.id} was pushed beside job {planned}" if planned else f"job {job.id} has no row"
        found.append(_finding(fault, envelope, nominal, None, 1, text))
    doubled = sum(finding.fault is Fault.DOUBLED for finding in found)
    return AuditReport(doubled=doubled, unexplained=len(found) - doubled, findings=tuple(found[:LISTED]))


def _finding(
    fault: Fault, envelope: ScheduleEnvelope, nominal: datetime, last: datetime | None, count: int, text: str
) -> Finding:
    return Finding(
        fault=fault,
        schedule_id=envelope.id,
        schedule_name=envelope.name,
        timezone_name=envelope.timezone_name,
        nominal=nominal,
        last=last or nominal,
        count=count,
        text=text,
    )


def sorted_findings(report: AuditReport) -> AuditReport:
    """Return a report whose findings are in the order of their times, schedule by schedule."""
    ordered = sorted(report.findings, key=lambda finding: (finding.schedule_id, finding.nominal, finding.fault))
    return replace(report, findings=tuple(ordered))

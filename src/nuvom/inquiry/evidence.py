"""What an app's store knows of a schedule, read for `audit` and `why`: page by page, so that years fit into memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from nuvom._job import Job, JobState
from nuvom._schedule import Occurrence, ScheduleEnvelope
from nuvom._times import Zone, aware
from nuvom.errors import InvalidTrigger
from nuvom.inquiry import audit as auditing
from nuvom.inquiry.audit import TICK, AuditReport
from nuvom.inquiry.clock_words import made_up, skipped_at
from nuvom.inquiry.job_words import Restraint
from nuvom.inquiry.question import question
from nuvom.inquiry.why import Facts, Why, explain
from nuvom.stores.base import Ledger
from nuvom.stores.values import JobFilter, Retention, ScheduleFilter
from nuvom.triggers import Trigger

if TYPE_CHECKING:
    from nuvom._app import Nuvom

PAGE = 500
MOST_MOVED = timedelta(hours=3)  # how far a new release of the tz database moves a local time


def retention(app: Nuvom) -> Retention:
    """Return how long the app's services keep what is over."""
    settings = app.settings
    return Retention(jobs=settings.keep_jobs, failed=settings.keep_failed, occurrences=settings.keep_occurrences)


def living_or_ended(app: Nuvom, key: str) -> tuple[ScheduleEnvelope, datetime | None]:
    """Return the schedule of a name or id, and when it ended if it did; raises ScheduleNotFound."""
    found = app.schedules.get(key, None)
    if found is not None:
        return found, None
    fence = app.store.ledger.fence(app.schedules.id_of(key))
    if fence is None:
        return app.schedules.get(key), None  # which says that there is none, with the names that are near
    return fence.envelope, fence.ended_at


def every_schedule(app: Nuvom) -> Iterator[tuple[ScheduleEnvelope, None]]:
    """Yield the living schedules, a page at a time."""
    return ((envelope, None) for envelope in app.schedules.iterate(ScheduleFilter()))


def why(app: Nuvom, key: str, when: str | datetime) -> Why:
    """Gather what is known of a schedule at a time, and say why it did or did not run then.

    Raises:
        ScheduleNotFound: there is none, and none that ended is remembered.
        ValueError: `when` is no time.
    """
    envelope, ended_at = living_or_ended(app, key)
    now, ledger, keep = app.now(), app.store.ledger, retention(app)
    asked = question(when, ZoneInfo(envelope.timezone_name), now)
    kept = auditing.kept_since(envelope, keep, now, ledger.occurrences(envelope.id, keep.rows))
    facts = Facts(envelope=envelope, now=now, question=asked, ended_at=ended_at, kept=kept)
    facts = _with_occurrence(ledger, facts)
    return explain(_with_jobs(app, facts))


def _with_occurrence(ledger: Ledger, facts: Facts) -> Facts:
    """Find the occurrence that is meant: one with a row before one without, the exact time before others."""
    envelope, trigger = facts.envelope, _trigger(facts.envelope)
    windows = _windows(ledger, facts, trigger)
    rows = [row for start, end in windows for row in islice(rows_between(ledger, envelope.id, start, end), PAGE)]
    planned = {row.nominal: row for row in reversed(rows) if not row.source}
    times = [nominal for start, end in windows if trigger for nominal in islice(trigger.between(start, end), PAGE)]
    starts = {start for start, _ in windows}
    found = sorted({*planned, *times}, key=lambda nominal: (nominal not in planned, nominal not in starts, nominal))
    nominal = found[0] if found else None
    before, after = (None, None) if nominal else _around(facts, trigger)
    return replace(
        facts,
        nominal=nominal,
        others=max(len(found), _count(trigger, windows)) - 1 if found else 0,
        row=planned.get(nominal) or _range_around(ledger, envelope.id, nominal) if nominal else None,
        by_request=[row for row in reversed(rows) if row.source],
        moved=None if nominal else _moved(ledger, facts),
        before=before,
        after=after,
    )


def _trigger(envelope: ScheduleEnvelope) -> Trigger | None:
    try:
        return envelope.trigger
    except InvalidTrigger:  # it is quarantined, and says so
        return None


def _windows(ledger: Ledger, facts: Facts, trigger: Trigger | None) -> Sequence[tuple[datetime, datetime]]:
    asked = facts.question
    if asked.word is not None:
        nominal = _last(ledger, facts, trigger) if asked.word == "last" else _next(facts)
        return ((nominal, nominal + TICK),) if nominal else ()
    if asked.windows or facts.envelope.cron is None or asked.local is None:
        return asked.windows
    # That local time does not exist: what stands for it comes at the first instant after the jump.
    moment = skipped_at(ZoneInfo(facts.envelope.timezone_name), asked.local[0])
    stands = moment is not None and made_up(facts.envelope, *asked.local)
    return ((moment, moment + TICK),) if moment is not None and stands else ()


def _last(ledger: Ledger, facts: Facts, trigger: Trigger | None) -> datetime | None:
    """Return the newest time that was due: by its rows, or by its trigger where no row is there yet."""
    envelope = facts.envelope
    newest = _newest_of_plan(ledger, envelope.id, None)
    seen = None if newest is None else newest.last or newest.nominal
    due = trigger.before((facts.ended_at or facts.now) + TICK) if trigger else None
    if due is not None and due != envelope.at and envelope.times_since is not None and due <= envelope.times_since:
        due = None
    return max(filter(None, (seen, due)), default=None)


def _next(facts: Facts) -> datetime | None:
    nominal = facts.envelope.next_nominal
    if nominal is not None and nominal <= facts.now:
        trigger = _trigger(facts.envelope)
        following = None if trigger is None else trigger.after(facts.now)
        return following or nominal
    return nominal


def _count(trigger: Trigger | None, windows: Sequence[tuple[datetime, datetime]]) -> int:
    return 0 if trigger is None else sum(trigger.count(start, end) for start, end in windows)


def _range_around(ledger: Ledger, schedule_id: str, nominal: datetime) -> Occurrence | None:
    """Return the row that stands for a range with this time in it."""
    before = _newest_of_plan(ledger, schedule_id, nominal)
    return before if before is not None and before.last is not None and before.last >= nominal else None


def _moved(ledger: Ledger, facts: Facts) -> Occurrence | None:
    """Return the row whose local time, by the tz database of then, is the one that was asked about."""
    bounds = facts.question.local
    if bounds is None or facts.envelope.cron is None:
        return None
    start, end = (_instant(bound, facts.envelope.timezone_name) for bound in bounds)
    for row in islice(rows_between(ledger, facts.envelope.id, start - MOST_MOVED, end + MOST_MOVED), PAGE):
        if row.utc_offset is not None and not row.source:
            then = row.nominal.replace(tzinfo=None) + timedelta(seconds=row.utc_offset)
            if bounds[0] <= then < bounds[1]:
                return row
    return None


def _around(facts: Facts, trigger: Trigger | None) -> tuple[datetime | None, datetime | None]:
    """Return the occurrences before and after the time that was asked about, as far as the schedule had them."""
    if trigger is None or facts.question.word is not None:
        return None, None
    bounds = facts.question.windows
    if not bounds and facts.question.local is not None:
        start, end = (_instant(bound, facts.envelope.timezone_name) for bound in facts.question.local)
        bounds = ((start, max(start, end)),)
    before, after = trigger.before(bounds[0][0]), trigger.after(bounds[-1][1] - TICK)
    since = facts.envelope.times_since
    if before is not None and before != facts.envelope.at and since is not None and before <= since:
        before = None
    return before, None if facts.envelope.state.ended else after


def _instant(bound: datetime, zone: str) -> datetime:
    return bound.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def _with_jobs(app: Nuvom, facts: Facts) -> Facts:
    rows = [row for row in (facts.row, *facts.by_request) if row is not None and row.job_id]
    found = {str(row.job_id): app.job_store.get(str(row.job_id)) for row in rows}
    jobs = {job_id: job for job_id, job in found.items() if job is not None}
    restraints = {job.id: _restraint(app, job) for job in jobs.values() if job.state in (JobState.READY, JobState.HELD)}
    return replace(facts, jobs=jobs, workers=app.workers.list(), restraints=restraints)


def _restraint(app: Nuvom, job: Job) -> Restraint:
    if job.waits_for == "flow" and job.flow is not None:
        return Restraint(flow=app.job_store.flow(job.flow))
    return Restraint(pause=next((each.pause for each in app.job_store.queues() if each.queue == job.queue), None))


def audit(
    app: Nuvom, schedules: Iterable[tuple[ScheduleEnvelope, datetime | None]], since: datetime | None
) -> AuditReport:
    """Audit schedules one after the other.

    Args:
        app: the app whose store is read.
        schedules: which, each with the end of its life if it is over.
        since: leave out the occurrences before this instant.
    """
    zone = Zone(default=app.settings.timezone, naive=app.settings.naive)
    since = None if since is None else aware(since, zone, "since")
    report = AuditReport()
    for envelope, ended_at in schedules:
        report = report.merged(_audit_one(app, envelope, ended_at, since))
    return report


def _audit_one(
    app: Nuvom, envelope: ScheduleEnvelope, ended_at: datetime | None, since: datetime | None
) -> AuditReport:
    ledger, now, keep = app.store.ledger, app.now(), retention(app)
    newest = ledger.occurrences(envelope.id, keep.rows)
    kept = auditing.kept_since(envelope, keep, now, newest)
    looked = auditing.window(envelope, ended_at, kept, now, _newest_of_plan(ledger, envelope.id, None))
    if looked is None:
        return AuditReport(schedules=1)
    if since is not None:
        looked = looked._replace(start=max(looked.start, since), end=max(looked.end, since))
    try:
        trigger = envelope.trigger
    except InvalidTrigger:  # it is quarantined, and says so itself
        return AuditReport(schedules=1)
    rows = auditing.compare(envelope, trigger, looked, _rows_and_the_one_before(ledger, envelope.id, looked))
    jobs = auditing.judge_jobs(envelope, looked, _jobs_with_rows(app, envelope.id, looked))
    return auditing.sorted_findings(rows.merged(jobs))


def _rows_and_the_one_before(ledger: Ledger, schedule_id: str, looked: auditing.Window) -> Iterator[Occurrence]:
    yield from rows_between(ledger, schedule_id, looked.start, looked.end)
    before = _newest_of_plan(ledger, schedule_id, looked.start)
    if before is not None:
        yield before


def _newest_of_plan(ledger: Ledger, schedule_id: str, before: datetime | None) -> Occurrence | None:
    return next((row for row in rows_between(ledger, schedule_id, None, before) if not row.source), None)


def rows_between(
    ledger: Ledger, schedule_id: str, start: datetime | None, end: datetime | None
) -> Iterator[Occurrence]:
    """Yield the rows of a schedule with start <= nominal < end, newest first; None: no bound."""
    size = PAGE
    while True:
        page = ledger.occurrences(schedule_id, size, end, after=start)
        if len(page) < size:
            yield from page
            return
        oldest = page[-1].nominal  # others of its rows may be on the next page: they are read again
        whole = [row for row in page if row.nominal > oldest]
        yield from whole
        end, size = oldest + TICK, PAGE if whole else 2 * size


def _jobs_with_rows(
    app: Nuvom, schedule_id: str, looked: auditing.Window
) -> Iterator[tuple[Job, Sequence[Occurrence]]]:
    """Yield a schedule's jobs of times in the window, each with the rows of its time."""
    for page in _job_pages(app, schedule_id, looked.start):
        times = {job.scheduled_for for job in page if job.scheduled_for is not None}
        within = {nominal for nominal in times if looked.start <= nominal < looked.end}
        rows = _rows_at(app.store.ledger, schedule_id, within)
        yield from ((job, rows[job.scheduled_for]) for job in page if job.scheduled_for and job.scheduled_for in rows)


def _rows_at(ledger: Ledger, schedule_id: str, times: Collection[datetime]) -> dict[datetime, list[Occurrence]]:
    """Return the rows of some nominal times: in one look where they lie together, as jobs of one page mostly do."""
    found: dict[datetime, list[Occurrence]] = {nominal: [] for nominal in times}
    if not found:
        return found
    rows = list(islice(rows_between(ledger, schedule_id, min(times), max(times) + TICK), 4 * PAGE))
    if len(rows) == 4 * PAGE:
        return {nominal: list(rows_between(ledger, schedule_id, nominal, nominal + TICK)) for nominal in times}
    for row in rows:
        if row.nominal in found:
            found[row.nominal].append(row)
    return found


def _job_pages(app: Nuvom, schedule_id: str, start: datetime) -> Iterator[Sequence[Job]]:
    """Yield a schedule's jobs, newest first, as far as they may be of occurrences from `start` on."""
    wanted, last = JobFilter(schedule_id=schedule_id), None
    while page := app.job_store.list(wanted, PAGE, last):
        yield page
        # No job is pushed before its occurrence; `last` may be pruned meanwhile, and then the list ends there.
        if len(page) < PAGE or page[-1].created_at < start:
            return
        last = page[-1].id

"""Why a schedule did or did not run at a time: the facts, put into words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from nuvom._job import Job
from nuvom._moments import distance, local, nearby, span, trigger_text
from nuvom._schedule import (
    Occurrence,
    OccurrenceOutcome,
    ScheduleEnvelope,
    ScheduleState,
    run_time,
    unbounded_trigger,
)
from nuvom.inquiry.clock_words import clock_change
from nuvom.inquiry.job_words import Restraint, of_job, started
from nuvom.inquiry.question import Question
from nuvom.stores.values import WorkerInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Why a schedule did or did not run at a time.

    `verdict` is one word for programs: the status of its job (`queued`, `running`, `succeeded` …), the outcome of its
    row (`missed`, `paused` …), or `ahead`, `overdue`, `quarantined`, `too_early`, `ended`, `pruned`, `unrecorded`,
    `no_occurrence`.
    """

    schedule_id: str
    schedule_name: str | None
    timezone_name: str
    asked: str
    nominal: datetime | None  # the occurrence that this is about
    ran: bool  # whether a job of that time was started
    verdict: str
    text: str  # what happened, in one sentence
    more: tuple[str, ...] = ()  # what else is worth knowing, a sentence each
    occurrence: Occurrence | None = None
    job: Job | None = None

    def __str__(self) -> str:
        return "\n".join((self.text, *self.more))


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known when somebody asks."""

    envelope: ScheduleEnvelope
    now: datetime
    question: Question
    ended_at: datetime | None = None
    kept: datetime  # rows of earlier times may be pruned
    nominal: datetime | None = None  # the occurrence that is meant, None: there is none
    others: int = 0  # further occurrences that may be meant
    row: Occurrence | None = None  # of the plan
    by_request: Sequence[Occurrence] = ()  # runs by hand and backfills of that time
    jobs: Mapping[str, Job] = field(default_factory=dict)
    workers: Sequence[WorkerInfo] = ()
    restraints: Mapping[str, Restraint] = field(default_factory=dict)  # by the job's id
    moved: Occurrence | None = None  # what ran at the asked local time by the tz database of then
    before: datetime | None = None  # the occurrences around, where there is none
    after: datetime | None = None

    def at(self, moment: datetime | None) -> str:
        """Return a time on the schedule's clock."""
        return local(moment, self.envelope.timezone_name) or "at a time that was not kept"

    def near(self, moment: datetime | None) -> str:
        """Return a time as a sentence about the occurrence tells it."""
        if moment is None or self.nominal is None:
            return self.at(moment)
        return nearby(moment, self.envelope.timezone_name, self.nominal)


class Answer(NamedTuple):
    """What became of an occurrence."""

    verdict: str
    text: str
    ran: bool = False


def explain(facts: Facts) -> Why:
    """Return why a schedule did or did not run at the time that was asked about."""
    answer = _answer(facts)
    requested = list(map(facts.jobs.get, (row.job_id or "" for row in facts.by_request)))
    by_request = [_of_request(facts, row, job) for row, job in zip(facts.by_request, requested, strict=True)]
    ran_by_request = any(started(row, job) for row, job in zip(facts.by_request, requested, strict=True))
    change = clock_change(facts.envelope, facts.question.local, facts.question.windows, facts.nominal)
    row = facts.row
    return Why(
        schedule_id=facts.envelope.id,
        schedule_name=facts.envelope.name,
        timezone_name=facts.envelope.timezone_name,
        asked=facts.question.said,
        nominal=facts.nominal,
        ran=answer.ran or ran_by_request,
        verdict=answer.verdict,
        text=answer.text,
        more=tuple(filter(None, (change, *by_request, *_context(facts)))),
        occurrence=row,
        job=None if row is None or row.job_id is None else facts.jobs.get(row.job_id),
    )


def _answer(facts: Facts) -> Answer:
    if facts.row is not None:
        return _of_row(facts, facts.row)
    if facts.nominal is None:
        return _none(facts)
    for look in (_before_it_was_made, _after_its_end, _still_to_come):
        if (answer := look(facts, facts.nominal)) is not None:
            return answer
    if facts.nominal < facts.kept:
        return Answer("pruned", f"its row was pruned: rows are kept since {facts.at(facts.kept)}")
    named = facts.envelope.name or facts.envelope.id
    return Answer("unrecorded", f"no row says what became of it; `nuvom schedules audit {named}` looks for more")


def _of_row(facts: Facts, row: Occurrence) -> Answer:
    if row.outcome is not OccurrenceOutcome.DISPATCHED:
        many = ""
        if row.count > 1:
            many = f"; its row stands for {row.count:,} from {facts.at(row.nominal)} to {facts.at(row.last)}"
        return Answer(
            row.outcome.value, f"not run ({_spaced(row.outcome)}): {row.reason or 'no reason was kept'}{many}"
        )
    job = facts.jobs.get(row.job_id or "")
    verdict, text = _of_job(facts, row, job)
    late = row.lateness if row.lateness is not None and row.lateness >= timedelta(seconds=1) else None
    dispatched = f"dispatched {facts.near(row.recorded_at)}" + (f", {span(late)} late" if late else "")
    return Answer(verdict, f"{dispatched}, {text}", started(row, job))


def _before_it_was_made(facts: Facts, nominal: datetime) -> Answer | None:
    since = facts.envelope.times_since
    if since is None or nominal > since or nominal == facts.envelope.at:
        return None
    if facts.envelope.created_at is not None and nominal <= facts.envelope.created_at:
        return Answer(
            "too_early", f"the schedule was not there yet: it was created {facts.at(facts.envelope.created_at)}"
        )
    return Answer("too_early", f"its times were others: they were changed {facts.at(since)}, and no row is of this one")


def _after_its_end(facts: Facts, nominal: datetime) -> Answer | None:
    envelope = facts.envelope
    if not envelope.state.ended:
        return None
    if nominal < facts.kept:
        return None
    ended = facts.at(facts.ended_at)
    if envelope.state is ScheduleState.CANCELLED:
        return Answer("ended", f"not run: the schedule was cancelled {ended}")
    if envelope.max_runs is not None and envelope.run_count >= envelope.max_runs:
        return Answer("ended", f"not run: max_runs={envelope.max_runs} was reached, the schedule was done {ended}")
    if facts.ended_at is not None and nominal > facts.ended_at:
        return Answer("ended", f"not run: the schedule was done {ended}")
    return None


def _still_to_come(facts: Facts, nominal: datetime) -> Answer | None:
    envelope = facts.envelope
    if envelope.next_nominal is None or nominal < envelope.next_nominal:
        return None
    note = f": {envelope.note}" if envelope.note else ""
    run = _run_time(envelope, nominal)
    if envelope.state is ScheduleState.PAUSED:
        since = f" since {facts.at(envelope.paused_at)}" if envelope.paused_at else ""
        remedy = f"`nuvom schedules resume {envelope.name or envelope.id}` lets it run again"
        missed = "what falls into a pause is not run" if run <= facts.now else f"due {distance(run, facts.now)}"
        return Answer("paused", f"not run: paused{since}{note}; {missed}; {remedy}")
    if envelope.state is ScheduleState.QUARANTINED:
        return Answer("quarantined", f"not run: set aside{note}; mend that and schedule it again under its name")
    if run > facts.now:
        jitter = "" if run == nominal else f", {span(run - nominal)} after its time by its jitter"
        return Answer("ahead", f"will run {distance(run, facts.now)}{jitter}")
    late = f"due {distance(run, facts.now)} and not dispatched yet"
    if not any(worker.alive and worker.kind == "scheduler" for worker in facts.workers):
        return Answer("overdue", f"{late}: no scheduler is alive; start one: `nuvom runscheduler`, or `nuvom run`")
    return Answer("overdue", f"{late}: a scheduler is alive and will come to it")


def _run_time(envelope: ScheduleEnvelope, nominal: datetime) -> datetime:
    if nominal == envelope.next_nominal and envelope.next_run is not None:
        return envelope.next_run
    return run_time(envelope, nominal, envelope.trigger.after(nominal) if envelope.jitter else None)


def _none(facts: Facts) -> Answer:
    question = facts.question
    if question.word == "last":
        first = facts.envelope.next_run
        ahead = f"; its first run is {facts.at(first)}, {distance(first, facts.now)}" if first else ""
        return Answer("no_occurrence", f"it was never due so far{ahead}")
    if question.word == "next":
        ended = f"the schedule is {facts.envelope.state} since {facts.at(facts.ended_at)}"
        return Answer("no_occurrence", ended if facts.envelope.state.ended else "it has no run ahead")
    return Answer("no_occurrence", _outside(facts) or f"not one of its times: {trigger_text(facts.envelope)}")


def _outside(facts: Facts) -> str | None:
    """Say which bound keeps a schedule from running at a time that its trigger has."""
    envelope = facts.envelope
    if envelope.starts_at is None and envelope.ends_at is None:
        return None
    trigger = unbounded_trigger(envelope)
    for start, end in facts.question.windows:
        found = next(trigger.between(start, end), None)
        if found is not None and envelope.starts_at is not None and found < envelope.starts_at:
            return f"not run: it starts at {facts.at(envelope.starts_at)} (starts_at)"
        if found is not None:
            return f"not run: it ended at {facts.at(envelope.ends_at)} (ends_at)"
    return None


def _context(facts: Facts) -> Iterable[str]:
    """Yield what is around the time that was asked about."""
    if facts.others:
        yield f"{facts.others:,} more of its times lie in what was asked; say a time to the second for another one"
    if facts.moved is not None:
        yield (
            "the tz database has changed since: by the one of then that local time was "
            f"{facts.at(facts.moved.nominal)}, and its row says {_spaced(facts.moved.outcome)}"
        )
    if facts.nominal is None and facts.question.word is None:
        yield f"the one before: {facts.at(facts.before)}" if facts.before else "none before"
        yield f"the next: {facts.at(facts.after)}" if facts.after else "none after"


def _of_job(facts: Facts, row: Occurrence, job: Job | None) -> tuple[str, str]:
    held_by = Restraint() if job is None else facts.restraints.get(job.id, Restraint())
    return of_job(row, job, facts.workers, facts.envelope, facts.now, facts.near, held_by)


def _of_request(facts: Facts, row: Occurrence, job: Job | None) -> str:
    kind, _, request = row.source.partition(":")
    how = {"manual": "run by hand", "backfill": "backfilled"}.get(kind, kind)
    if row.outcome is not OccurrenceOutcome.DISPATCHED:
        return f"{how} (request {request}): {_spaced(row.outcome)}: {row.reason}"
    _, text = _of_job(facts, row, job)
    return f"{how} (request {request}): dispatched {facts.near(row.recorded_at)}, {text}"


def _spaced(outcome: OccurrenceOutcome) -> str:
    return outcome.value.replace("_", " ")

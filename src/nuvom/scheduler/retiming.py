"""What becomes of a cron schedule's next run when the tz database has another release. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from nuvom._schedule import Occurrence, OccurrenceOutcome, ScheduleEnvelope, run_time
from nuvom.scheduler.due import TICK, due_at, seed_of, trigger_of
from nuvom.scheduler.plan import Dropped, dropped_rows, plan, quarantined
from nuvom.stores.values import PlanItem
from nuvom.triggers import Trigger
from nuvom.triggers.grammar import parse
from nuvom.triggers.zones import utc_offset


def is_outdated(envelope: ScheduleEnvelope, tzdata: str) -> bool:
    """Tell whether another release than `tzdata` computed a schedule's next run; one that nobody knows did not."""
    return envelope.cron is not None and envelope.tzdata is not None and envelope.tzdata != tzdata


def retimed(envelope: ScheduleEnvelope, last: Occurrence | None, now: datetime, tzdata: str) -> PlanItem:
    """Return the item that moves a run which lies ahead to where the new rules have it.

    Args:
        envelope: a cron schedule whose next run lies after `now`.
        last: its newest ledger row that a plan made.
        now: the store's clock.
        tzdata: the release in use.

    Returns:
        Its next run is the first by the new rules that lies ahead and whose local time was not dispatched. What the new
        rules have in the past, later than `last`, is recorded as missed. An item without `times_since` moves nothing.

    """
    try:
        wanted = _by_new_rules(envelope, last, now)
        if wanted.next_run is None or wanted.next_run > now:
            return _moved(envelope, wanted, tzdata)
        due = due_at(wanted, now)
        reason = f"due by tz database {tzdata} and not by {envelope.tzdata}, and in the past when {tzdata} came"
        rows = dropped_rows(due, [Dropped(due.first, None, OccurrenceOutcome.MISSED, reason)])
        wanted = replace(wanted, next_nominal=due.following, next_run=due.following_run)
        return _moved(envelope, wanted, tzdata)._replace(occurrences=tuple(rows))
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  # whatever is wrong with one schedule must not stop the others
        return quarantined(envelope, f"tz database {tzdata}: {type(error).__name__}: {error}")


def plan_retimed(
    envelope: ScheduleEnvelope, last: Occurrence | None, now: datetime, tzdata: str, *, blocked: bool
) -> PlanItem:
    """Plan a due schedule as the new rules have it: what lies ahead by them is moved, what is due by them is planned.

    Args:
        envelope: a cron schedule that is due by the rules of another release.
        last: its newest ledger row that a plan made.
        now: the store's clock.
        tzdata: the release in use.
        blocked: whether it may not start another run now.
    """
    try:
        wanted = _by_new_rules(envelope, last, now)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  # as above
        return quarantined(envelope, f"tz database {tzdata}: {type(error).__name__}: {error}")
    if wanted.next_run is None or wanted.next_run > now:
        return _moved(envelope, wanted, tzdata)
    [item] = plan([wanted], now, (wanted.id,) if blocked else ())
    return item._replace(envelope=envelope, times_since=_since(envelope, wanted))


def _moved(envelope: ScheduleEnvelope, wanted: ScheduleEnvelope, tzdata: str) -> PlanItem:
    since = _since(envelope, wanted)
    return PlanItem(envelope, (), (), wanted.next_nominal, wanted.next_run, tzdata=tzdata, times_since=since)


def _since(envelope: ScheduleEnvelope, wanted: ScheduleEnvelope) -> datetime | None:
    return None if wanted is envelope else wanted.times_since


class _Start(NamedTuple):
    """Where the new rules begin to count: after `since`, and past a local time that was dispatched by the old ones."""

    since: datetime
    changed: bool = False  # whether the old rules had another offset at the last occurrence
    local: datetime | None = None  # as the zone's clock showed it then; None: no local time can come again


def _by_new_rules(envelope: ScheduleEnvelope, last: Occurrence | None, now: datetime) -> ScheduleEnvelope:
    """Return a schedule with the first run after its last one by the rules in use, itself where nothing changed.

    `times_since` changes where the times did: an audit must not ask for what only the new rules had in the past.
    """
    trigger = trigger_of(envelope)
    start = _start(envelope, trigger, last, now)
    since, first = start.since, trigger.after(start.since)
    while first is not None and start.local is not None and _local(envelope, first) <= start.local:
        since, first = first, trigger.after(first)
    if first == envelope.next_nominal:
        return replace(envelope, times_since=since) if start.changed else envelope
    next_run = first and run_time(envelope, first, trigger.after(first) if envelope.jitter else None)
    return replace(envelope, next_nominal=first, next_run=next_run, times_since=since)


def _start(envelope: ScheduleEnvelope, trigger: Trigger, last: Occurrence | None, now: datetime) -> _Start:
    begun = envelope.times_since
    pending = envelope.next_nominal or envelope.next_run or now
    nominal = None if last is None else last.last or last.nominal
    # A row that is older than the times belongs to another definition; but times that begin later than now were moved
    # past a local time that had been dispatched, and the row is theirs.
    if last is None or nominal is None or (begun is not None and nominal < begun <= now):
        return _Start(min(now, pending - TICK) if begun is None else begun)
    if nominal >= pending:  # delivered and not advanced: the plan completes that
        return _Start(pending - TICK)
    since = nominal if begun is None else max(nominal, begun)
    if last.utc_offset is None or last.utc_offset == utc_offset(envelope.timezone_name, nominal):
        return _Start(since)
    if not _fixed_time(envelope) and trigger.after(nominal - TICK) == nominal:
        return _Start(since, changed=True)  # a wildcard job follows the clock, into second copies too
    return _Start(since, changed=True, local=nominal + timedelta(seconds=last.utc_offset))


def _fixed_time(envelope: ScheduleEnvelope) -> bool:
    return parse(envelope.cron or "", seed_of(envelope)).fixed_time


def _local(envelope: ScheduleEnvelope, nominal: datetime) -> datetime:
    return nominal + timedelta(seconds=utc_offset(envelope.timezone_name, nominal))

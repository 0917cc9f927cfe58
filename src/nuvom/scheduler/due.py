"""Which occurrences of a schedule are due together, and ranges of them that are counted instead of listed. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from nuvom._schedule import ScheduleEnvelope, ScheduleType, run_time, unbounded_trigger
from nuvom.triggers import Bounded, CronTrigger, Trigger

TICK = timedelta(microseconds=1)

_HASHED = re.compile(r"(?:^|[\s,])h", re.IGNORECASE)  # an `H` that is no letter of THU or MARCH


class Rest(NamedTuple):
    """Occurrences that one row stands for."""

    first: datetime
    last: datetime
    number: int


class Due(NamedTuple):
    """The occurrences of a schedule from `first` up to but not including `following`, all of them due."""

    envelope: ScheduleEnvelope
    first: datetime
    following: datetime | None  # the first that is not due
    following_run: datetime | None  # when that runs
    several: bool  # whether there is more than `first`

    @property
    def trigger(self) -> Trigger:
        """The times of the schedule; most plans need no look at them."""
        return trigger_of(self.envelope)

    def run_time(self, nominal: datetime) -> datetime:
        """Return when an occurrence was to run; what was stored for the first holds."""
        envelope = self.envelope
        if nominal == envelope.next_nominal and envelope.next_run is not None:
            return envelope.next_run
        return run_time(envelope, nominal, self.trigger.after(nominal) if envelope.jitter else None)

    def newest(self, count: int, end: datetime | None = None) -> tuple[datetime, ...]:
        """Return at most the newest `count` of those before `end`, by default of all, oldest first."""
        if not self.several:
            return (self.first,) if end is None or end > self.first else ()
        found: list[datetime] = []
        trigger = self.trigger
        moment = trigger.before(end or self._end)
        while moment is not None and moment >= self.first and len(found) < count:
            found.append(moment)
            moment = trigger.before(moment)
        return tuple(reversed(found))

    def since(self, moment: datetime) -> datetime | None:
        """Return the first whose run time is not before `moment`; None when all are."""
        if self.run_time(self.first) >= moment:
            return self.first
        # A run stays between its nominal time and the next one, so only the one before `moment` may run after it.
        near = self.trigger.before(moment) if self.envelope.jitter else None
        if near is None or near < self.first or self.run_time(near) < moment:
            near = self.trigger.after(moment - TICK)
        return near if near is not None and near < self._end else None

    def listed(self, start: datetime, end: datetime | None, limit: int) -> tuple[Rest | None, Sequence[datetime]]:
        """Return those with start <= nominal < end, oldest first: at most `limit`, and before them what is left."""
        within = self.newest(limit + 1, end)
        alone = [nominal for nominal in within if nominal >= start]
        if len(alone) <= limit:
            return None, alone
        del alone[:2]  # one for the row that stands for the rest, which has at least two
        first = start if start == self.first else self.trigger.after(start - TICK)
        last = self.trigger.before(alone[0]) if alone else within[-1]
        assert first is not None  # noqa: S101  # there are more than `limit`
        assert last is not None  # noqa: S101
        return Rest(first, last, self.trigger.count(first, last + TICK)), alone

    @property
    def _end(self) -> datetime:
        return self.following if self.following is not None else datetime.max.replace(tzinfo=self.first.tzinfo)


def due_at(envelope: ScheduleEnvelope, now: datetime) -> Due:
    """Return what is due at `now` of an active schedule whose next run has come; raises where it makes no sense."""
    first = envelope.next_nominal or envelope.next_run
    if first is None:
        raise ValueError("an active schedule has no next run")
    if envelope.schedule_type is ScheduleType.ONE_OFF:
        return Due(envelope, first, None, None, several=False)
    trigger = trigger_of(envelope)
    following = _after(trigger, first)
    run = following and _run(envelope, trigger, following)
    if run is None or run > now:
        return Due(envelope, first, following, run, several=False)
    newest = trigger.before(now + TICK)
    if newest is not None and _run(envelope, trigger, newest) > now:
        newest = trigger.before(newest)
    assert newest is not None  # noqa: S101  # `following` is due
    following = trigger.after(newest)
    run = following and _run(envelope, trigger, following)
    return Due(envelope, first, following, run, several=True)


def _run(envelope: ScheduleEnvelope, trigger: Trigger, nominal: datetime) -> datetime:
    return run_time(envelope, nominal, _after(trigger, nominal)) if envelope.jitter else nominal


def trigger_of(envelope: ScheduleEnvelope) -> Trigger:
    """Return the times of a schedule; those of one expression and zone are one object, which a herd shares."""
    trigger: Trigger
    if envelope.cron is not None:
        trigger = _cron(envelope.cron, envelope.timezone_name, seed_of(envelope))
    else:
        trigger = unbounded_trigger(envelope)
    if envelope.starts_at is None and envelope.ends_at is None:
        return trigger
    return Bounded(trigger, envelope.starts_at, envelope.ends_at)


def _after(trigger: Trigger, nominal: datetime) -> datetime | None:
    if type(trigger) is CronTrigger:
        return _cron_after(trigger.expression, trigger.timezone_name, trigger.seed, nominal)
    return trigger.after(nominal)


def seed_of(envelope: ScheduleEnvelope) -> str | None:
    """Return what a cron schedule's `H` is spread by; None without one, so that all those share what is found."""
    return (envelope.name or envelope.id) if envelope.cron and _is_hashed(envelope.cron) else None


@lru_cache(maxsize=1024)
def _is_hashed(expression: str) -> bool:
    return _HASHED.search(expression) is not None


@lru_cache(maxsize=1024)
def _cron(expression: str, zone: str, seed: str | None) -> CronTrigger:
    return CronTrigger(expression, zone, seed=seed)


# Herds share expression, zone and nominal time, and finding the next one is most of what a plan costs.
@lru_cache(maxsize=8192)
def _cron_after(expression: str, zone: str, seed: str | None, nominal: datetime) -> datetime | None:
    return _cron(expression, zone, seed).after(nominal)

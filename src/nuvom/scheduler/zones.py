"""Keeps next runs in step with the tz database: what another release computed is looked at again, moves are told."""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from nuvom._clock import Clock
from nuvom._schedule import Occurrence, OccurrenceOutcome, ScheduleEnvelope
from nuvom.scheduler.dispatch import Dispatch, dispatch_all
from nuvom.scheduler.plan import plan
from nuvom.scheduler.retiming import is_outdated, plan_retimed, retimed
from nuvom.stores.base import Ledger, Store
from nuvom.stores.values import PlanItem
from nuvom.triggers import zones

AT_ONCE = 100  # schedules looked at in one step, between dispatches
LOOK = 60.0  # seconds between looks for what a scheduler with an older tz database left
NAMED = 20  # moved schedules that get a line of their own in one walk

log: logging.Logger = logging.getLogger("nuvom.scheduler")


class Retiming:
    """Goes through the schedules that another release of the tz database computed, a few at each step.

    At first and when the release in use changes it takes all of them; later only those of older releases, so that
    schedulers with two releases side by side do not move schedules to and fro: the newest one prevails.
    """

    def __init__(self, store: Store, way: Dispatch, clock: Clock, *, listed: bool) -> None:
        self._store = store
        self._way = way
        self._clock = clock
        self._release: str | None = None  # of the walk that was begun last
        self._look_at = 0.0 if listed else math.inf
        self._all = True
        self._walk = _Walk()

    def step(self) -> bool:
        """Look at some schedules if it is time; True when there are more to be looked at now."""
        if self._look_at == math.inf:  # a backend of five methods has no list: there, each is looked at when it is due
            return False
        release, at = zones.release(), self._clock.monotonic()
        if release != self._release:
            self._release, self._all = release, True
        elif at < self._look_at:
            return False
        if self._some(release):
            self._look_at = at
            return True
        self._walk.end(release)
        self._look_at, self._all, self._walk = at + LOOK, False, _Walk()
        return False

    def plan(self, envelopes: Sequence[ScheduleEnvelope], now: datetime, blocked: Collection[str]) -> list[PlanItem]:
        """Plan what is due, as `nuvom.scheduler.plan.plan` does, by the rules of the release in use."""
        release = zones.release()
        outdated = [each for each in envelopes if is_outdated(each, release)]
        if not outdated:
            return plan(envelopes, now, blocked)
        left = {each.id for each in outdated}
        items = plan((each for each in envelopes if each.id not in left), now, blocked)
        for each in outdated:
            if each.next_run is not None and each.next_run <= now:
                last = last_planned(self._store.ledger, each.id)
                item = plan_retimed(each, last, now, release, blocked=each.id in blocked)
                items.append(item)
                first = item.occurrences[0].nominal if item.occurrences else item.next_nominal
                if first != each.next_nominal:
                    _tell(item, release, first)
        return items

    def _some(self, release: str) -> bool:
        now = self._store.now()
        found = self._store.schedules.outdated_zones(release, AT_ONCE)
        wanted = found if self._all else [each for each in found if (each.tzdata or "") < release]
        if not wanted:
            return False
        ledger = self._store.ledger
        items = [retimed(each, last_planned(ledger, each.id), now, release) for each in wanted]
        result = dispatch_all(self._way, items, now)
        refused = {each.schedule_id for each in result.refused} | {item.envelope.id for item, _ in result.failed}
        self._walk.add([item for item in items if item.envelope.id not in refused], release)
        for item, error in result.failed:
            log.warning("schedule %s could not be moved: %s: %s", _called(item), type(error).__name__, error)
        # Where nothing could be applied the same would be found again: the next look comes later.
        return bool(result.applied) and len(found) == AT_ONCE


class _Walk:
    """What one walk came to."""

    def __init__(self) -> None:
        self.seen = self.moved = self.missed = 0

    def add(self, items: Sequence[PlanItem], release: str) -> None:
        self.seen += len(items)
        for item in items:
            self.missed += _missed(item)
            if _moves(item):
                self.moved += 1
                if self.moved <= NAMED:
                    _tell(item, release, item.next_nominal)

    def end(self, release: str) -> None:
        if self.seen:
            log.log(
                logging.WARNING if self.moved else logging.INFO,
                "tz database %s is in use: of %d schedules that another release had computed, %d moved; %d occurrences "
                "were missed",
                release,
                self.seen,
                self.moved,
                self.missed,
            )


def last_planned(ledger: Ledger, schedule_id: str) -> Occurrence | None:
    """Return a schedule's newest row that nobody asked for by hand."""
    limit = 4
    while True:
        rows = ledger.occurrences(schedule_id, limit)
        found = next((row for row in rows if not row.source), None)
        if found is not None or len(rows) < limit:
            return found
        limit *= 16


def _moves(item: PlanItem) -> bool:
    return item.quarantine is not None or item.next_nominal != item.envelope.next_nominal


def _tell(item: PlanItem, release: str, to: datetime | None) -> None:
    """Say where a schedule moved, on its zone's clock as it goes now."""
    envelope = item.envelope
    if item.quarantine is not None:
        log.error("schedule %s is taken out of the running: %s", _called(item), item.quarantine)
        return
    log.warning(
        "schedule %s moves from %s to %s (%s): tz database %s instead of %s%s",
        _called(item),
        _clock_time(envelope.next_nominal, envelope.timezone_name),
        _clock_time(to, envelope.timezone_name),
        envelope.timezone_name,
        release,
        envelope.tzdata,
        f"; missed: {missed:,}" if (missed := _missed(item)) else "",
    )


def _missed(item: PlanItem) -> int:
    return sum(row.count for row in item.occurrences if row.outcome is OccurrenceOutcome.MISSED)


def _clock_time(moment: datetime | None, zone: str) -> str:
    return "its end" if moment is None else moment.astimezone(ZoneInfo(zone)).isoformat(" ")


def _called(item: PlanItem) -> str:
    return item.envelope.name or item.envelope.id

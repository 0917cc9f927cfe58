"""The two ways of a plan into the stores: one transaction beside the jobs, or deliver and advance elsewhere."""

from __future__ import annotations

import heapq
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from nuvom._clock import EPOCH
from nuvom._crashpoint import reached
from nuvom._identity import next_generation
from nuvom._schedule import CatchUp, Overlap, ScheduleEnvelope, ScheduleState
from nuvom.errors import InvalidTrigger, StoreError, StoreUnavailable, StoreUnusable
from nuvom.scheduler.split import as_stored, complete, end
from nuvom.stores.backends import due_in, enqueue_in, reschedule_in, stored_in
from nuvom.stores.base import Ledger, SchedulerBackend, Store
from nuvom.stores.values import MAX_BATCH, PlanItem, Refusal

ROWS_AT_ONCE = 3_000  # rows and jobs in one transaction: other writers wait for it
DONE_BY_OTHERS = frozenset(("next_run", "gone"))  # refusals that say another scheduler was faster

_STALE = timedelta(seconds=5)  # how long a backend may go on showing what was advanced before it is advanced again
_KNOWN = 10_000  # next runs and advanced schedules that are remembered
_WIDEST = 50_000  # how far a look goes past envelopes that a backend shows again
_ROWS_PASSED = 100  # times that ran already, in an envelope that a backend shows again
_GIVE_UP = 3  # failures in a row, and nothing done: the backend is away

log: logging.Logger = logging.getLogger("nuvom.scheduler")


class Dispatch(Protocol):
    """Where schedules come from and plans go to."""

    def due(self, now: datetime, limit: int) -> list[ScheduleEnvelope]:
        """Return at most `limit` envelopes that seem due, earliest first."""
        ...

    def blocked(self, asked: Mapping[str, Overlap]) -> frozenset[str]:
        """Return which schedules may not start another run now, by the overlap of each."""
        ...

    def dispatch(self, items: Sequence[PlanItem], now: datetime) -> list[Refusal]:
        """Record, push and advance; returns what was refused."""
        ...

    def anew(self, refusal: Refusal) -> ScheduleEnvelope | None:
        """Return a refused schedule as it is now; None when there is nothing left to plan for it."""
        ...

    def next_due(self, now: datetime) -> float | None:
        """Return seconds until the next run that is known, None when none is."""
        ...


class OneStore:
    """Schedules beside the jobs: a plan is applied in one transaction, which checks that it still holds."""

    def __init__(self, store: Store) -> None:
        self._schedules = store.schedules
        self._ledger = store.ledger

    def due(self, now: datetime, limit: int) -> list[ScheduleEnvelope]:
        """Return at most `limit` due envelopes, earliest first."""
        return self._schedules.due(now, limit)

    def blocked(self, asked: Mapping[str, Overlap]) -> frozenset[str]:
        """Return which schedules may not start another run now, by the overlap of each."""
        return self._ledger.blocked(asked)

    def dispatch(self, items: Sequence[PlanItem], now: datetime) -> list[Refusal]:
        """Apply the plan; all of it or, of an item that no longer fits, none."""
        return self._schedules.apply(items)

    def anew(self, refusal: Refusal) -> ScheduleEnvelope | None:
        """Return the schedule if its definition changed; what another scheduler advanced shows up when due again."""
        if refusal.reason in DONE_BY_OTHERS:
            return None
        stored = self._schedules.get(refusal.schedule_id)
        return stored if stored is not None and stored.state is ScheduleState.ACTIVE else None

    def next_due(self, now: datetime) -> float | None:
        """Return seconds until the earliest next run of all schedules."""
        return self._schedules.next_due()


class FiveMethods:
    """Schedules in a backend of the founding five methods: deliver beside the jobs, advance, look at the fence.

    A crash between the steps repeats a delivery that changes nothing. What `due` shows is never trusted: it may be
    stale, repeat, or not be due.
    """

    def __init__(self, backend: SchedulerBackend, ledger: Ledger) -> None:
        self._backend = backend
        self._ledger = ledger
        self._upcoming: list[datetime] = []  # a heap: the backend cannot say what comes next
        self._advanced: dict[tuple[str, int, datetime | None], datetime] = {}

    def due(self, now: datetime, limit: int) -> list[ScheduleEnvelope]:
        """Return due envelopes; those that were just advanced and are shown again do not hide others."""
        self._forget(now)
        wanted = limit
        while True:
            found = due_in(self._backend, now, wanted)
            fresh = self._fresh(found, now)
            if fresh or len(found) < wanted or wanted >= _WIDEST:
                return fresh[:limit]
            wanted *= 2

    def blocked(self, asked: Mapping[str, Overlap]) -> frozenset[str]:
        """Return which schedules may not start another run now, by the overlap of each."""
        return self._ledger.blocked(asked)

    def dispatch(self, items: Sequence[PlanItem], now: datetime) -> list[Refusal]:
        """Deliver all, then advance each in the backend; raises StoreUnavailable when the backend is away."""
        refused = self._ledger.deliver([item for item in items if item.quarantine is None])
        reached("scheduler.deliver")
        left = {each.schedule_id for each in refused}
        done, failed = 0, list[Refusal]()
        for item in items:
            try:
                self._settle(item, now, refused=item.envelope.id in left)
            except Exception as error:
                reason = str(error) if isinstance(error, StoreError) else f"{type(error).__name__}: {error}"
                failed.append(Refusal(item.envelope.id, reason))
                if not done and len(failed) >= _GIVE_UP:
                    raise StoreUnavailable(f"the scheduler backend failed: {failed[-1].reason}") from error
            else:
                done += 1
        return refused + failed

    def anew(self, refusal: Refusal) -> ScheduleEnvelope | None:
        """Return the schedule as the backend has it now that the fence's change is completed."""
        stored = stored_in(self._backend, refusal.schedule_id)
        return as_stored(stored) if stored is not None and stored.state is ScheduleState.ACTIVE else None

    def next_due(self, now: datetime) -> float | None:
        """Return seconds until the next run of those that were dispatched here; a look each poll finds the others."""
        return max((self._upcoming[0] - now).total_seconds(), 0.0) if self._upcoming else None

    def _forget(self, now: datetime) -> None:
        while self._upcoming and self._upcoming[0] <= now:
            heapq.heappop(self._upcoming)
        # Also what lies further ahead than it can: the wall clock was set back.
        old = [key for key, until in self._advanced.items() if not now < until <= now + _STALE]
        for key in old:
            del self._advanced[key]

    def _fresh(self, found: Iterable[ScheduleEnvelope], now: datetime) -> list[ScheduleEnvelope]:
        """Return what is due and was not just advanced; of an id that is shown twice the newest."""
        newest: dict[str, ScheduleEnvelope] = {}
        for each in found:
            due = each.state is ScheduleState.ACTIVE and each.next_run is not None and each.next_run <= now
            if due and _key(each) not in self._advanced:
                other = newest.get(each.id)
                if other is None or _age(other) < _age(each):
                    newest[each.id] = each
        return [self._unrecorded(as_stored(each), now) for each in newest.values()]

    def _unrecorded(self, envelope: ScheduleEnvelope, now: datetime) -> ScheduleEnvelope:
        """Return an envelope from its first due time without a row on; as it is where each has one, or it is broken.

        Where only the first of those due together runs, one that ran and is shown again would drop what is due.
        """
        if envelope.catch_up is not CatchUp.FIRST:
            return envelope
        try:
            trigger, nominal = envelope.trigger, envelope.next_nominal
        except InvalidTrigger:
            return envelope
        for _ in range(_ROWS_PASSED):
            if nominal is None or nominal > now:
                break
            if self._ledger.occurrence(envelope.id, nominal) is None:
                return replace(envelope, next_nominal=nominal, next_run=nominal)
            nominal = trigger.after(nominal)
        return envelope

    def _settle(self, item: PlanItem, now: datetime, *, refused: bool) -> None:
        envelope = item.envelope
        if refused:
            complete(self._backend, self._ledger, envelope.id)
            return
        reached("scheduler.reschedule")
        if item.quarantine is not None:
            self._set_aside(replace(envelope, note=item.quarantine), now)
        elif item.next_run is None:
            complete(self._backend, self._ledger, envelope.id)  # its fence ended with the delivery
        elif item.times_since is not None:
            self._retime(item, now)
        else:
            reschedule_in(self._backend, envelope.id, item.next_run)
            self._look_at_fence(envelope)
        self._remember(item, now)

    def _set_aside(self, envelope: ScheduleEnvelope, now: datetime) -> None:
        fence = self._ledger.fence(envelope.id)
        if fence is None or fence.envelope.generation <= envelope.generation:
            end(self._ledger, envelope, fence, ScheduleState.QUARANTINED, now)
        complete(self._backend, self._ledger, envelope.id)

    def _retime(self, item: PlanItem, now: datetime) -> None:
        """Enqueue a schedule anew whose times another release of the tz database moved."""
        envelope = item.envelope
        fence = self._ledger.fence(envelope.id)
        known = None if fence is None else fence.envelope.generation
        if known is None or known <= envelope.generation:
            wanted = replace(
                envelope,
                next_nominal=item.next_nominal,
                next_run=item.next_run,
                tzdata=item.tzdata,
                times_since=item.times_since,
                generation=next_generation(envelope.generation, now),
            )
            self._ledger.raise_fence(wanted, known)
        complete(self._backend, self._ledger, envelope.id)

    def _look_at_fence(self, envelope: ScheduleEnvelope) -> None:
        # A backend cannot compare and set: what was just advanced may be a definition that somebody replaced meanwhile.
        # It goes back to its first run, since those before the moved one would be lost; those that ran have their rows.
        fence = self._ledger.fence(envelope.id)
        if fence is not None and fence.envelope.generation > envelope.generation:
            if fence.envelope.state is ScheduleState.ACTIVE:
                enqueue_in(self._backend, fence.envelope)
            complete(self._backend, self._ledger, envelope.id)

    def _remember(self, item: PlanItem, now: datetime) -> None:
        if len(self._advanced) < _KNOWN:
            self._advanced[_key(item.envelope)] = now + _STALE
        if item.next_run is not None and len(self._upcoming) < _KNOWN:
            heapq.heappush(self._upcoming, item.next_run)


def _key(envelope: ScheduleEnvelope) -> tuple[str, int, datetime | None]:
    return envelope.id, envelope.generation, envelope.next_run


def _age(envelope: ScheduleEnvelope) -> tuple[int, datetime]:
    return envelope.generation, envelope.next_run or EPOCH


class Dispatched(NamedTuple):
    """What became of a plan: how many items were applied, which were refused, which the store could not take."""

    applied: int
    refused: list[Refusal]
    failed: list[tuple[PlanItem, Exception]]


def dispatch_all(way: Dispatch, items: Sequence[PlanItem], now: datetime) -> Dispatched:
    """Dispatch a plan in transactions of bounded size; an item that a store cannot take does not stop the others."""
    total = Dispatched(0, [], [])
    for part in _parts(items):
        total = joined(total, _singled_out(way, part, now))
    return total


def _singled_out(way: Dispatch, items: Sequence[PlanItem], now: datetime) -> Dispatched:
    try:
        refused = way.dispatch(items, now)
    except (StoreUnavailable, StoreUnusable, MemoryError):  # no item's fault
        raise
    except Exception as error:  # noqa: BLE001  # one item's fault, whatever it is: find which
        if len(items) == 1:
            return Dispatched(0, [], [(items[0], error)])
        half = len(items) // 2
        return joined(_singled_out(way, items[:half], now), _singled_out(way, items[half:], now))
    reached("scheduler.commit")
    return Dispatched(len(items) - len(refused), refused, [])


def joined(one: Dispatched, other: Dispatched) -> Dispatched:
    """Return what became of both."""
    return Dispatched(one.applied + other.applied, one.refused + other.refused, one.failed + other.failed)


def _parts(items: Sequence[PlanItem]) -> Iterator[list[PlanItem]]:
    part: list[PlanItem] = []
    rows = 0
    for item in items:
        more = len(item.occurrences) + len(item.jobs) + 1
        if part and (rows + more > ROWS_AT_ONCE or len(part) == MAX_BATCH):
            yield part
            part, rows = [], 0
        part.append(item)
        rows += more
    if part:
        yield part

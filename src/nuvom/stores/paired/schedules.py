"""Schedules whose jobs are in another store: each change by the fence first, each dispatch by the ledger first."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from nuvom import _joined
from nuvom._crashpoint import reached
from nuvom._identity import next_generation, resolve
from nuvom._schedule import Occurrence, Overlap, ScheduleEnvelope, ScheduleState
from nuvom.errors import ScheduleChanged
from nuvom.stores.base import Store
from nuvom.stores.paired.fencing import Fencing, Seen
from nuvom.stores.values import Change, PassedOver, PlanItem, Refusal, ScheduleFilter, Upserted, first_of_each

_TRIES = 100  # lost races before a caller is told; one of those who race always wins
_PAGE = 500


class PairedSchedules:
    """A `nuvom.stores.base.ScheduleStore` over two stores.

    Args:
        queue: where jobs, ledger and fences are.
        keeper: where schedules are.
        fencing: what both of them together say of a schedule.
    """

    def __init__(self, queue: Store, keeper: Store, fencing: Fencing) -> None:
        self._ledger = queue.ledger
        self._now = queue.now
        self._kept = keeper.schedules
        self._where = keeper.url
        self._fencing = fencing

    # Changes

    def enqueue(self, envelope: ScheduleEnvelope) -> ScheduleEnvelope:
        """Store an envelope; the same id again replaces. Returns what is stored."""
        self._refuse_joined()
        for _ in range(_TRIES):
            seen, now = self._fencing.seen(envelope.id), self._now()
            generation = next_generation(_generation(seen), now)
            stored = replace(envelope, generation=generation, created_at=envelope.created_at or now, updated_at=now)
            if (kept := self._raised(stored, seen)) is not None:
                return kept
        raise ScheduleChanged(envelope.id)

    def upsert(
        self,
        wanted: ScheduleEnvelope,
        passed: PassedOver | None = None,
        *,
        overwrite: bool = False,
        revive: bool = False,
    ) -> Upserted:
        """Create or replace by id; raises ValueError where another schedule has the name."""
        self._refuse_joined()
        for _ in range(_TRIES):
            seen, now = self._fencing.seen(wanted.id), self._now()
            newest = seen.newest
            answer = resolve(newest, wanted, now, overwrite=overwrite, revive=revive)
            rows: Sequence[Occurrence] = ()
            if answer.change is Change.REPLACED and newest is not None and passed is not None:
                if passed.generation != newest.generation and not newest.same_times(answer.envelope):
                    return Upserted(newest, Change.LOST)
                rows = passed.rows
            if not answer.change.stored:
                return answer
            if (kept := self._raised(answer.envelope, seen, rows)) is not None:
                return Upserted(kept, answer.change)
        raise ScheduleChanged(wanted.id)

    def update(self, envelope: ScheduleEnvelope, rows: Sequence[Occurrence] = ()) -> ScheduleEnvelope | None:
        """Replace a schedule of this generation and record `rows`; None where it has another one by now or is gone."""
        self._refuse_joined()
        seen, now = self._fencing.seen(envelope.id), self._now()
        newest = seen.newest
        if newest is None or newest.state.ended or newest.generation != envelope.generation:
            return None
        generation = next_generation(_generation(seen), now)
        newer = replace(envelope, generation=generation, run_count=newest.run_count, updated_at=now)
        if envelope.state.ended:
            newer = newer.ended(envelope.state, generation, now)
        return self._raised(newer, seen, rows)

    def cancel(self, schedule_id: str) -> bool:
        """End a schedule for good; False when there was none."""
        self._refuse_joined()
        for _ in range(_TRIES):
            seen, now = self._fencing.seen(schedule_id), self._now()
            if seen.newest is None or seen.newest.state.ended:
                return False
            generation = next_generation(_generation(seen), now)
            if self._raised(seen.newest.ended(ScheduleState.CANCELLED, generation, now), seen) is not None:
                return True
        raise ScheduleChanged(schedule_id)

    def pause_all(self, note: str | None) -> int:
        """Pause every active schedule, one after the other; returns how many those were."""
        self._refuse_joined()
        active, count = ScheduleFilter(state=ScheduleState.ACTIVE), 0
        page = self._kept.list(active, _PAGE)
        while page:
            count += sum(self._paused(each.id, note) for each in page)
            page = self._kept.list(active, _PAGE, page[-1].id) if len(page) == _PAGE else []
        return count

    def _paused(self, schedule_id: str, note: str | None) -> bool:
        for _ in range(_TRIES):
            stored = self._fencing.seen(schedule_id).newest
            if stored is None or stored.state is not ScheduleState.ACTIVE:
                return False
            paused = replace(stored, state=ScheduleState.PAUSED, note=note, paused_at=self._now())
            if self.update(paused) is not None:
                return True
        raise ScheduleChanged(schedule_id)

    def reschedule(self, schedule_id: str, next_run: datetime) -> None:
        """Move a schedule's next run, forward only; ignored for an unknown id."""
        self._refuse_joined()
        self._kept.reschedule(schedule_id, next_run)

    def follow(self, envelopes: Sequence[ScheduleEnvelope]) -> None:
        """Store definitions as a fence of a third store has them; one that is not newer changes nothing."""
        self._refuse_joined()
        for envelope in envelopes:
            seen = self._fencing.seen(envelope.id)
            while _generation(seen) < envelope.generation and self._raised(envelope, seen) is None:
                seen = self._fencing.seen(envelope.id)

    def _raised(self, newer: ScheduleEnvelope, seen: Seen, rows: Sequence[Occurrence] = ()) -> ScheduleEnvelope | None:
        """Write the fence and then change the schedule; None when somebody was faster at the fence."""
        self._refuse(newer)
        if not self._ledger.raise_fence(newer, seen.fence, rows):
            return None
        reached("schedules.fenced")
        return self._fencing.follow(newer, seen.newest)

    def _refuse(self, newer: ScheduleEnvelope) -> None:
        """Refuse what the schedules' store would refuse, before the fence says it."""
        if newer.state is ScheduleState.ACTIVE and newer.next_run is None:
            raise ValueError(f"next_run=None: the active schedule {newer.id} would never run; compute its next run")
        owner = None if newer.name is None or newer.state.ended else self._kept.by_name(newer.name)
        if owner is not None and owner.id != newer.id:
            raise ValueError(
                f"name={newer.name!r} belongs to schedule {owner.id}, not {newer.id}; "
                "cancel that one or choose another name"
            )

    def _refuse_joined(self) -> None:
        _joined.refuse(f"schedules are kept in {self._where} and jobs elsewhere, so none can be stored or changed")

    # Looks

    def get(self, schedule_id: str) -> ScheduleEnvelope | None:
        """Return the schedule of an id, as its last change left it."""
        newest = self._fencing.seen(schedule_id).newest
        return None if newest is None or newest.state.ended else newest

    def by_name(self, name: str) -> ScheduleEnvelope | None:
        """Return the schedule of a name."""
        return self._kept.by_name(name)

    def list(self, wanted: ScheduleFilter, limit: int, before: str | None = None) -> builtins.list[ScheduleEnvelope]:
        """Return schedules, newest first; `before` is the last id of the page before."""
        return self._kept.list(wanted, limit, before)

    def outdated_zones(self, tzdata: str, limit: int) -> builtins.list[ScheduleEnvelope]:
        """Return active cron schedules with a run ahead that another release of the tz database computed."""
        return self._kept.outdated_zones(tzdata, limit)

    def upcoming(self, limit: int) -> builtins.list[ScheduleEnvelope]:
        """Return active schedules by next run, the earliest first."""
        return self._kept.upcoming(limit)

    def due(self, now: datetime, limit: int) -> builtins.list[ScheduleEnvelope]:
        """Return at most `limit` active schedules with next_run <= now, earliest first."""
        return self._kept.due(now, limit)

    def next_due(self) -> float | None:
        """Return seconds until the earliest next run, 0 or less when one is due, None when there is none."""
        return self._kept.next_due()

    # Dispatch

    def apply(self, items: Sequence[PlanItem]) -> builtins.list[Refusal]:
        """Record and push beside the jobs, then move or end each schedule that still is what was planned.

        A crash between the two repeats a delivery that changes nothing.
        """
        self._refuse_joined()
        refused = [Refusal(i.envelope.id, "state") for i in items if i.envelope.state is not ScheduleState.ACTIVE]
        trying = [item for item in items if item.envelope.state is ScheduleState.ACTIVE]
        while trying:
            first, later = first_of_each(trying)
            late = self._applied(list(first.values()))
            unfit = {refusal.schedule_id for refusal in late}
            trying = [item for item in later if item.envelope.id in unfit]
            refused += late + [_after(first[i.envelope.id]) for i in later if i.envelope.id not in unfit]
        return refused

    def _applied(self, items: Sequence[PlanItem]) -> builtins.list[Refusal]:
        """Apply items of as many schedules; returns those that no longer fit."""
        wanted = [item for item in items if item.quarantine is None]
        late = self._delivered(wanted) if wanted else []
        left = {refusal.schedule_id for refusal in late}
        late += self._advanced([item for item in wanted if item.envelope.id not in left])
        aside = [self._set_aside(item) for item in items if item.quarantine is not None]
        return late + [refusal for refusal in aside if refusal is not None]

    def _delivered(self, items: Sequence[PlanItem]) -> builtins.list[Refusal]:
        refused = self._ledger.deliver(items)
        reached("scheduler.deliver")
        for refusal in refused:
            if refusal.reason != "open_runs":
                self._fencing.give_up(refusal.schedule_id)
        return refused

    def _advanced(self, items: Sequence[PlanItem]) -> builtins.list[Refusal]:
        refused = self._kept.advance([self._counted(item) for item in items]) if items else []
        reached("scheduler.advance")
        # What ended did so with the delivery; who found that before has taken the schedule away.
        ended = {item.envelope.id for item in items if item.next_run is None}
        return [each for each in refused if each.schedule_id not in ended]

    def advance(self, items: Sequence[PlanItem]) -> builtins.list[Refusal]:
        """Move or end schedules without rows and jobs; returns the items that no longer fit."""
        self._refuse_joined()
        return self._kept.advance(items)

    def _counted(self, item: PlanItem) -> PlanItem:
        """Return an item with the number of its occurrences that ran, where an earlier delivery may say another one.

        A plan that is made again after a crash finds the run of the first open, or finds it late.
        """
        if item.next_run is None or (
            item.envelope.overlap is Overlap.ALLOW and len(item.jobs) == len(item.occurrences)
        ):
            return item
        envelope = item.envelope
        return item._replace(runs=self._fencing.ran(envelope.id, envelope.next_nominal, item.next_nominal))

    def _set_aside(self, item: PlanItem) -> Refusal | None:
        """Take a schedule out of the running that cannot be planned; or say why it no longer is what was planned."""
        expected = item.envelope
        seen, now = self._fencing.seen(expected.id), self._now()
        newest = seen.newest
        if newest is None or newest.state.ended:
            return Refusal(expected.id, "gone")
        if newest.generation != expected.generation:
            return Refusal(expected.id, "generation")
        if newest.next_run != expected.next_run:
            return Refusal(expected.id, "next_run")
        aside = replace(newest, state=ScheduleState.QUARANTINED, note=item.quarantine, updated_at=now)
        aside = replace(aside, generation=next_generation(_generation(seen), now))
        return Refusal(expected.id, "generation") if self._raised(aside, seen) is None else None


def _after(applied: PlanItem) -> Refusal:
    """Refuse another item of a schedule that this one moved."""
    return Refusal(applied.envelope.id, "gone" if applied.next_run is None else "next_run")


def _generation(seen: Seen) -> int:
    return max(seen.newest.generation if seen.newest else 0, seen.fence or 0)

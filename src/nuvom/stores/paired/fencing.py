"""Which definition of a schedule holds in two stores: the fence beside the ledger is written first, the other follows.

Whoever finds the fence newer completes that change: its caller had no answer yet, so both results are right.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from nuvom._clock import to_us
from nuvom._identity import next_generation
from nuvom._schedule import OccurrenceOutcome, ScheduleEnvelope, ScheduleState
from nuvom.errors import SettingsError
from nuvom.stores.base import Store

PAGE = 100  # fences in one step of housekeeping

_PLACE = ("next_nominal", "next_run", "run_count", "tzdata", "times_since")
_ROWS = 1_000  # of the ledger in which runs are counted at once
_OVERLAP = 600_000_000  # microseconds before a look in which what it may have missed was changed


class Seen(NamedTuple):
    """The newest that both stores know of an id, an ended life too, and the generation of its fence."""

    newest: ScheduleEnvelope | None
    fence: int | None


class Fencing:
    """The fences of the queue store and the schedules that follow them.

    Args:
        queue: whose ledger has the fences.
        keeper: where schedules are kept.
    """

    def __init__(self, queue: Store, keeper: Store) -> None:
        self._ledger = queue.ledger
        self._now = queue.now
        self._kept = keeper.schedules
        self._keepers_own = keeper.ledger
        self._place = (0, "")
        self._apart = False
        self._began = self._complete_until = 0  # microseconds since 1970

    def seen(self, schedule_id: str) -> Seen:
        """Return what is known of an id; a change that was begun and not ended is completed."""
        fence = self._ledger.fence(schedule_id)
        known = self._known(schedule_id)
        if fence is None:
            return Seen(known, None)
        if known is None or known.generation < fence.envelope.generation:
            with suppress(ValueError):  # its name was taken, and what is known now is that it never was
                known = self.complete(schedule_id) or fence.envelope
                return Seen(known, known.generation)
            fence = self._ledger.fence(schedule_id) or fence
            return Seen(fence.envelope, fence.envelope.generation)
        return Seen(known, fence.envelope.generation)

    def _known(self, schedule_id: str) -> ScheduleEnvelope | None:
        kept = self._kept.get(schedule_id)
        if kept is not None:
            return kept
        ended = self._keepers_own.fence(schedule_id)
        return None if ended is None or ended.ended_at is None else ended.envelope

    def complete(self, schedule_id: str) -> ScheduleEnvelope | None:
        """Bring the schedules to what the fence says, however many others do the same; returns that, None for none.

        Raises:
            ValueError: it cannot be stored, because another id has its name; its fence has ended then.
        """
        fence = self._ledger.fence(schedule_id)
        if fence is None:
            return None
        kept = self._kept.get(schedule_id)
        if kept is not None and kept.generation >= fence.envelope.generation:
            return fence.envelope
        return self._brought(fence.envelope, kept)

    def follow(self, newer: ScheduleEnvelope, before: ScheduleEnvelope | None) -> ScheduleEnvelope:
        """Bring a schedule to the fence that the caller has just raised; returns how it is stored.

        Args:
            newer: what the fence says.
            before: the newest that was known before, an ended life too.

        Raises:
            ValueError: as `complete` does.
        """
        lives = before is not None and not before.state.ended
        return self._brought(newer, self._kept.get(newer.id) if lives else None)

    def give_up(self, schedule_id: str) -> None:
        """See to a schedule whose delivery its fence refused: one that is gone needs nothing more."""
        if self._kept.get(schedule_id) is not None:
            with suppress(ValueError):  # it has ended for that
                self.complete(schedule_id)

    def _brought(self, envelope: ScheduleEnvelope, kept: ScheduleEnvelope | None) -> ScheduleEnvelope:
        if kept is not None and not envelope.state.ended and kept.created_at == envelope.created_at:
            envelope = self._in_place(envelope, kept)
        if envelope.created_at is None:  # it comes from a backend that does not say
            envelope = replace(envelope, created_at=self._now(), updated_at=self._now())
        try:
            self._kept.follow([envelope])
        except ValueError:
            self._withdraw(envelope)  # else whoever looks would try it for ever
            raise
        if not self._apart and not envelope.state.ended:
            self._tell_apart(envelope)
        return envelope

    def _tell_apart(self, envelope: ScheduleEnvelope) -> None:
        """Raise SettingsError where both stores are one: a fence that it has itself already is followed by nothing."""
        own = self._keepers_own.fence(envelope.id)
        is_ours = own is not None and own.ended_at is None and own.envelope.generation == envelope.generation
        if is_ours and self._kept.get(envelope.id) is None:
            raise SettingsError("NUVOM_SCHEDULER names the store that has the jobs, in other words: leave it out")
        self._apart = True

    def _withdraw(self, envelope: ScheduleEnvelope) -> None:
        now = self._now()
        ended = envelope.ended(ScheduleState.CANCELLED, next_generation(envelope.generation, now), now)
        self._ledger.raise_fence(ended, envelope.generation)

    def _in_place(self, envelope: ScheduleEnvelope, kept: ScheduleEnvelope) -> ScheduleEnvelope:
        """Return a newer definition with the place that its schedule has come to, and the runs counted up to there.

        The kept one may have moved on since the caller read it. Its next run and its count belong together: the count
        is of the occurrences before. From the place of one to that of the other the ledger says what ran; no delivery
        of the older definition can come any more.
        """
        if _is_before(envelope.next_nominal, kept.next_nominal) and envelope.same_times(kept):
            return replace(envelope, **{name: getattr(kept, name) for name in _PLACE})
        ran = self.ran(kept.id, kept.next_nominal, envelope.next_nominal)
        return replace(envelope, run_count=kept.run_count + ran)

    def ran(self, schedule_id: str, since: datetime | None, until: datetime | None) -> int:
        """Count the occurrences with since <= nominal < until that were dispatched by the plan."""
        if since is None or (until is not None and until <= since):
            return 0
        count, rows = 0, self._ledger.occurrences(schedule_id, _ROWS, until, after=since)
        while rows:
            count += sum(row.outcome is OccurrenceOutcome.DISPATCHED and not row.source for row in rows)
            full = len(rows) == _ROWS
            rows = self._ledger.occurrences(schedule_id, _ROWS, rows[-1].nominal, after=since) if full else []
        return count

    def step(self) -> bool:
        """Complete what somebody began to change and did not end, among the next fences; True when there are more.

        The first sweep looks at all; a later one at what was changed since the one before began.
        """
        if self._place == (0, ""):
            self._place = (max(self._complete_until - _OVERLAP, 1), "")
            self._began = to_us(self._now())
        found = self._ledger.fences(self._place, PAGE)
        for fence in found:
            known = self._known(fence.envelope.id)
            if known is None or known.generation < fence.envelope.generation:
                with suppress(ValueError):  # it has ended for that
                    self.complete(fence.envelope.id)
        if len(found) == PAGE:
            self._place = (found[-1].envelope.generation, found[-1].envelope.id)
            return True
        self._place, self._complete_until = (0, ""), self._began
        return False


def _is_before(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and other is not None and one < other

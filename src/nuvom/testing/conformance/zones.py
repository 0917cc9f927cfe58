"""What a store keeps of the tz database: which release computed a next run, and which local time was dispatched."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from nuvom._schedule import ScheduleEnvelope, ScheduleState
from nuvom.stores.base import Store
from nuvom.stores.values import PlanItem, Refusal
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import (
    DAY,
    HOUR,
    MINUTE,
    all_jobs,
    daily,
    dispatched,
    every,
    ids,
    ledger,
    missed,
    planned,
    stored,
)

OLD, NEW = "2026a", "2026b"


def ahead(store: Store, clock: VirtualClock, tzdata: str | None = OLD) -> ScheduleEnvelope:
    """Store a cron schedule that is due in an hour."""
    return stored(store, daily(clock.now() + HOUR, tzdata=tzdata, times_since=clock.now()))


def moved(envelope: ScheduleEnvelope, next_run: datetime | None, since: datetime | None = None) -> PlanItem:
    """Return the item that moves a schedule by the rules of a new release."""
    return PlanItem(envelope, (), (), next_run, next_run, tzdata=NEW, times_since=since)


def read(store: Store, envelope: ScheduleEnvelope) -> ScheduleEnvelope:
    found = store.schedules.get(envelope.id)
    assert found is not None
    return found


@pytest.mark.parametrize("other", ["2025z", "2026c"])
def test_cron_schedules_of_any_other_release_are_outdated(store: Store, clock: VirtualClock, other: str) -> None:
    outdated = ahead(store, clock, other)
    ahead(store, clock, NEW)
    assert ids(store.schedules.outdated_zones(NEW, 10)) == [outdated.id]


def test_what_no_release_computed_is_not_outdated(store: Store, clock: VirtualClock) -> None:
    ahead(store, clock, None)
    stored(store, every(60, clock.now() + HOUR))
    assert store.schedules.outdated_zones(NEW, 10) == []


def test_a_schedule_that_is_due_or_paused_is_left_out_of_the_outdated(store: Store, clock: VirtualClock) -> None:
    due, paused = ahead(store, clock), ahead(store, clock)
    store.schedules.update(replace(paused, state=ScheduleState.PAUSED))
    clock.advance(HOUR)
    later = ahead(store, clock)
    assert ids(store.schedules.outdated_zones(NEW, 10)) == [later.id]
    assert ids(store.schedules.due(clock.now(), 10)) == [due.id]


def test_the_outdated_come_whole_and_at_most_as_many_as_asked(store: Store, clock: VirtualClock) -> None:
    kept = [ahead(store, clock) for _ in range(5)]
    found = store.schedules.outdated_zones(NEW, 3)
    assert len(found) == 3
    assert all(envelope in kept for envelope in found)


def test_apply_moves_a_run_that_lies_ahead_to_and_fro(store: Store, clock: VirtualClock) -> None:
    for by in (HOUR, -HOUR / 2):
        envelope = ahead(store, clock)
        assert envelope.next_run is not None
        wanted, since = envelope.next_run + by, clock.now() + MINUTE
        assert store.schedules.apply([moved(envelope, wanted, since)]) == []
        assert read(store, envelope) == replace(
            envelope, next_nominal=wanted, next_run=wanted, tzdata=NEW, times_since=since
        )
    assert store.schedules.outdated_zones(NEW, 10) == []
    assert store.schedules.next_due() == pytest.approx(1800)


def test_apply_takes_the_release_where_nothing_moves(store: Store, clock: VirtualClock) -> None:
    envelope = ahead(store, clock)
    assert store.schedules.apply([moved(envelope, envelope.next_run)]) == []
    assert read(store, envelope) == replace(envelope, tzdata=NEW)


def test_apply_records_what_a_move_missed(store: Store, clock: VirtualClock) -> None:
    envelope = ahead(store, clock)
    row = missed(envelope, clock.now() - MINUTE, utc_offset=7200)
    item = moved(envelope, clock.now() + DAY)._replace(occurrences=(row,))
    assert store.schedules.apply([item]) == []
    assert ledger(store, envelope.id) == [row._replace(recorded_at=clock.now())]
    assert all_jobs(store) == []
    assert read(store, envelope).run_count == 0


def test_apply_ends_what_a_move_leaves_nothing_to_run(store: Store, clock: VirtualClock) -> None:
    envelope = ahead(store, clock)
    assert store.schedules.apply([moved(envelope, None)]) == []
    fence = store.ledger.fence(envelope.id)
    assert fence is not None
    assert (store.schedules.get(envelope.id), fence.envelope.state) == (None, ScheduleState.DONE)


def test_of_two_that_move_the_same_run_the_second_is_refused(store: Store, clock: VirtualClock) -> None:
    envelope = ahead(store, clock)
    first, second = clock.now() + DAY, clock.now() + 2 * DAY
    store.schedules.apply([moved(envelope, first)])
    assert store.schedules.apply([moved(envelope, second)]) == [Refusal(envelope.id, "next_run")]
    assert read(store, envelope).next_run == first


def test_a_move_of_what_was_redefined_is_refused(store: Store, clock: VirtualClock) -> None:
    envelope = ahead(store, clock)
    newer = store.schedules.update(replace(envelope, arguments=b"[[2],{}]"))
    assert store.schedules.apply([moved(envelope, clock.now() + DAY)]) == [Refusal(envelope.id, "generation")]
    assert newer is not None
    assert read(store, envelope) == newer


def test_a_dispatch_takes_the_release_it_was_planned_with(store: Store, clock: VirtualClock) -> None:
    wanted = stored(store, daily(clock.now(), tzdata=OLD, times_since=clock.now() - DAY))
    other = stored(store, daily(clock.now(), tzdata=OLD))
    later = clock.now() + DAY
    store.schedules.apply([planned(wanted, later)._replace(tzdata=NEW), planned(other, later)])
    assert (read(store, wanted).tzdata, read(store, wanted).times_since) == (NEW, wanted.times_since)
    assert read(store, other).tzdata == OLD


@pytest.mark.parametrize("utc_offset", [None, 0, 20_700, -12_600, 46_800])
def test_a_row_keeps_the_offset_of_then(store: Store, clock: VirtualClock, utc_offset: int | None) -> None:
    envelope = stored(store, daily(clock.now()))
    row = dispatched(envelope, clock.now(), utc_offset=utc_offset)
    store.schedules.apply([planned(envelope, clock.now() + DAY, row)])
    [kept] = ledger(store, envelope.id)
    assert kept.utc_offset == utc_offset
    found = store.ledger.occurrence(envelope.id, clock.now())
    assert found is not None
    assert found.utc_offset == utc_offset


def test_a_delivered_row_keeps_the_offset_of_then(store: Store, clock: VirtualClock) -> None:
    envelope = daily(clock.now(), generation=1)
    row = dispatched(envelope, clock.now(), utc_offset=3600)
    store.ledger.deliver([planned(envelope, clock.now() + DAY, row)])
    assert [kept.utc_offset for kept in ledger(store, envelope.id)] == [3600]

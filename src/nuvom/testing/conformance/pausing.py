"""Pauses and other changes: compare-and-set on the generation, with the rows of what is not run in one step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nuvom._schedule import ScheduleEnvelope, ScheduleState
from nuvom.stores.base import Store
from nuvom.stores.values import PassedOver, ScheduleFilter
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import (
    DAY,
    HOUR,
    MINUTE,
    all_schedules,
    daily,
    every,
    ledger,
    missed,
    one_off,
    planned,
    stored,
)


def paused(store: Store, clock: VirtualClock, envelope: ScheduleEnvelope) -> ScheduleEnvelope:
    """Pause a stored schedule."""
    newer = store.schedules.update(replace(envelope, state=ScheduleState.PAUSED, note="n", paused_at=clock.now()))
    assert newer is not None
    return newer


def test_a_paused_schedule_is_never_due(store: Store, clock: VirtualClock) -> None:
    envelope = paused(store, clock, stored(store, every(60, clock.now())))
    assert (store.schedules.due(clock.now() + DAY, 10), store.schedules.next_due()) == ([], None)
    assert (envelope.note, envelope.paused_at) == ("n", clock.now())
    assert store.schedules.get(envelope.id) == envelope


def test_a_plan_made_before_a_pause_is_refused(store: Store, clock: VirtualClock) -> None:
    before = stored(store, every(60, clock.now()))
    paused(store, clock, before)
    [refusal] = store.schedules.apply([planned(before, clock.now() + MINUTE)])
    assert refusal.reason == "generation"


def test_an_update_records_its_rows_with_the_change_or_not_at_all(store: Store, clock: VirtualClock) -> None:
    envelope = stored(store, every(60, clock.now()))
    row = missed(envelope, clock.now())
    assert store.schedules.update(replace(envelope, generation=envelope.generation - 1), [row]) is None
    assert ledger(store, envelope.id) == []
    assert store.schedules.update(replace(envelope, next_run=clock.now() + HOUR), [row]) is not None
    [kept] = ledger(store, envelope.id)
    assert (kept.nominal, kept.outcome, kept.reason) == (row.nominal, "missed", row.reason)


def test_a_replacement_records_what_it_keeps_from_running(store: Store, clock: VirtualClock) -> None:
    envelope = stored(store, every(60, clock.now(), name="a"))
    row = missed(envelope, clock.now())
    store.schedules.upsert(replace(envelope, task="tasks.other"), PassedOver(envelope.generation, (row,)))
    assert len(ledger(store, envelope.id)) == 1
    other = PassedOver(None, (row._replace(nominal=clock.now() + HOUR),))
    store.schedules.upsert(replace(envelope, task="tasks.other"), other)
    assert len(ledger(store, envelope.id)) == 1, "what changes nothing records nothing"


def test_a_replacement_of_times_that_were_changed_since_is_lost(store: Store, clock: VirtualClock) -> None:
    first = stored(store, every(60, clock.now(), name="a"))
    second = store.schedules.update(replace(first, task="tasks.other"))
    assert second is not None
    wanted = replace(first, interval=30.0)
    for generation in (None, first.generation):
        passed = PassedOver(generation, (missed(first, clock.now()),))
        assert store.schedules.upsert(wanted, passed) == (second, "lost")
    assert (store.schedules.get(first.id), ledger(store, first.id)) == (second, [])
    assert store.schedules.upsert(wanted, PassedOver(second.generation, ())).change == "replaced"


def test_an_update_that_ends_a_schedule_records_its_rows(store: Store, clock: VirtualClock) -> None:
    envelope = stored(store, every(60, clock.now()))
    ended = store.schedules.update(replace(envelope, state=ScheduleState.CANCELLED), [missed(envelope, clock.now())])
    assert ended is not None
    assert (ended.state, store.schedules.get(envelope.id)) == (ScheduleState.CANCELLED, None)
    assert len(ledger(store, envelope.id)) == 1


def test_all_active_schedules_are_paused_in_one_step(store: Store, clock: VirtualClock) -> None:
    active = [stored(store, each) for each in (every(60, clock.now()), daily(clock.now()), one_off(clock.now()))]
    before = paused(store, clock, stored(store, every(60, clock.now())))
    clock.advance(HOUR)
    assert store.schedules.pause_all("release") == 3
    assert store.schedules.pause_all("again") == 0
    assert store.schedules.due(clock.now(), 10) == []
    found = {each.id: each for each in all_schedules(store)}
    assert found[before.id] == before, "what was paused keeps its own note"
    for each in active:
        newer = found[each.id]
        assert (newer.state, newer.note, newer.paused_at) == (ScheduleState.PAUSED, "release", clock.now())
        assert newer.generation > each.generation
        assert newer.next_run == each.next_run


def test_schedules_are_listed_by_origin_and_metadata(store: Store, clock: VirtualClock) -> None:
    plain = stored(store, every(60, clock.now()))
    code = stored(store, every(60, clock.now(), origin="code", metadata={"team": "a", "n": 1, "urgent": True}))
    other = stored(store, every(60, clock.now(), metadata={"team": "b", "n": 1, "urgent": False, "gone": None}))

    def found(**wanted: Any) -> list[ScheduleEnvelope]:
        return store.schedules.list(ScheduleFilter(**wanted), 10)

    assert found(origin="code") == [code]
    assert found(origin="api") == [other, plain]
    assert found(metadata={"n": 1}) == [other, code]
    assert found(metadata={"n": 1, "team": "a"}) == [code]
    assert found(metadata={"urgent": True}) == [code]
    assert found(metadata={"gone": None}) == [other]
    assert found(metadata={"team": "A"}) == found(metadata={"no'such": 1}) == []


def test_every_field_of_a_schedule_comes_back_as_it_was_stored(store: Store, clock: VirtualClock) -> None:
    envelope = stored(
        store,
        daily(
            clock.now(),
            name="all",
            times_since=clock.now() - HOUR,
            starts_at=clock.now() - DAY,
            ends_at=clock.now() + DAY,
            max_runs=7,
            grace=MINUTE,
            jitter=HOUR,
            next_run=clock.now() + MINUTE,
            overridden=("grace", "times"),
            origin="code",
        ),
    )
    assert store.schedules.get(envelope.id) == envelope
    assert ScheduleEnvelope.from_dict(envelope.to_dict()) == envelope
    ended = store.schedules.update(replace(envelope, state=ScheduleState.CANCELLED))
    fence = store.ledger.fence(envelope.id)
    assert fence is not None
    assert fence.envelope == ended

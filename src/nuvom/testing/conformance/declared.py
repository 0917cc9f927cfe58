"""Schedules that code declares: what calls changed, cancelled or made is left alone, and an end is remembered."""

from __future__ import annotations

from dataclasses import replace

from nuvom._identity import PRUNED
from nuvom._schedule import ScheduleEnvelope, ScheduleState
from nuvom.stores.base import Store
from nuvom.stores.values import Change, Retention, ScheduleFilter
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import (
    DAY,
    HOUR,
    MINUTE,
    all_jobs,
    all_schedules,
    daily,
    every,
    ids,
    ledger,
    planned,
    stored,
)


def declared(clock: VirtualClock, **said: object) -> ScheduleEnvelope:
    """Return a definition in code; the same name gives the same id."""
    return every(3600, clock.now() + HOUR, **{"id": _ID, "name": "n", "origin": "code", **said})


_ID = "00000000-0000-5000-8000-00000000000c"


def pruned(store: Store) -> None:
    """Prune until nothing is left to do."""
    while store.prune(Retention()):
        pass


def test_a_call_on_a_declared_schedule_is_marked_and_code_leaves_it(store: Store, clock: VirtualClock) -> None:
    stored(store, declared(clock))
    called = stored(store, declared(clock, origin="api", arguments=b'[["called"],{}]'))
    assert (called.origin, called.overridden) == ("code", ("arguments",))
    assert store.schedules.get(_ID) == called
    assert store.schedules.upsert(declared(clock)) == (called, Change.UNCHANGED)
    other = stored(store, declared(clock, options={"queue": "q"}))
    assert (other.arguments, other.options, other.overridden) == (called.arguments, {"queue": "q"}, ("arguments",))


def test_overwrite_takes_the_codes(store: Store, clock: VirtualClock) -> None:
    before = stored(store, declared(clock))
    stored(store, declared(clock, origin="api", arguments=b'[["called"],{}]', interval=60.0))
    after, change = store.schedules.upsert(declared(clock), overwrite=True)
    assert change is Change.REPLACED
    assert (after.arguments, after.interval, after.overridden) == (before.arguments, before.interval, ())
    assert store.schedules.get(_ID) == after


def test_code_leaves_a_schedule_that_a_call_made(store: Store, clock: VirtualClock) -> None:
    mine = stored(store, declared(clock, origin="api"))
    wanted = declared(clock, task="tasks.other", interval=60.0)
    for forced in (False, True):
        assert store.schedules.upsert(wanted, overwrite=forced, revive=forced) == (mine, Change.TAKEN)
    assert all_schedules(store) == [mine]


def test_code_does_not_bring_back_what_was_cancelled_until_it_is_revived(store: Store, clock: VirtualClock) -> None:
    first = stored(store, declared(clock))
    store.schedules.cancel(_ID)
    for overwrite in (False, True):
        assert store.schedules.upsert(declared(clock), overwrite=overwrite).change is Change.CANCELLED
    assert all_schedules(store) == []
    revived, change = store.schedules.upsert(declared(clock), revive=True)
    assert change is Change.CREATED
    assert revived.generation > first.generation
    assert all_schedules(store) == [revived]


def test_code_brings_back_what_was_only_pruned(store: Store, clock: VirtualClock) -> None:
    first = stored(store, declared(clock))
    store.schedules.update(replace(first, state=ScheduleState.CANCELLED, note=PRUNED))
    assert all_schedules(store) == []
    back, change = store.schedules.upsert(declared(clock))
    assert (change, back.note, back.state) == (Change.CREATED, None, ScheduleState.ACTIVE)


def test_the_end_of_what_code_declared_is_never_forgotten(store: Store, clock: VirtualClock) -> None:
    stored(store, declared(clock))
    store.schedules.cancel(_ID)
    over = stored(store, daily(clock.now(), origin="code", max_runs=1))
    store.schedules.apply([planned(over, None)])
    store.jobs.cancel(all_jobs(store)[0].id)
    made_by_a_call = stored(store, daily(clock.now()))
    store.schedules.cancel(made_by_a_call.id)
    clock.advance(1000 * DAY)
    pruned(store)
    assert ledger(store, over.id) == []
    assert store.ledger.fence(made_by_a_call.id) is None
    assert store.schedules.upsert(declared(clock)).change is Change.CANCELLED
    assert store.schedules.upsert(over).change is Change.DONE


def test_code_takes_over_what_lived_in_another_backend(store: Store, clock: VirtualClock) -> None:
    elsewhere = declared(clock, generation=5)
    store.ledger.raise_fence(elsewhere, None)
    taken, change = store.schedules.upsert(declared(clock))
    assert change is Change.CREATED
    assert taken.generation > elsewhere.generation


def test_a_pause_and_its_note_survive_a_redefinition(store: Store, clock: VirtualClock) -> None:
    first = stored(store, declared(clock))
    store.schedules.update(replace(first, state=ScheduleState.PAUSED, note="holidays", paused_at=clock.now()))
    other = declared(clock, interval=60.0, arguments=b"[[1],{}]")
    for overwrite in (False, True):
        after = store.schedules.upsert(other, overwrite=overwrite).envelope
        assert (after.state, after.note, after.interval) == (ScheduleState.PAUSED, "holidays", 60.0)


def test_an_instant_dispatched_before_a_cancel_is_not_dispatched_again_in_the_new_life(
    store: Store, clock: VirtualClock
) -> None:
    nominal = clock.now()
    for _ in range(3):
        envelope = stored(store, every(3600, nominal, id=_ID, name="n"))
        assert store.schedules.apply([planned(envelope, nominal + HOUR)]) == []
        store.schedules.cancel(_ID)
    assert len(ledger(store, _ID)) == len(all_jobs(store)) == 1


def test_a_listing_tells_what_code_declared_from_what_calls_made(store: Store, clock: VirtualClock) -> None:
    code = stored(store, declared(clock))
    call = stored(store, daily(clock.now() + MINUTE))
    assert ids(store.schedules.list(ScheduleFilter(origin="code"), 10)) == [code.id]
    assert ids(store.schedules.list(ScheduleFilter(origin="api"), 10)) == [call.id]

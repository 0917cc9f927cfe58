"""`ScheduleStore.advance` and `follow`, and what a ledger does for them: schedules whose jobs are in another store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nuvom._schedule import OccurrenceOutcome, ScheduleEnvelope, ScheduleState
from nuvom.stores.base import Store
from nuvom.stores.values import Fence, Refusal
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import (
    HOUR,
    MINUTE,
    all_jobs,
    all_schedules,
    every,
    ledger,
    missed,
    one_off,
    planned,
    stored,
)

LATER = 2**52  # a generation after any that a store's clock gives


def elsewhere(clock: VirtualClock, generation: int = LATER, **said: object) -> ScheduleEnvelope:
    """Return a schedule as a fence elsewhere has it."""
    now = clock.now()
    return every(60, now, generation=generation, created_at=now, updated_at=now, **said)


def test_a_definition_is_followed_as_it_is(store: Store, clock: VirtualClock) -> None:
    first = elsewhere(clock, name="n", run_count=3)
    store.schedules.follow([first])
    assert store.schedules.get(first.id) == first
    paused = replace(first, generation=LATER + 7, state=ScheduleState.PAUSED, note="why", paused_at=clock.now())
    store.schedules.follow([paused])
    assert store.schedules.get(first.id) == paused
    assert store.schedules.due(clock.now(), 10) == []


@pytest.mark.parametrize("generation", [LATER - 1, LATER])
def test_a_definition_that_is_not_newer_changes_nothing(store: Store, clock: VirtualClock, generation: int) -> None:
    kept = elsewhere(clock)
    store.schedules.follow([kept])
    store.schedules.follow([replace(kept, generation=generation, task="tasks.late")])
    store.schedules.follow([replace(kept, generation=generation).ended(ScheduleState.DONE, generation, clock.now())])
    assert all_schedules(store) == [kept]


@pytest.mark.parametrize("state", [ScheduleState.DONE, ScheduleState.CANCELLED])
@pytest.mark.parametrize("there", [True, False])
def test_an_end_that_is_followed_is_final_for_what_comes_late(
    store: Store, clock: VirtualClock, *, state: ScheduleState, there: bool
) -> None:
    old = elsewhere(clock)
    if there:
        store.schedules.follow([old])
    store.schedules.follow([old.ended(state, LATER + 1, clock.now())])
    assert store.schedules.get(old.id) is None
    store.schedules.follow([old])
    assert all_schedules(store) == []
    anew = replace(old, generation=LATER + 2)
    store.schedules.follow([anew])
    assert all_schedules(store) == [anew]


def test_what_is_followed_replaces_what_was_stored_here(store: Store, clock: VirtualClock) -> None:
    here = stored(store, every(60, clock.now() + HOUR, name="n"))
    newer = replace(here, generation=here.generation + 1, task="tasks.other")
    store.schedules.follow([newer])
    assert all_schedules(store) == [newer]


def test_a_followed_name_that_is_taken_is_refused(store: Store, clock: VirtualClock) -> None:
    first = elsewhere(clock, name="n")
    store.schedules.follow([first])
    with pytest.raises(ValueError, match="belongs to"):
        store.schedules.follow([elsewhere(clock, name="n")])
    assert all_schedules(store) == [first]


def test_advance_moves_without_rows_and_jobs(store: Store, clock: VirtualClock) -> None:
    envelope, later = stored(store, every(60, clock.now())), clock.now() + MINUTE
    assert store.schedules.advance([planned(envelope, later)._replace(runs=3)]) == []
    moved = store.schedules.get(envelope.id)
    assert moved is not None
    assert (moved.next_nominal, moved.next_run, moved.run_count) == (later, later, 3)
    assert moved.generation == envelope.generation
    assert (ledger(store, envelope.id), all_jobs(store)) == ([], [])


def test_advance_refuses_what_is_not_as_it_was_planned(store: Store, clock: VirtualClock) -> None:
    moved, changed, over, fine = (stored(store, every(60, clock.now())) for _ in range(4))
    later = clock.now() + MINUTE
    store.schedules.advance([planned(moved, later)])
    store.schedules.update(replace(changed, task="tasks.other"))
    store.schedules.cancel(over.id)
    before = all_schedules(store)
    refused = store.schedules.advance([planned(each, later) for each in (moved, changed, over, fine)])
    assert sorted(refused) == sorted(
        [Refusal(moved.id, "next_run"), Refusal(changed.id, "generation"), Refusal(over.id, "gone")]
    )
    assert [each for each in all_schedules(store) if each.id != fine.id] == [e for e in before if e.id != fine.id]
    assert store.schedules.advance([]) == []


def test_advance_ends_what_has_nothing_left(store: Store, clock: VirtualClock) -> None:
    envelope = stored(store, one_off(clock.now()))
    assert store.schedules.advance([planned(envelope, None)]) == []
    assert store.schedules.get(envelope.id) is None
    assert all_jobs(store) == []
    assert store.schedules.advance([planned(envelope, None)]) == [Refusal(envelope.id, "gone")]


@pytest.mark.parametrize("known", [True, False])
def test_a_delivery_with_nothing_left_ends_the_fence(store: Store, clock: VirtualClock, *, known: bool) -> None:
    envelope = one_off(clock.now(), generation=5, created_at=clock.now(), updated_at=clock.now())
    if known:
        store.ledger.raise_fence(envelope, None)
    assert store.ledger.deliver([planned(envelope, None)]) == []
    fence = store.ledger.fence(envelope.id)
    assert fence is not None
    assert (fence.ended_at, fence.envelope.state) == (clock.now(), ScheduleState.DONE)
    assert (fence.envelope.run_count, fence.envelope.next_run) == (1, None)
    assert fence.envelope.generation > envelope.generation
    assert store.ledger.deliver([planned(envelope, None)]) == [Refusal(envelope.id, "gone")]
    assert len(all_jobs(store)) == 1


def test_rows_come_with_the_fence_that_is_raised(store: Store, clock: VirtualClock) -> None:
    envelope = elsewhere(clock)
    row = missed(envelope, clock.now() - MINUTE)
    assert not store.ledger.raise_fence(envelope, 3, [row])
    assert ledger(store, envelope.id) == []
    assert store.ledger.raise_fence(envelope, None, [row])
    assert [each.outcome for each in ledger(store, envelope.id)] == [OccurrenceOutcome.MISSED]


def test_fences_are_paged_by_their_change_without_those_that_are_done(store: Store, clock: VirtualClock) -> None:
    made = [elsewhere(clock, generation) for generation in (7, 5, 5, 5, 9)]
    for each in made:
        store.ledger.raise_fence(each, None)
    done = elsewhere(clock, 6)
    store.ledger.raise_fence(done.ended(ScheduleState.DONE, 6, clock.now()), None)
    cancelled = elsewhere(clock, 8).ended(ScheduleState.CANCELLED, 8, clock.now())
    store.ledger.raise_fence(cancelled, None)
    expected = [Fence(each, None) for each in made] + [Fence(cancelled, clock.now())]
    expected.sort(key=lambda fence: (fence.envelope.generation, fence.envelope.id))
    found: list[Fence] = []
    place = (0, "")
    while page := store.ledger.fences(place, 2):
        found += page
        place = (page[-1].envelope.generation, page[-1].envelope.id)
    assert found == expected
    assert store.ledger.fences((5, "f" * 8 + "-ffff-ffff-ffff-" + "f" * 12), 1) == [Fence(made[0], None)]

"""`ScheduleStore` beyond the founding five: upsert, update, names, pages, what comes next, and lives that ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from fnmatch import fnmatchcase
from itertools import product

import pytest

from nuvom._schedule import CatchUp, ScheduleState
from nuvom.errors import NuvomError
from nuvom.stores.base import Store
from nuvom.stores.values import ScheduleFilter
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import (
    DAY,
    HOUR,
    MINUTE,
    NO_ID,
    all_schedules,
    daily,
    every,
    ids,
    one_off,
    planned,
    stored,
)


def test_an_upsert_creates(store: Store, clock: VirtualClock) -> None:
    wanted = daily(
        clock.now() + HOUR, name="nightly", timezone_name="Europe/Paris", options={"queue": "q"},
        metadata={"team": "α"}, catch_up=CatchUp.SKIP, origin="code", tzdata="2026a", unknown={"shade": 5},
    )  # fmt: skip
    envelope, change = store.schedules.upsert(wanted)
    assert change == "created"
    assert envelope.generation > 0
    kept = replace(wanted, generation=envelope.generation, created_at=clock.now(), updated_at=clock.now())
    assert envelope == kept
    assert store.schedules.get(wanted.id) == store.schedules.by_name("nightly") == kept


def test_the_same_upsert_changes_nothing(store: Store, clock: VirtualClock) -> None:
    wanted = every(60, clock.now(), name="n")
    before = stored(store, wanted)
    clock.advance(HOUR)
    later = replace(wanted, anchor=clock.now(), next_nominal=clock.now() + MINUTE, next_run=clock.now() + MINUTE)
    assert store.schedules.upsert(later) == (before, "unchanged")
    assert store.schedules.get(wanted.id) == before


def test_an_upsert_replaces_the_call_and_keeps_the_next_run(store: Store, clock: VirtualClock) -> None:
    before = stored(store, daily(clock.now() + HOUR))
    clock.advance(MINUTE)
    changed = replace(before, task="tasks.other", arguments=b"[[2],{}]", options={"queue": "q"}, next_run=clock.now())
    after, change = store.schedules.upsert(changed)
    assert (change, after.task, after.arguments, dict(after.options)) == (
        "replaced",
        "tasks.other",
        b"[[2],{}]",
        {"queue": "q"},
    )
    assert (after.next_run, after.created_at, after.updated_at) == (before.next_run, before.created_at, clock.now())
    assert after.generation > before.generation
    assert store.schedules.get(before.id) == after


def test_an_upsert_with_other_times_moves_the_next_run(store: Store, clock: VirtualClock) -> None:
    before = stored(store, every(60, clock.now() + MINUTE, name="n"))
    other = replace(one_off(clock.now() + DAY, name="n"), id=before.id)
    after, change = store.schedules.upsert(other)
    assert (change, after.next_run, after.interval, after.at) == (
        "replaced",
        clock.now() + DAY,
        None,
        clock.now() + DAY,
    )
    assert ids(store.schedules.upcoming(10)) == [before.id]
    assert store.schedules.due(clock.now() + HOUR, 10) == []


def test_an_upsert_keeps_a_pause(store: Store, clock: VirtualClock) -> None:
    before = stored(store, daily(clock.now()))
    paused = store.schedules.update(replace(before, state=ScheduleState.PAUSED, note="holidays"))
    assert paused is not None
    after = stored(store, replace(before, task="tasks.other"))
    assert (after.state, after.note, after.task) == (ScheduleState.PAUSED, "holidays", "tasks.other")


def test_a_one_off_that_ran_is_not_run_again_by_the_same_call(store: Store, clock: VirtualClock) -> None:
    wanted = one_off(clock.now(), name="once")
    store.schedules.apply([planned(stored(store, wanted), None)])
    envelope, change = store.schedules.upsert(wanted)
    assert (change, envelope.state, envelope.id) == ("done", ScheduleState.DONE, wanted.id)
    assert store.schedules.get(wanted.id) is None
    assert store.schedules.next_due() is None


def test_a_one_off_that_ran_starts_a_new_life_at_another_time(store: Store, clock: VirtualClock) -> None:
    wanted = one_off(clock.now(), name="once")
    first = stored(store, wanted)
    store.schedules.apply([planned(first, None)])
    later = replace(one_off(clock.now() + HOUR, name="once"), id=wanted.id)
    second, change = store.schedules.upsert(later)
    assert change == "created"
    assert second.generation > first.generation
    assert (second.run_count, second.next_run) == (0, clock.now() + HOUR)
    assert store.schedules.by_name("once") == second


def test_a_cancelled_one_off_may_be_made_anew(store: Store, clock: VirtualClock) -> None:
    wanted = one_off(clock.now() + HOUR)
    stored(store, wanted)
    store.schedules.cancel(wanted.id)
    assert store.schedules.upsert(wanted).change == "created"


def test_a_cancelled_schedule_leaves_a_tombstone(store: Store, clock: VirtualClock) -> None:
    envelope = stored(store, daily(clock.now() + HOUR, name="n"))
    clock.advance(5)
    assert store.schedules.cancel(envelope.id)
    assert store.schedules.get(envelope.id) is None
    assert store.schedules.by_name("n") is None
    fence = store.ledger.fence(envelope.id)
    assert fence is not None
    assert (fence.envelope.state, fence.envelope.task, fence.ended_at) == (
        ScheduleState.CANCELLED,
        envelope.task,
        clock.now(),
    )
    assert fence.envelope.generation > envelope.generation
    assert fence.envelope.next_run is None
    assert not store.schedules.cancel(envelope.id)


def test_the_generation_grows_over_cancel_and_anew_even_if_the_clock_stands_still(
    store: Store, clock: VirtualClock
) -> None:
    wanted = daily(clock.now() + HOUR)
    seen = []
    for _ in range(5):
        envelope = stored(store, wanted)
        seen.append(envelope.generation)
        store.schedules.cancel(wanted.id)
        fence = store.ledger.fence(wanted.id)
        assert fence is not None
        seen.append(fence.envelope.generation)
    assert seen == sorted(set(seen))


def test_the_generation_grows_over_enqueue_and_cancel(store: Store, clock: VirtualClock) -> None:
    wanted = daily(clock.now() + HOUR)
    seen = [store.schedules.enqueue(replace(wanted, task=f"t{n}")).generation for n in range(3)]
    store.schedules.cancel(wanted.id)
    seen.append(store.schedules.enqueue(wanted).generation)
    assert seen == sorted(set(seen))


def test_an_update_replaces_and_counts_the_generation(store: Store, clock: VirtualClock) -> None:
    before = stored(store, every(60, clock.now() + MINUTE, name="n"))
    clock.advance(1)
    wanted = replace(before, name="m", interval=120.0, next_run=clock.now() + HOUR, next_nominal=clock.now() + HOUR)
    after = store.schedules.update(wanted)
    assert after is not None
    assert after.generation > before.generation
    assert after == replace(wanted, generation=after.generation, updated_at=clock.now())
    assert store.schedules.get(before.id) == store.schedules.by_name("m") == after
    assert store.schedules.by_name("n") is None


def test_an_update_that_lost_the_race_changes_nothing(store: Store, clock: VirtualClock) -> None:
    read = stored(store, daily(clock.now() + HOUR))
    won = store.schedules.update(replace(read, task="tasks.won"))
    assert store.schedules.update(replace(read, task="tasks.lost")) is None
    assert store.schedules.get(read.id) == won


def test_an_update_of_what_is_gone_changes_nothing(store: Store, clock: VirtualClock) -> None:
    envelope = stored(store, daily(clock.now() + HOUR))
    store.schedules.cancel(envelope.id)
    assert store.schedules.update(envelope) is None
    assert store.schedules.update(daily(clock.now(), generation=1)) is None
    assert all_schedules(store) == []


def test_an_update_to_an_ended_state_ends_the_life(store: Store, clock: VirtualClock) -> None:
    envelope = stored(store, daily(clock.now() + HOUR, name="n"))
    ended = store.schedules.update(replace(envelope, state=ScheduleState.CANCELLED))
    assert ended is not None
    assert (ended.state, ended.generation > envelope.generation) == (ScheduleState.CANCELLED, True)
    assert store.schedules.get(envelope.id) is None
    assert store.schedules.by_name("n") is None
    fence = store.ledger.fence(envelope.id)
    assert fence is not None
    assert (fence.envelope.state, fence.ended_at) == (ScheduleState.CANCELLED, clock.now())


def test_a_dispatch_since_the_reading_is_counted_in_what_an_update_ends(store: Store, clock: VirtualClock) -> None:
    read = stored(store, every(60, clock.now()))
    store.schedules.apply([planned(read, clock.now() + MINUTE)])
    store.schedules.update(replace(read, state=ScheduleState.CANCELLED))
    fence = store.ledger.fence(read.id)
    assert fence is not None
    assert fence.envelope.run_count == 1


def test_a_dispatch_does_not_lose_an_update(store: Store, clock: VirtualClock) -> None:
    """The generation counts changes of definition, so a run between read and update is no lost race."""
    read = stored(store, every(60, clock.now()))
    store.schedules.apply([planned(read, clock.now() + MINUTE)])
    after = store.schedules.update(replace(read, task="tasks.other", next_run=clock.now() + MINUTE))
    assert after is not None
    assert after.task == "tasks.other"


def test_a_paused_schedule_is_not_due_and_comes_back(store: Store, clock: VirtualClock) -> None:
    envelope = stored(store, daily(clock.now()))
    paused = store.schedules.update(replace(envelope, state=ScheduleState.PAUSED, note="n"))
    assert paused is not None
    assert store.schedules.due(clock.now(), 10) == store.schedules.upcoming(10) == []
    assert store.schedules.next_due() is None
    assert store.schedules.get(envelope.id) == paused
    back = store.schedules.update(replace(paused, state=ScheduleState.ACTIVE, note=None))
    assert store.schedules.due(clock.now(), 10) == [back]


def test_upcoming_is_ordered_by_next_run(store: Store, clock: VirtualClock) -> None:
    later, soon, overdue = (stored(store, one_off(clock.now() + n * HOUR)) for n in (2, 1, -1))
    assert store.schedules.upcoming(10) == [overdue, soon, later]
    assert store.schedules.upcoming(2) == [overdue, soon]
    assert store.schedules.upcoming(0) == []


def test_next_due_counts_seconds_to_the_earliest(store: Store, clock: VirtualClock) -> None:
    assert store.schedules.next_due() is None
    stored(store, one_off(clock.now() + HOUR))
    stored(store, one_off(clock.now() + timedelta(seconds=1.5)))
    assert store.schedules.next_due() == pytest.approx(1.5, abs=1e-5)
    clock.advance(1.5)
    left = store.schedules.next_due()
    assert left is not None
    assert left <= 0


def test_a_sleep_until_the_next_due_is_long_enough(store: Store, clock: VirtualClock) -> None:
    envelope = stored(store, one_off(clock.now() + timedelta(seconds=1) / 3))
    left = store.schedules.next_due()
    assert left is not None
    clock.advance(left)
    assert store.schedules.due(clock.now(), 10) == [envelope]


def test_a_schedule_listing_finds_what_it_is_asked_for(store: Store, clock: VirtualClock) -> None:
    names = ["a-1", "a-2", "b-1", "a%1", "a_1", "a?1", "a[1]", "A-1", None]
    for number, name in enumerate(names):
        envelope = stored(store, daily(clock.now(), name=name, task=f"t{number % 2}"))
        if number % 3 == 0:
            store.schedules.update(replace(envelope, state=ScheduleState.PAUSED))
    known = all_schedules(store)
    assert len(known) == len(names)
    patterns = [None, "a-*", "*", "*1", "a-1", "a%1", "a_*", "a?*", "a[1]", "a[*", "nothing", "*-*"]
    for task, state, pattern in product([None, "t0", "none"], [None, *ScheduleState], patterns):
        wanted = ScheduleFilter(task=task, state=state, name_like=pattern)
        expected = [
            e.id for e in known if task in {None, e.task} and state in {None, e.state} and named_like(e.name, pattern)
        ]
        assert ids(store.schedules.list(wanted, 100)) == expected, wanted


def named_like(name: str | None, pattern: str | None) -> bool:
    """Tell whether a name fits a pattern in which only `*` is special."""
    if pattern is None:
        return True
    literal = "".join(f"[{c}]" if c in "?[" else c for c in pattern)
    return name is not None and fnmatchcase(name, literal)


def test_schedule_pages_have_no_gaps_and_no_repeats_while_schedules_are_added(
    store: Store, clock: VirtualClock
) -> None:
    old = [stored(store, daily(clock.now())) for _ in range(11)]
    seen: list[str] = []
    while page := store.schedules.list(ScheduleFilter(), 3, seen[-1] if seen else None):
        seen += ids(page)
        stored(store, daily(clock.now()))
        stored(store, replace(old[-1], task=f"replaced-{len(seen)}"))
    assert seen == ids(old)[::-1]


def test_schedule_pages_go_on_behind_a_schedule_that_is_gone_since(store: Store, clock: VirtualClock) -> None:
    old = [stored(store, one_off(clock.now())) for _ in range(6)]
    first = store.schedules.list(ScheduleFilter(), 2)
    store.schedules.cancel(first[-1].id)
    second = store.schedules.list(ScheduleFilter(), 2, first[-1].id)
    store.schedules.apply([planned(second[-1], None)])
    assert [*first, *second, *store.schedules.list(ScheduleFilter(), 9, second[-1].id)] == old[::-1]


def test_names_are_unique_and_an_unknown_one_is_none(store: Store, clock: VirtualClock) -> None:
    first = stored(store, daily(clock.now(), name="n"))
    with pytest.raises((NuvomError, ValueError)):
        stored(store, daily(clock.now(), name="n"))
    assert all_schedules(store) == [first]
    assert store.schedules.by_name("m") is None
    assert store.schedules.get(NO_ID) is None


def test_the_name_of_a_cancelled_schedule_may_be_used_again(store: Store, clock: VirtualClock) -> None:
    store.schedules.cancel(stored(store, daily(clock.now(), name="n")).id)
    second = stored(store, daily(clock.now(), name="n"))
    assert store.schedules.by_name("n") == second

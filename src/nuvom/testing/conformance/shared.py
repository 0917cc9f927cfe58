"""The tests of `Capability.SHARED`: several connections, as those of several processes, are one store."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import pytest

from nuvom.stores.base import Store
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance import racing, schedule_races
from nuvom.testing.conformance.examples import a_worker, claimed, daily, ids, pushed, running, stored, succeeded, the
from nuvom.testing.conformance.harness import Harness
from nuvom.testing.conformance.listening import LONG, PROMPT, heard, listening


@pytest.fixture
def stores(store: Store, harness: Harness, clock: VirtualClock) -> Iterator[list[Store]]:
    """Four connections to one store."""
    with ExitStack() as stack:
        yield [store, *(stack.enter_context(closing(harness.open(clock))) for _ in range(3))]


def test_what_one_connection_stored_another_sees(stores: list[Store], clock: VirtualClock) -> None:
    first, second = stores[:2]
    job_id, envelope = pushed(first), stored(first, daily(clock.now()))
    assert the(second, job_id) == the(first, job_id)
    assert second.schedules.get(envelope.id) == envelope
    worker = a_worker(first)
    assert ids(claimed(second, worker)) == [job_id]


def test_what_was_stored_outlives_its_connection(harness: Harness, store: Store, clock: VirtualClock) -> None:
    with closing(harness.open(clock)) as other:
        job_id = pushed(other)
    assert the(store, job_id).id == job_id


def test_closing_one_connection_leaves_the_others(stores: list[Store]) -> None:
    stores[1].close()
    assert the(stores[0], pushed(stores[2])).id


def test_a_push_is_heard_on_another_connection(stores: list[Store]) -> None:
    with listening(stores[0], "worker") as listener:
        heard(listener, lambda: pushed(stores[1]))


def test_a_changed_schedule_is_heard_on_another_connection(stores: list[Store], clock: VirtualClock) -> None:
    with listening(stores[0], "scheduler") as listener:
        heard(listener, lambda: stored(stores[1], daily(clock.now())))


def test_a_push_is_heard_even_where_no_address_is_known(stores: list[Store]) -> None:
    """A process that shares only the file, or a transaction of the user's own, sends no wake-up."""
    with closing(stores[0].listener("worker")) as listener:
        while listener.wait(0.3):
            pass
        heard(listener, lambda: pushed(stores[1]))


def test_a_result_wakes_a_waiter_on_another_connection(stores: list[Store]) -> None:
    worker = a_worker(stores[0])
    job = running(stores[0], worker)
    with ThreadPoolExecutor() as pool:
        wait = pool.submit(stores[1].jobs.wait_final, job.id, LONG)
        time.sleep(0.05)  # either order must work; this makes the usual one likely
        stores[0].jobs.finish(worker, [succeeded(job)])
        ended = wait.result(PROMPT)
    assert ended is not None
    assert ended.status == "succeeded"


def test_connections_that_claim_get_each_job_once(stores: list[Store]) -> None:
    racing.race_for_jobs(stores)


def test_connections_that_push_one_id_make_one_job(stores: list[Store]) -> None:
    racing.race_to_push(stores)


def test_connections_that_push_and_finish_one_key_keep_its_order(stores: list[Store]) -> None:
    racing.race_with_keys(stores)


@pytest.mark.parametrize("unique", ["queued", "done", "10m"])
def test_connections_that_push_one_kind_make_one_job(stores: list[Store], unique: str) -> None:
    racing.race_for_a_kind(stores, unique)


def test_connections_never_run_more_of_a_flow_than_may(stores: list[Store]) -> None:
    racing.race_in_a_flow(stores)


def test_connections_never_start_more_than_a_rate_lets(stores: list[Store], clock: VirtualClock) -> None:
    racing.race_against_a_rate(stores, clock)


def test_connections_that_promote_do_it_once(stores: list[Store], clock: VirtualClock) -> None:
    racing.race_to_promote(stores, clock)


def test_connections_that_end_and_take_keys_leave_nobody_waiting(stores: list[Store]) -> None:
    racing.race_for_keys_that_change_hands(stores)


def test_connections_that_push_one_id_with_other_keys_leave_nobody_waiting(stores: list[Store]) -> None:
    racing.race_for_an_id(stores)


def test_connections_that_cancel_and_retry_one_job_do_it_once(stores: list[Store]) -> None:
    racing.race_to_retry(stores)


def test_connections_that_change_limits_leave_nobody_waiting(stores: list[Store]) -> None:
    racing.race_with_new_limits(stores)


def test_connections_that_apply_one_plan_apply_it_once(stores: list[Store], clock: VirtualClock) -> None:
    racing.race_to_apply(stores, clock)


def test_connections_that_upsert_one_schedule_create_it_once(stores: list[Store], clock: VirtualClock) -> None:
    racing.race_to_upsert(stores, clock)


def test_connections_that_update_one_reading_keep_one(stores: list[Store], clock: VirtualClock) -> None:
    racing.race_to_update(stores, clock)


def test_connections_that_cancel_and_apply_agree(stores: list[Store], clock: VirtualClock) -> None:
    racing.race_to_cancel(stores, clock)


def test_connections_that_raise_a_fence_raise_it_once(stores: list[Store], clock: VirtualClock) -> None:
    racing.race_to_raise_a_fence(stores, clock)


def test_connections_that_want_one_name_give_it_to_one(stores: list[Store], clock: VirtualClock) -> None:
    schedule_races.race_for_a_name(stores, clock)


def test_connections_that_dispatch_a_herd_dispatch_it_once(stores: list[Store], clock: VirtualClock) -> None:
    schedule_races.race_to_dispatch(stores, clock)


def test_connections_that_make_one_request_make_one_run(stores: list[Store], clock: VirtualClock) -> None:
    schedule_races.race_to_request(stores, clock)


def test_connections_that_backfill_and_apply_one_time_agree(stores: list[Store], clock: VirtualClock) -> None:
    schedule_races.race_to_backfill(stores, clock)


def test_connections_that_deliver_runs_that_must_not_overlap_start_one(
    stores: list[Store], clock: VirtualClock
) -> None:
    schedule_races.race_to_deliver(stores, clock)


def test_connections_that_prune_at_once_forget_what_is_over(stores: list[Store], clock: VirtualClock) -> None:
    schedule_races.race_to_prune(stores, clock)

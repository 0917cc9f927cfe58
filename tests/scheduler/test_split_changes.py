"""Changes of schedules in a backend of the founding five methods: kept under a fence, and final when ended."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given, settings, strategies as st

from nuvom._schedule import ScheduleState
from nuvom.errors import ScheduleChanged
from nuvom.scheduler.service import SchedulerService
from nuvom.scheduler.split import cancel_split
from nuvom.stores.base import Store
from nuvom.stores.registry import open_store
from nuvom.stores.values import JobFilter, PlanItem, Refusal
from nuvom.testing.clock import VirtualClock
from tests.scheduler.doubles import Five
from tests.scheduler.driving import enqueue, jobs_of, settle, split_service, state_of
from tests.scheduler.examples import NOON, interval, one_off, seconds

# change


def test_the_same_call_again_is_the_same_schedule(store: Store, five: Five, clock: VirtualClock) -> None:
    assert enqueue(store, five, interval(60)) == "created"
    [kept] = five.kept.values()
    assert enqueue(store, five, interval(60)) == "unchanged"
    assert list(five.kept.values()) == [kept]
    settle(split_service(store, five, clock))
    assert enqueue(store, five, interval(60, task="tasks.other")) == "replaced"
    [moved] = five.kept.values()
    assert (moved.task, moved.next_run) == ("tasks.other", NOON + seconds(60))  # a deploy does not reset an interval
    assert moved.generation > kept.generation


def test_twenty_processes_that_start_at_once_make_one_schedule(store: Store, five: Five) -> None:
    changes: list[str] = []
    ready = threading.Barrier(20)

    def start() -> None:
        ready.wait()
        changes.append(enqueue(store, five, interval(60)))

    threads = [threading.Thread(target=start) for _ in range(20)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(changes) == 20
    [kept] = five.kept.values()
    fence = store.ledger.fence(kept.id)
    assert fence is not None
    assert fence.envelope == kept


def test_a_cancel_is_final_for_what_is_in_flight(store: Store, five: Five, service: SchedulerService) -> None:
    envelope = interval(60)
    enqueue(store, five, envelope)
    [in_flight] = five.kept.values()
    assert cancel_split(five, store.ledger, envelope.id, store.now())
    assert not cancel_split(five, store.ledger, envelope.id, store.now())
    five.stale = [in_flight]
    five.enqueue(in_flight)  # a scheduler that had it in its hands
    settle(service)
    assert jobs_of(store) == []
    assert five.kept == {}
    assert state_of(store, envelope.id) is ScheduleState.CANCELLED


def test_cancelling_what_never_was_says_so(store: Store, five: Five) -> None:
    assert not cancel_split(five, store.ledger, interval().id, store.now())


def test_what_was_enqueued_without_nuvom_can_be_cancelled_for_good(
    store: Store, five: Five, service: SchedulerService
) -> None:
    envelope = replace(interval(60), generation=0)
    five.enqueue(envelope)
    assert cancel_split(five, store.ledger, envelope.id, store.now())
    five.stale = [envelope]
    settle(service)
    assert jobs_of(store) == []


@pytest.mark.parametrize("method", ["enqueue", "cancel"])
def test_a_change_that_lost_its_caller_is_completed_by_a_scheduler(
    store: Store, five: Five, service: SchedulerService, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*args: object) -> None:
        raise SystemExit

    envelope = interval(60)
    enqueue(store, five, envelope)
    change: Callable[[], object] = {
        "enqueue": lambda: enqueue(store, five, replace(envelope, task="tasks.other")),
        "cancel": lambda: cancel_split(five, store.ledger, envelope.id, store.now()),
    }[method]
    with monkeypatch.context() as patch:
        patch.setattr(five, method, crash)
        with pytest.raises(SystemExit):
            change()
    settle(service)
    jobs = store.jobs.list(JobFilter(), 10)
    assert [job.task for job in jobs] == (["tasks.other"] if method == "enqueue" else [])
    assert len(five.kept) == (1 if method == "enqueue" else 0)


def test_a_replacement_between_delivery_and_advance_is_not_lost(
    store: Store, five: Five, service: SchedulerService, monkeypatch: pytest.MonkeyPatch
) -> None:
    envelope = interval(60)
    enqueue(store, five, envelope)
    move = five.reschedule

    def reschedule(schedule_id: str, next_run: datetime) -> None:
        monkeypatch.setattr(five, "reschedule", move)
        enqueue(store, five, interval(30, NOON + seconds(30), task="tasks.other"))
        move(schedule_id, next_run)

    monkeypatch.setattr(five, "reschedule", reschedule)
    settle(service)
    [kept] = five.kept.values()
    fence = store.ledger.fence(envelope.id)
    assert fence is not None
    assert (kept.task, kept.interval, kept.generation) == ("tasks.other", 30, fence.envelope.generation)


def test_a_new_life_between_delivery_and_the_end_of_a_one_off_is_not_lost(
    store: Store, five: Five, service: SchedulerService, monkeypatch: pytest.MonkeyPatch, clock: VirtualClock
) -> None:
    envelope = one_off()
    enqueue(store, five, envelope)
    real = store.ledger.deliver

    def deliver(items: Sequence[PlanItem]) -> list[Refusal]:
        monkeypatch.setattr(store.ledger, "deliver", real)
        refused = real(items)
        enqueue(store, five, one_off(NOON + seconds(30)))
        return refused

    monkeypatch.setattr(store.ledger, "deliver", deliver)
    settle(service)
    [kept] = five.kept.values()
    assert kept.next_run == NOON + seconds(30)
    clock.advance(30)
    settle(service)
    assert jobs_of(store) == ["once 12:00:00", "once 12:00:30"]


def test_a_schedule_that_other_code_cancelled_begins_a_new_life(
    store: Store, five: Five, service: SchedulerService, clock: VirtualClock
) -> None:
    envelope = interval(60)
    enqueue(store, five, envelope)
    five.cancel(envelope.id)
    clock.advance(600)
    assert enqueue(store, five, interval(60, NOON + seconds(660))) == "created"
    settle(service)
    assert jobs_of(store) == []
    clock.advance(60)
    settle(service)
    assert jobs_of(store) == ["often 12:11:00"]


def test_a_caller_that_always_loses_is_told_so(store: Store, five: Five, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store.ledger, "raise_fence", lambda envelope, expected: False)
    with pytest.raises(ScheduleChanged, match="read it again"):
        enqueue(store, five, interval())
    five.enqueue(interval())
    with pytest.raises(ScheduleChanged, match="read it again"):
        cancel_split(five, store.ledger, interval().id, NOON)


# any order of anything

ACTIONS = st.lists(
    st.sampled_from(("enqueue", "change", "cancel", "step", "other", "wait", "show again", "die", "move back")),
    max_size=40,
)


@settings(deadline=None, max_examples=150)
@given(actions=ACTIONS)
def test_whatever_happens_in_whatever_order_each_occurrence_has_at_most_one_job_and_an_end_is_final(
    actions: list[str],
) -> None:
    clock, five = VirtualClock(NOON), Five()
    store = open_store("memory://", clock=clock)
    services = [split_service(store, five, clock), split_service(store, five, clock)]
    living, cancelled_at = False, 0
    for n, action in enumerate(actions):
        match action:
            case "enqueue" | "change":
                later = store.now() + seconds(10)
                task = "tasks.add" if action == "enqueue" else f"tasks.n{n}"
                enqueue(store, five, interval(10, later, name="i", task=task))
                living = True
            case "cancel":
                assert cancel_split(five, store.ledger, interval(name="i").id, store.now()) == living
                living, cancelled_at = False, len(jobs_of(store))
            case "step" | "other":
                services[action == "other"].step()
            case "wait":
                clock.advance(7)
            case "show again":
                five.stale = [*five.kept.values(), *five.stale][:5]
            case "die":
                _dies_after(five, services[0].step)
            case _:
                clock.step(seconds(-3))
        if not living:
            assert len(jobs_of(store)) == cancelled_at
    clock.advance(60)
    before = len(jobs_of(store))
    for service in services:
        settle(service)
    assert len(five.kept) == living
    assert (len(jobs_of(store)) > before) == living
    runs = jobs_of(store)
    assert len(set(runs)) == len(runs)
    store.close()


def _dies_after(five: Five, step: Callable[[], object]) -> None:
    """Let a scheduler die between its delivery and whatever it tells the backend."""

    class Dead(BaseException):
        """No process is left."""

    def die(*args: object) -> None:
        raise Dead

    real = five.reschedule, five.cancel
    five.reschedule = five.cancel = die  # type: ignore[method-assign, assignment]  # a crash is no return value
    try:
        step()
    except Dead:
        pass
    finally:
        five.reschedule, five.cancel = real  # type: ignore[method-assign]  # as it was

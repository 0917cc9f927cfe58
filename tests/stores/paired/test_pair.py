"""Jobs in one store and schedules in another are one store: one clock, one definition that holds, one count of runs."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from nuvom._app import Nuvom
from nuvom._clock import SYSTEM_CLOCK, Clock
from nuvom._schedule import OccurrenceOutcome, Overlap, ScheduleEnvelope, ScheduleState
from nuvom.errors import SettingsError, StoreUnavailable
from nuvom.scheduler.resuming import passed_over
from nuvom.scheduler.service import SchedulerService, SchedulerSettings
from nuvom.stores.base import Store
from nuvom.stores.paired.store import PairedStore, open_pair
from nuvom.stores.registry import open_store
from nuvom.stores.values import Change, Retention, ScheduleFilter
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import a_worker, claimed, planned, succeeded
from tests.scheduler.driving import jobs_of, running, service_of, settle
from tests.scheduler.examples import NOON, interval, one_off, seconds


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOON)


@pytest.fixture
def pair(clock: VirtualClock) -> Iterator[PairedStore]:
    with closing(open_pair(open_store, "memory://", "memory://", clock)) as opened:
        opened.migrate()
        yield opened


def kept(pair: Store, envelope: ScheduleEnvelope) -> ScheduleEnvelope:
    found = pair.schedules.get(envelope.id)
    assert found is not None
    return found


def nothing() -> None:
    """Be a task."""


class Died(BaseException):
    """The process ends here."""


def dies(*args: object, **kwargs: object) -> None:
    raise Died


def dying(monkeypatch: pytest.MonkeyPatch, pair: PairedStore, method: str, call: Any) -> None:
    """Make a call whose process dies when the schedules' store is to be changed."""
    with monkeypatch.context() as patch:
        patch.setattr(pair.keeper.schedules, method, dies)
        with pytest.raises(Died):
            call()


# the clock


def test_the_clock_is_that_of_the_store_with_the_jobs(clock: VirtualClock) -> None:
    ahead = VirtualClock(NOON + timedelta(hours=5))

    def opened(url: str, *, clock: Clock) -> Store:
        return open_store(url, clock=ahead if clock is here else clock)

    here = clock
    with closing(open_pair(opened, "memory://", "memory://", here)) as pair:
        pair.schedules.upsert(one_off(NOON + timedelta(hours=6)))
        assert pair.now() == pair.keeper.now() == ahead.now()
        assert pair.schedules.next_due() == 3600


def test_one_store_is_no_pair(tmp_path: Any) -> None:
    with pytest.raises(SettingsError, match="leave it out"):
        open_pair(open_store, f"sqlite:///{tmp_path}/a.db", f"sqlite:///{tmp_path}/a.db", VirtualClock(NOON))


# dispatch


def test_runs_are_counted_once_though_the_scheduler_died_before_the_advance(
    pair: PairedStore, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = interval(60, overlap=Overlap.SKIP, max_runs=2)
    pair.schedules.upsert(wanted)
    dying(monkeypatch, pair, "advance", service_of(pair, clock).step)
    assert jobs_of(pair) == ["often 12:00:00"]
    settle(service_of(pair, clock))  # finds the run open, and would skip it
    assert (kept(pair, wanted).run_count, jobs_of(pair)) == (1, ["often 12:00:00"])
    worker = a_worker(pair)
    pair.jobs.finish(worker, [succeeded(job) for job in claimed(pair, worker)])
    clock.advance(60)
    settle(service_of(pair, clock))
    assert jobs_of(pair) == ["often 12:00:00", "often 12:01:00"]
    ended = pair.ledger.fence(wanted.id)
    assert ended is not None
    assert (ended.envelope.state, ended.envelope.run_count) == (ScheduleState.DONE, 2)


def test_a_run_that_a_repeat_finds_late_is_still_counted(
    pair: PairedStore, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = interval(60)
    pair.schedules.upsert(wanted)
    dying(monkeypatch, pair, "advance", service_of(pair, clock).step)
    clock.advance(600)
    settle(service_of(pair, clock))  # runs the newest only, of which the first is one that ran
    assert jobs_of(pair) == ["often 12:00:00", "often 12:10:00"]
    assert kept(pair, wanted).run_count == 2


def test_nothing_is_lost_or_advanced_while_the_store_with_the_jobs_is_away(
    pair: PairedStore, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair.schedules.upsert(interval(60))
    before = pair.keeper.schedules.list(ScheduleFilter(), 10)

    def away(*args: object) -> Any:
        raise StoreUnavailable("it is away")

    with monkeypatch.context() as patch:
        patch.setattr(pair.queue.ledger, "deliver", away)
        with pytest.raises(StoreUnavailable):
            service_of(pair, clock).step()
        patch.setattr(pair.queue.ledger, "raise_fence", away)
        with pytest.raises(StoreUnavailable):
            pair.schedules.cancel(before[0].id)
    assert pair.keeper.schedules.list(ScheduleFilter(), 10) == before
    settle(service_of(pair, clock))
    assert jobs_of(pair) == ["often 12:00:00"]


def test_a_service_outlives_the_absence_of_the_store_with_the_schedules(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, "nuvom.scheduler")
    with closing(open_pair(open_store, "memory://", "memory://", SYSTEM_CLOCK)) as pair:
        pair.schedules.upsert(one_off(pair.now()))
        looked, real = threading.Event(), pair.keeper.schedules.due
        back = threading.Event()

        def due(now: datetime, limit: int) -> list[ScheduleEnvelope]:
            if back.is_set():
                return real(now, limit)
            if looks.append(None) or len(looks) > 2:
                looked.set()
            raise StoreUnavailable("the schedules are away")

        looks: list[None] = []
        monkeypatch.setattr(pair.keeper.schedules, "due", due)
        with running(SchedulerService(pair, settings=SchedulerSettings())):
            assert looked.wait(10)
            assert jobs_of(pair) == []
            back.set()
            deadline = threading.Event()
            while not jobs_of(pair):
                assert not deadline.wait(0.01)
    said = [record.getMessage() for record in caplog.records]
    assert sum("the schedules are away" in each for each in said) == 1
    assert sum("dispatching again" in each for each in said) == 1


def test_a_scheduler_that_races_a_cancel_starts_nothing_after_it(pair: PairedStore, clock: VirtualClock) -> None:
    wanted = interval(60)
    pair.schedules.upsert(wanted)
    [due] = pair.schedules.due(clock.now(), 10)
    assert pair.schedules.cancel(wanted.id)
    [refusal] = pair.schedules.apply([planned(due, NOON + seconds(60))])
    assert refusal.reason == "gone"
    assert jobs_of(pair) == []


def test_what_a_late_caller_brings_back_never_runs(pair: PairedStore, clock: VirtualClock) -> None:
    wanted = interval(60)
    pair.schedules.upsert(wanted)
    old = kept(pair, wanted)
    pair.schedules.cancel(wanted.id)
    pair.keeper.schedules.follow([old])
    assert pair.keeper.schedules.get(wanted.id) is None
    with closing(open_store("memory://", clock=clock)) as forgetful:  # it does not know any more that it ended
        forgetful.schedules.follow([old])
        settle(service_of(PairedStore(pair.queue, forgetful), clock))
        assert forgetful.schedules.get(wanted.id) is None
    assert jobs_of(pair) == []


# changes


def test_a_dispatch_between_the_read_and_the_fence_is_neither_repeated_nor_forgotten(
    pair: PairedStore, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = interval(60, max_runs=3)
    pair.schedules.upsert(wanted)
    read = kept(pair, wanted)
    real = pair.keeper.schedules.follow

    def follow(envelopes: Any) -> None:
        monkeypatch.setattr(pair.keeper.schedules, "follow", real)
        real(envelopes)

    settle(service_of(pair, clock))
    monkeypatch.setattr(pair.keeper.schedules, "follow", follow)
    changed = pair.schedules.update(replace(read, metadata={"seen": True}))
    assert changed is not None
    assert (changed.next_run, changed.run_count) == (NOON + seconds(60), 1)
    clock.advance(300)
    for _ in range(3):
        settle(service_of(pair, clock))
        clock.advance(60)
    assert len(jobs_of(pair)) == 3


def test_other_times_keep_the_count_of_what_was_delivered_and_not_advanced(
    pair: PairedStore, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = interval(60, max_runs=2)
    pair.schedules.upsert(wanted)
    dying(monkeypatch, pair, "advance", service_of(pair, clock).step)
    changed = pair.schedules.upsert(interval(30, NOON + seconds(30), max_runs=2))
    assert changed.change is Change.REPLACED
    assert changed.envelope.run_count == 1
    clock.advance(300)
    settle(service_of(pair, clock))
    settle(service_of(pair, clock))
    assert len(jobs_of(pair)) == 2
    assert pair.schedules.get(wanted.id) is None


def test_rows_of_a_change_come_with_its_fence_or_not_at_all(
    pair: PairedStore, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = interval(60)
    pair.schedules.upsert(wanted)
    stored = kept(pair, wanted)
    rows = passed_over(stored, NOON, "it was cancelled")
    stale = replace(stored, generation=stored.generation - 1)
    assert pair.schedules.update(replace(stale, state=ScheduleState.CANCELLED), rows) is None
    assert pair.ledger.occurrences(wanted.id, 10) == []
    assert pair.schedules.update(replace(stored, state=ScheduleState.CANCELLED), rows) is not None
    [row] = pair.ledger.occurrences(wanted.id, 10)
    assert row.outcome is OccurrenceOutcome.MISSED
    assert "it was cancelled" in (row.reason or "")


def test_a_name_that_another_took_at_the_same_moment_leaves_no_half_of_a_schedule(
    pair: PairedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = interval(60)
    second = replace(interval(60), id="00000000-0000-4000-8000-000000000001")
    with monkeypatch.context() as patch:
        patch.setattr(pair.keeper.schedules, "by_name", lambda _: None)  # it looked before the other came
        pair.schedules.upsert(first)
        with pytest.raises(ValueError, match="belongs to schedule"):
            pair.schedules.upsert(second)
    while pair.prune(Retention()):
        pass
    assert pair.schedules.get(second.id) is None
    assert [each.id for each in pair.schedules.list(ScheduleFilter(), 10)] == [first.id]


def test_schedules_that_were_there_before_the_pair_go_on_and_get_a_fence_with_their_first_change(
    pair: PairedStore, clock: VirtualClock
) -> None:
    wanted = interval(60)
    pair.keeper.schedules.upsert(wanted)
    settle(service_of(pair, clock))
    assert jobs_of(pair) == ["often 12:00:00"]
    assert pair.ledger.fence(wanted.id) is None
    pair.schedules.update(replace(kept(pair, wanted), state=ScheduleState.PAUSED))
    fence = pair.ledger.fence(wanted.id)
    assert fence is not None
    assert fence.envelope.state is ScheduleState.PAUSED


def test_a_store_that_lost_its_schedules_gets_them_back_and_nothing_runs_twice(
    pair: PairedStore, clock: VirtualClock
) -> None:
    wanted = interval(60)
    pair.schedules.upsert(wanted)
    settle(service_of(pair, clock))
    with closing(open_store("memory://", clock=clock)) as empty:
        anew = PairedStore(pair.queue, empty)
        while anew.prune(Retention()):
            pass
        settle(service_of(anew, clock))
        assert jobs_of(anew) == ["often 12:00:00"]
        assert kept(anew, wanted).next_run == NOON + seconds(60)
        assert kept(anew, wanted).run_count == 1


def test_housekeeping_looks_at_what_was_changed_since_it_last_did(
    pair: PairedStore, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(250):
        pair.schedules.upsert(interval(60, NOON + seconds(9), name=f"n{n}"))
    clock.advance(3600)
    assert [pair.prune(Retention()) for _ in range(3)] == [True, True, False]
    late = interval(60, NOON + timedelta(days=1), name="late")
    dying(monkeypatch, pair, "follow", lambda: pair.schedules.upsert(late))
    asked: list[str] = []
    real = pair.keeper.schedules.get

    def get(schedule_id: str) -> ScheduleEnvelope | None:
        asked.append(schedule_id)
        return real(schedule_id)

    monkeypatch.setattr(pair.keeper.schedules, "get", get)
    assert pair.prune(Retention()) is False
    assert {*asked} == {late.id}
    assert real(late.id) is not None


def test_pausing_all_pauses_each_and_survives_a_scheduler_beside_it(pair: PairedStore, clock: VirtualClock) -> None:
    for n in range(12):
        pair.schedules.upsert(interval(60, name=f"n{n}"))
    assert pair.schedules.pause_all("a reason") == 12
    assert pair.schedules.pause_all(None) == 0
    settle(service_of(pair, clock))
    assert jobs_of(pair) == []
    assert {each.note for each in pair.schedules.list(ScheduleFilter(), 20)} == {"a reason"}


# transactions of the caller's


def test_jobs_join_a_transaction_and_changes_of_schedules_are_refused_in_it(tmp_path: Any) -> None:
    jobs = tmp_path / "jobs.db"
    with Nuvom(f"sqlite:///{jobs}", scheduler=f"sqlite:///{tmp_path / 'schedules.db'}") as app:
        work = app.task(name="work")(nothing)
        work.options(name="daily").schedule(interval=3600)
        connection = sqlite3.connect(jobs, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        with app.transaction(connection):
            work.delay()
            for change in (
                lambda: work.options(name="other").schedule(interval=60),
                lambda: app.schedules.cancel("daily"),
                lambda: app.schedules.pause("daily"),
                lambda: app.schedules.update("daily", interval=5),
                app.schedules.pause_all,
            ):
                with pytest.raises(RuntimeError, match=r"schedules are kept in sqlite:.* before the block or after it"):
                    cast("Any", change)()
        connection.execute("ROLLBACK")
        connection.close()
        assert app.jobs.list() == []
        assert [each.name for each in app.schedules.list()] == ["daily"]


def test_two_urls_of_one_store_are_refused_where_a_schedule_would_be_lost_and_it_can_be_made_without_one(
    tmp_path: Path,
) -> None:
    (tmp_path / "other.db").symlink_to(tmp_path / "jobs.db")
    url, other = f"sqlite:///{tmp_path}/jobs.db", f"sqlite:///{tmp_path}/other.db"
    with Nuvom(url, scheduler=other) as app, pytest.raises(SettingsError, match="names the store that has the jobs"):
        app.task(name="nothing")(nothing).options(name="same").schedule(interval=1)
    with Nuvom(url) as app:
        app.task(name="nothing")(nothing).options(name="same").schedule(interval=1)
        assert [each.name for each in app.schedules.list()] == ["same"]

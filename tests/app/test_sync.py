"""`app.schedules.sync()`: what code declares beside what is stored, and what is left alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nuvom import InvalidTrigger, Nuvom, ScheduleState, UnsupportedByBackend, testing
from nuvom._sync import SyncReport
from nuvom.scheduler.service import SchedulerService
from nuvom.stores.values import Retention
from nuvom.testing import Memory
from tests.scheduler.doubles import Five

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
Declare = Callable[..., None]


def report(day: str = "today") -> str:
    return day


def other() -> None: ...


@pytest.fixture
def app() -> Nuvom:
    app = Nuvom("memory://")
    app.task(name="report", aliases=("old.report",))(report)
    app.task(name="other", queue="slow", priority=5)(other)
    return app


@pytest.fixture
def memory(app: Nuvom) -> Iterator[Memory]:
    with testing.memory(app, now=NOW) as memory:
        yield memory


@pytest.fixture
def declare(app: Nuvom) -> Declare:
    """Declare one schedule of `report` in the place of what was declared under its name."""

    def declare(name: str = "nightly", cron: str | None = "0 3 * * *", **said: Any) -> None:
        app.declared.pop(name, None)
        if "duration" in said:
            app.every(said.pop("duration"), name=name, **said)(app.registry["report"])
        elif cron is not None:
            app.cron(cron, name=name, **said)(app.registry["report"])

    return declare


def said(found: SyncReport) -> list[str]:
    """The steps as `name action parts left`."""
    return [
        " ".join(filter(None, (step.schedule.name, step.action, *step.parts, *(f"-{o}" for o in step.overridden))))
        for step in found.steps
    ]


def test_what_is_declared_is_created_once_with_the_origin_code(app: Nuvom, memory: Memory, declare: Declare) -> None:
    declare(timezone_name="Europe/Paris", args=("x",), queue="q", overlap="skip", metadata={"team": "a"})
    assert said(app.schedules.sync()) == ["nightly create"]
    [stored] = memory.schedules()
    assert (stored.name, stored.origin, stored.task, stored.args) == ("nightly", "code", "report", ["x"])
    assert (stored.timezone_name, stored.options, stored.overlap) == ("Europe/Paris", {"queue": "q"}, "skip")
    assert (stored.metadata, stored.next_run) == ({"team": "a"}, datetime(2026, 3, 2, 2, 0, tzinfo=UTC))
    assert said(app.schedules.sync()) == ["nightly unchanged"]
    assert memory.schedules() == [stored]


def test_a_declared_schedule_runs(app: Nuvom, memory: Memory, declare: Declare) -> None:
    declare(duration="15m", args=("x",))
    app.schedules.sync()
    memory.advance("1h")
    assert [job.arguments for job in memory.jobs()] == [b'[["x"],{}]'] * 4


def test_a_daily_deploy_does_not_reset_a_daily_interval(app: Nuvom, memory: Memory, declare: Declare) -> None:
    declare(duration="1d")
    app.schedules.sync()
    for day in range(6):
        memory.advance("23h")
        declare(duration="1d", args=(str(day),))
        app.schedules.sync()
    assert len(memory.jobs()) == 5


def test_what_changed_is_named_by_its_parts(app: Nuvom, memory: Memory, declare: Declare) -> None:
    declare()
    before = app.schedules.sync().steps[0].schedule
    declare(args=("x",), queue="q")
    assert said(app.schedules.sync()) == ["nightly update arguments options"]
    assert app.schedules.get("nightly").next_run == before.next_run
    declare(cron="0 4 * * *", args=("x",), queue="q")
    assert said(app.schedules.sync()) == ["nightly update times"]
    assert app.schedules.get("nightly").generation > before.generation


def test_a_dry_run_changes_nothing_and_says_the_same(app: Nuvom, memory: Memory, declare: Declare) -> None:
    declare()
    found = app.schedules.sync(dry_run=True)
    assert (said(found), found.dry_run, len(found.changes)) == (["nightly create"], True, 1)
    assert memory.schedules() == []
    assert app.store.workers.tasks() == []
    assert said(app.schedules.sync()) == said(found)
    assert app.schedules.sync(dry_run=True).changes == ()


def test_no_zone_means_the_setting_at_the_sync_and_not_at_the_import() -> None:
    app = Nuvom("memory://")
    app.cron("0 3 * * *")(app.task(name="report")(report))
    app.configure(timezone="Asia/Tokyo")
    with app:
        app.schedules.sync()
        assert app.schedules.get("report").timezone_name == "Asia/Tokyo"


def test_naive_bounds_are_an_error_at_the_sync_where_the_setting_says_so() -> None:
    app = Nuvom("memory://", naive="error")
    with pytest.warns(UserWarning, match="starts_at"):
        app.every(60, starts_at=datetime(2030, 1, 1))(app.task(name="report")(report))  # noqa: DTZ001  what is tested
    with app, pytest.raises(InvalidTrigger, match="NUVOM_NAIVE=error"):
        app.schedules.sync()


def test_the_rows_of_tasks_are_written_aliases_included(app: Nuvom, memory: Memory) -> None:
    app.schedules.sync()
    rows = {row.name: row for row in app.store.workers.tasks()}
    assert set(rows) == {"report", "old.report", "other"}
    assert rows["old.report"].canonical == "report"
    assert (rows["other"].defaults.queue, rows["other"].defaults.priority) == ("slow", 5)
    assert "day" in rows["report"].signature


class TestCalls:
    def test_schedules_that_calls_made_are_never_touched(self, app: Nuvom, memory: Memory, declare: Declare) -> None:
        task = app.registry["report"]
        mine = task.options(name="nightly", queue="q").schedule("mine", interval=60)
        unnamed = task.schedule("unnamed", interval=60)
        declare()
        assert said(app.schedules.sync(prune=True, overwrite=True, revive=["nightly"])) == ["nightly taken"]
        assert memory.schedules() == [mine, unnamed]

    def test_what_a_call_changed_is_marked_shown_and_left(self, app: Nuvom, memory: Memory, declare: Declare) -> None:
        declare()
        app.schedules.sync()
        called = app.registry["report"].options(name="nightly").schedule("called", interval=60)
        assert (called.origin, called.overridden) == ("code", ("arguments", "times"))
        assert said(app.schedules.sync()) == ["nightly overridden -arguments -times"]
        assert app.schedules.get("nightly") == called
        declare(priority=7)
        assert said(app.schedules.sync()) == ["nightly update options -arguments -times"]
        assert app.schedules.get("nightly").interval == 60

    def test_so_is_what_an_update_changed(self, app: Nuvom, memory: Memory, declare: Declare) -> None:
        declare()
        app.schedules.sync()
        assert app.schedules.update("nightly", cron="0 5 * * *").overridden == ("times",)
        assert said(app.schedules.sync()) == ["nightly overridden -times"]
        assert app.schedules.get("nightly").cron == "0 5 * * *"

    def test_overwrite_takes_the_codes(self, app: Nuvom, memory: Memory, declare: Declare) -> None:
        declare(args=("code",))
        app.schedules.sync()
        app.schedules.update("nightly", cron="0 5 * * *", args=["called"])
        assert said(app.schedules.sync(overwrite=True)) == ["nightly update arguments times"]
        stored = app.schedules.get("nightly")
        assert (stored.cron, stored.args, stored.overridden) == ("0 3 * * *", ["code"], ())
        assert stored.next_run == datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
        assert said(app.schedules.sync()) == ["nightly unchanged"]

    def test_a_due_run_is_not_lost_to_a_sync_that_leaves_overridden_times(
        self, app: Nuvom, memory: Memory, declare: Declare
    ) -> None:
        declare()
        app.schedules.sync()
        app.schedules.update("nightly", interval=60)
        memory.clock.advance(60)
        declare(args=("new",))
        app.schedules.sync()
        memory.run_due()
        assert [row.outcome for row in app.schedules.runs("nightly")] == ["dispatched"]

    @pytest.mark.parametrize("overwrite", [False, True])
    def test_a_pause_and_its_note_survive_every_sync(
        self, app: Nuvom, memory: Memory, declare: Declare, overwrite: bool
    ) -> None:
        declare()
        app.schedules.sync()
        app.schedules.pause("nightly", "holidays")
        declare(duration="15m", args=("x",))
        assert said(app.schedules.sync(overwrite=overwrite)) == ["nightly update arguments times"]
        stored = app.schedules.get("nightly")
        assert (stored.state, stored.note, stored.interval) == (ScheduleState.PAUSED, "holidays", 900)
        memory.advance("1d")
        assert memory.jobs() == []


class TestCancelled:
    def test_stays_cancelled_until_it_is_revived(self, app: Nuvom, memory: Memory, declare: Declare) -> None:
        declare()
        first = app.schedules.sync().steps[0].schedule
        app.schedules.cancel("nightly")
        declare(duration="5m")
        for _ in range(2):
            assert said(app.schedules.sync(prune=True, overwrite=True)) == ["nightly cancelled"]
        assert memory.schedules() == []
        assert said(app.schedules.sync(revive=["nightly"])) == ["nightly create"]
        revived = app.schedules.get("nightly")
        assert (revived.id, revived.interval) == (first.id, 300)
        assert revived.generation > first.generation

    def test_stays_cancelled_however_long_ago_that_was(self, app: Nuvom, memory: Memory, declare: Declare) -> None:
        declare()
        app.schedules.sync()
        memory.advance("3d")
        app.schedules.cancel("nightly")
        memory.clock.advance(timedelta(days=2000))
        while app.store.prune(Retention()):
            pass
        assert app.schedules.runs("nightly") == []
        assert said(app.schedules.sync()) == ["nightly cancelled"]

    def test_what_ran_to_its_end_stays_done(self, app: Nuvom, memory: Memory, declare: Declare) -> None:
        declare(duration="1h", max_runs=2)
        app.schedules.sync()
        memory.advance("1d")
        memory.clock.advance(timedelta(days=2000))
        while app.store.prune(Retention()):
            pass
        assert said(app.schedules.sync()) == ["nightly done"]
        memory.advance("1d")
        assert memory.schedules() == []

    def test_only_what_is_declared_can_be_revived(self, app: Nuvom, memory: Memory, declare: Declare) -> None:
        declare()
        with pytest.raises(ValueError, match=r"revive='nigthly'.*did you mean 'nightly'"):
            app.schedules.sync(revive=["nigthly"])
        with pytest.raises(TypeError, match="must be a list of names"):
            app.schedules.sync(revive="nightly")
        assert memory.schedules() == []


def test_bounds_that_leave_nothing_to_run_are_said(app: Nuvom, memory: Memory, declare: Declare) -> None:
    declare(ends_at=NOW - timedelta(days=1))
    assert said(app.schedules.sync()) == ["nightly never"]
    assert memory.schedules() == []


class TestPrune:
    def test_without_it_all_stays(self, app: Nuvom, memory: Memory, declare: Declare) -> None:
        declare()
        app.schedules.sync()
        declare(cron=None)
        assert said(app.schedules.sync()) == []
        assert len(memory.schedules()) == 1

    def test_ends_what_is_no_longer_declared_and_nothing_else(
        self, app: Nuvom, memory: Memory, declare: Declare
    ) -> None:
        declare()
        declare("noon", "0 12 * * *")
        app.schedules.sync()
        mine = app.registry["report"].options(name="mine").schedule(interval=60)
        declare(cron=None)
        assert said(app.schedules.sync(prune=True, dry_run=True)) == ["noon unchanged", "nightly prune"]
        assert said(app.schedules.sync(prune=True)) == ["noon unchanged", "nightly prune"]
        assert [s.name for s in memory.schedules()] == ["noon", "mine"]
        assert mine in memory.schedules()
        assert said(app.schedules.sync(prune=True)) == ["noon unchanged"]

    def test_a_pruned_one_that_is_declared_again_comes_back_without_revive(
        self, app: Nuvom, memory: Memory, declare: Declare
    ) -> None:
        declare()
        first = app.schedules.sync().steps[0].schedule
        declare(cron=None)
        app.schedules.sync(prune=True)
        declare()
        assert said(app.schedules.sync()) == ["nightly create"]
        back = app.schedules.get("nightly")
        assert (back.state, back.note) == (ScheduleState.ACTIVE, None)
        assert back.generation > first.generation

    def test_one_that_somebody_cancelled_stays_cancelled_when_it_is_declared_again(
        self, app: Nuvom, memory: Memory, declare: Declare
    ) -> None:
        declare()
        app.schedules.sync()
        app.schedules.cancel("nightly")
        declare(cron=None)
        assert said(app.schedules.sync(prune=True)) == []
        declare()
        assert said(app.schedules.sync()) == ["nightly cancelled"]

    def test_a_paused_one_is_left_as_it_is(self, app: Nuvom, memory: Memory, declare: Declare) -> None:
        declare()
        app.schedules.sync()
        app.schedules.pause("nightly", "holidays")
        declare(cron=None)
        assert said(app.schedules.sync(prune=True)) == ["nightly kept"]
        assert app.schedules.get("nightly").note == "holidays"

    def test_what_was_due_and_not_dispatched_has_a_row(self, app: Nuvom, memory: Memory, declare: Declare) -> None:
        declare(duration="1h")
        app.schedules.sync()
        memory.clock.advance(3600)
        declare(cron=None)
        app.schedules.sync(prune=True)
        [row] = app.schedules.runs("nightly")
        assert (row.outcome, "its declaration is gone" in str(row.reason)) == ("missed", True)
        SchedulerService(app.store, clock=memory.clock).step()
        assert memory.jobs() == []


class TestUnfit:
    def test_schedules_of_tasks_that_no_worker_knows_are_named(self, app: Nuvom, memory: Memory) -> None:
        app.registry["report"].options(name="fine").schedule("x", interval=60)
        app.task(name="gone")(other).options(name="orphan").schedule(interval=60)
        del app.registry["gone"]
        [found] = app.schedules.sync(dry_run=True).unfit
        assert (found.schedule.name, found.known) == ("orphan", False)
        assert found.reason == "no worker knows its task gone"

    def test_schedules_of_a_task_that_a_worker_knows_are_fine(self, app: Nuvom, memory: Memory) -> None:
        app.registry["other"].schedule(interval=60)
        app.schedules.sync()
        del app.registry["other"]
        assert app.schedules.sync().unfit == ()

    def test_an_alias_is_known(self, app: Nuvom, memory: Memory) -> None:
        stored = app.registry["report"].options(name="n").schedule("x", interval=60)
        app.store.schedules.upsert(replace(stored, task="old.report"))
        assert app.schedules.sync(dry_run=True).unfit == ()

    def test_schedules_whose_arguments_no_longer_bind_are_named_with_the_signature(
        self, app: Nuvom, memory: Memory
    ) -> None:
        app.registry["report"].options(name="n").schedule("x", interval=60)
        stored = app.schedules.get("n")
        app.store.schedules.upsert(replace(stored, arguments=b'[["x","y"],{}]'))
        [found] = app.schedules.sync().unfit
        assert (found.schedule.name, found.known) == ("n", True)
        assert "its signature is now (day: 'str' = 'today')" in found.reason


class TestFiveMethods:
    @pytest.fixture
    def five(self, app: Nuvom, memory: Memory) -> Five:
        app.__dict__["settings"] = replace(app.settings, scheduler="shop.tasks:Backend")
        five = Five()
        app.__dict__["backend"] = five
        return five

    def test_sync_works(self, app: Nuvom, five: Five, declare: Declare) -> None:
        declare()
        assert said(app.schedules.sync(dry_run=True)) == ["nightly create"]
        assert five.kept == {}
        assert said(app.schedules.sync()) == ["nightly create"]
        [stored] = five.kept.values()
        assert (stored.name, stored.origin) == ("nightly", "code")
        assert said(app.schedules.sync()) == ["nightly unchanged"]
        declare(args=("x",))
        assert said(app.schedules.sync()) == ["nightly update arguments"]
        app.schedules.cancel("nightly")
        assert said(app.schedules.sync()) == ["nightly cancelled"]
        assert five.kept == {}
        assert said(app.schedules.sync(revive=["nightly"])) == ["nightly create"]

    def test_prune_is_refused_in_a_sentence_before_anything_is_stored(
        self, app: Nuvom, five: Five, declare: Declare
    ) -> None:
        declare()
        with pytest.raises(UnsupportedByBackend, match="cannot list the schedules that prune looks for"):
            app.schedules.sync(prune=True)
        assert five.kept == {}

    def test_an_option_that_it_cannot_carry_is_refused_before_anything_is_stored(
        self, app: Nuvom, five: Five, declare: Declare
    ) -> None:
        declare("a")
        declare("b", jitter=60)
        with pytest.raises(UnsupportedByBackend, match="jitter"):
            app.schedules.sync(dry_run=True)
        assert five.kept == {}


def test_async_callers_have_a_twin(app: Nuvom, memory: Memory, declare: Declare) -> None:
    declare()
    found = asyncio.run(app.schedules.async_(dry_run=True))
    assert said(found) == ["nightly create"]

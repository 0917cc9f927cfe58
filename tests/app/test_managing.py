"""Managing schedules through the public face: pause, resume, trigger, update, cancel, backfill, and who wins a race."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import nuvom
from nuvom import (
    Nuvom,
    ScheduleChanged,
    ScheduleEnded,
    ScheduleNotFound,
    ScheduleState,
    TaskNotFound,
    UnsupportedByBackend,
    testing,
)
from nuvom.scheduler.service import SchedulerService
from nuvom.testing import Memory
from tests.scheduler.doubles import Five

app = Nuvom("memory://")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@app.task
def note(text: str) -> str:
    return text


@pytest.fixture
def memory() -> Iterator[Memory]:
    with testing.memory(app, now=NOW) as memory:
        yield memory


def hourly(**options: Any) -> nuvom.ScheduleEnvelope:
    return note.options(**{"name": "hourly", **options}).schedule("a", cron="0 * * * *")


def step(memory: Memory) -> None:
    """Dispatch what is due and run nothing."""
    SchedulerService(memory.app.store, clock=memory.clock).step()


def outcomes(key: str = "hourly") -> list[str]:
    return [f"{row.nominal:%H} {row.outcome}" for row in app.schedules.runs(key)][::-1]


class TestPause:
    def test_what_falls_into_a_pause_is_not_run_and_has_a_row(self, memory: Memory) -> None:
        hourly()
        paused = app.schedules.pause("hourly", "release 1.2")
        assert (paused.state, paused.note, paused.paused_at) == (ScheduleState.PAUSED, "release 1.2", NOW)
        memory.advance("2h30m")
        assert outcomes() == []
        resumed = app.schedules.resume("hourly")
        assert (resumed.state, resumed.note, resumed.next_run) == (ScheduleState.ACTIVE, None, NOW + 3 * HOUR)
        assert outcomes() == ["13 paused", "14 paused"]
        assert app.schedules.runs("hourly")[0].reason == "the schedule was paused: release 1.2"
        memory.advance("1h")
        assert outcomes() == ["13 paused", "14 paused", "15 dispatched"]

    def test_pausing_twice_keeps_when_it_began_and_takes_the_new_note(self, memory: Memory) -> None:
        hourly()
        app.schedules.pause("hourly", "one")
        memory.advance("1m")
        again = app.schedules.pause("hourly", "two")
        assert (again.paused_at, again.note) == (NOW, "two")

    def test_resuming_what_runs_changes_nothing(self, memory: Memory) -> None:
        before = hourly()
        assert app.schedules.resume("hourly") == before

    def test_a_pause_survives_a_call_that_says_the_schedule_again(self, memory: Memory) -> None:
        hourly()
        app.schedules.pause("hourly", "release")
        again = hourly(catch_up="first")
        assert (again.state, again.note, again.catch_up) == (ScheduleState.PAUSED, "release", "first")

    def test_all_are_paused_and_resumed_together(self, memory: Memory) -> None:
        hourly()
        note.schedule("b", in_="90m")
        assert app.schedules.pause_all("stop") == 2
        memory.advance("2h")
        assert memory.jobs() == []
        assert app.schedules.resume_all() == 2
        assert memory.run_due() == 1, "a one-off is a promise: it runs when its pause ends"
        assert outcomes() == ["13 paused", "14 paused"]

    def test_an_envelope_pauses_itself(self, memory: Memory) -> None:
        envelope = hourly()
        assert envelope.pause("x").refresh().state is ScheduleState.PAUSED
        assert envelope.resume().state is ScheduleState.ACTIVE
        assert envelope.cancel() is True

    @pytest.mark.parametrize("note_", ["", "a\nb", "a\0b", "x" * 201])
    def test_a_note_that_cannot_be_shown_is_refused(self, memory: Memory, note_: str) -> None:
        hourly()
        with pytest.raises(ValueError, match="note="):
            app.schedules.pause("hourly", note_)


class TestTrigger:
    def test_it_runs_now_and_the_next_run_stays(self, memory: Memory) -> None:
        envelope = hourly()
        memory.advance("10m")
        handle = app.schedules.trigger("hourly")
        assert memory.run_due() == 1
        assert handle.result() == "a"
        assert app.schedules.get("hourly").next_run == envelope.next_run
        [row] = app.schedules.runs("hourly")
        assert row.source.startswith("manual:")
        assert (row.nominal, row.job_id) == (NOW + timedelta(minutes=10), handle.id)

    def test_the_same_request_is_one_run_whenever_it_comes(self, memory: Memory) -> None:
        hourly()
        first = app.schedules.trigger("hourly", "ticket-7")
        memory.advance("5m")
        assert app.schedules.trigger("hourly", "ticket-7").id == first.id
        assert app.schedules.trigger("hourly", "ticket-8").id != first.id
        assert len(memory.jobs()) == 2

    def test_it_ignores_overlap_and_counts_as_an_open_run(self, memory: Memory) -> None:
        hourly(overlap="skip")
        app.schedules.trigger("hourly")
        app.schedules.trigger("hourly")
        assert [job.state.value for job in memory.jobs()] == ["ready", "ready"]
        memory.clock.advance(3600)
        step(memory)
        assert outcomes()[-1] == "13 skipped_overlap"

    def test_it_runs_a_paused_schedule(self, memory: Memory) -> None:
        hourly()
        app.schedules.pause("hourly")
        assert app.schedules.trigger("hourly").status() == "queued"

    def test_it_does_not_give_up_by_the_grace(self, memory: Memory) -> None:
        hourly(grace=5)
        app.schedules.trigger("hourly")
        memory.clock.advance(600)
        assert memory.run_due() == 1

    def test_what_was_cancelled_is_not_run(self, memory: Memory) -> None:
        hourly()
        app.schedules.cancel("hourly")
        with pytest.raises(ScheduleEnded, match="was cancelled"):
            app.schedules.trigger("hourly")
        assert memory.jobs() == []


class TestUpdate:
    def test_only_what_is_given_changes(self, memory: Memory) -> None:
        before = hourly(queue="slow", retries=2, metadata={"a": 1})
        memory.advance("10m")
        after = app.schedules.update("hourly", args=["b"], queue="fast", catch_up="all")
        assert (after.args, after.options, after.catch_up) == (["b"], {"queue": "fast", "retries": 2}, "all")
        assert (after.next_run, after.metadata) == (before.next_run, before.metadata)
        assert after.generation > before.generation

    def test_the_next_run_moves_with_the_times(self, memory: Memory) -> None:
        hourly()
        assert app.schedules.update("hourly", cron="30 * * * *").next_run == NOW + timedelta(minutes=30)
        there = app.schedules.update("hourly", timezone_name="Asia/Kolkata")  # 05:30 ahead
        assert (there.cron, there.next_run) == ("30 * * * *", NOW + HOUR)
        often = app.schedules.update("hourly", interval=60)
        assert (often.cron, often.timezone_name, often.schedule_type) == (None, "UTC", "interval")
        assert often.next_run == NOW + timedelta(seconds=60)
        bounded = app.schedules.update("hourly", starts_at=NOW + HOUR)
        assert bounded.next_run == NOW + HOUR

    def test_none_takes_an_option_back(self, memory: Memory) -> None:
        hourly(grace=5, overlap="skip", queue="slow", ends_at=NOW + 9 * HOUR)
        after = app.schedules.update("hourly", grace=None, overlap=None, queue=None, ends_at=None)
        assert (after.grace, after.overlap, after.options, after.ends_at) == (None, "allow", {}, None)

    def test_jitter_moves_the_run_and_not_the_nominal_time(self, memory: Memory) -> None:
        before = hourly()
        after = app.schedules.update("hourly", jitter="30m")
        assert after.next_nominal == before.next_nominal
        assert after.next_run is not None
        assert before.next_run is not None
        assert before.next_run < after.next_run < before.next_run + timedelta(minutes=30)
        assert app.schedules.update("hourly", jitter=None).next_run == before.next_run

    def test_a_lost_race_says_so_and_changes_nothing(self, memory: Memory) -> None:
        mine = hourly()
        app.schedules.update("hourly", queue="theirs")
        with pytest.raises(ScheduleChanged, match="read it again"):
            mine.update(queue="mine")
        assert app.schedules.get("hourly").options == {"queue": "theirs"}
        assert mine.refresh().update(queue="mine").options == {"queue": "mine"}

    def test_a_dispatch_meanwhile_is_no_race(self, memory: Memory) -> None:
        mine = hourly()
        memory.advance("1h")
        newer = mine.refresh().update(queue="slow")
        assert newer.run_count == 1

    def test_what_was_due_when_the_times_change_has_a_row(self, memory: Memory) -> None:
        hourly()
        memory.clock.advance(3700)
        app.schedules.update("hourly", cron="30 * * * *")
        [row] = app.schedules.runs("hourly")
        assert (row.outcome, row.reason) == (
            "missed",
            "its times were changed before a scheduler dispatched what was due",
        )

    @pytest.mark.parametrize(
        ("changes", "kind", "words"),
        [
            ({}, TypeError, "needs something to change"),
            ({"name": "x"}, TypeError, "identity"),
            ({"querty": 1}, TypeError, "no option 'querty'"),
            ({"quueue": "x"}, TypeError, "did you mean 'queue'"),
            ({"interval": 5, "cron": "* * * * *"}, ValueError, "interval and cron were given"),
            ({"interval": 5, "timezone_name": "Asia/Tokyo"}, ValueError, "timezone_name"),
            ({"cron": "61 * * * *"}, ValueError, "minute"),
            ({"overlap": "some"}, ValueError, "overlap='some'"),
            ({"catch_up": "all", "overlap": "skip"}, ValueError, "catch_up='all'"),
            ({"ends_at": NOW - HOUR}, ValueError, "ends_at="),
            ({"args": [1]}, TypeError, "text"),
            ({"kwargs": {"txt": "a"}, "args": []}, TypeError, "text"),
            ({"at": NOW + HOUR, "jitter": 5}, TypeError, "jitter=.* a one-off"),
        ],
        ids=str,
    )
    def test_a_change_that_cannot_be_made_is_refused(
        self, memory: Memory, changes: dict[str, Any], kind: type[Exception], words: str
    ) -> None:
        before = hourly()
        with pytest.raises(kind, match=words):
            app.schedules.update("hourly", **changes)
        assert app.schedules.get("hourly") == before

    def test_the_same_interval_said_again_does_not_move_its_times(self, memory: Memory) -> None:
        note.options(name="often").schedule("a", interval=20)
        memory.clock.advance(5)
        app.schedules.update("often", interval=20)
        coming = [NOW + timedelta(seconds=after) for after in (20, 40, 60)]
        assert app.schedules.next("often", 3) == coming

    def test_what_was_cancelled_cannot_be_updated(self, memory: Memory) -> None:
        envelope = hourly()
        app.schedules.cancel("hourly")
        with pytest.raises(ScheduleEnded, match="cancelled"):
            app.schedules.update("hourly", queue="x")
        with pytest.raises(ScheduleChanged):
            envelope.update(queue="x")


class TestCancel:
    def test_what_was_due_at_the_cancel_has_a_row(self, memory: Memory) -> None:
        hourly()
        memory.clock.advance(3700)
        assert app.schedules.cancel("hourly") is True
        assert outcomes() == ["13 missed"]
        memory.run_due()
        assert memory.jobs() == []

    def test_all_with_a_metadata(self, memory: Memory) -> None:
        for user in ("a", "b"):
            note.options(name=f"r-{user}", metadata={"user": user}).schedule(user, interval=60)
        assert app.schedules.cancel_all(metadata={"user": "a"}) == 1
        assert [s.name for s in app.schedules.list(metadata={"user": "b"})] == ["r-b"]
        with pytest.raises(TypeError, match=r"metadata\['user'\]"):
            app.schedules.list(metadata={"user": [1]})


class TestBackfill:
    def test_it_runs_what_would_have_run_and_repeats_nothing(self, memory: Memory) -> None:
        hourly()
        memory.advance("2h")
        done = app.schedules.backfill("hourly", NOW - 3 * HOUR, NOW + 9 * HOUR)
        assert (done.found, done.pushed, done.end) == (5, 4, NOW + 2 * HOUR), "what is to come is left to the schedule"
        assert app.schedules.backfill("hourly", NOW - 3 * HOUR, NOW).pushed == 0
        assert memory.run_due() == 4
        sources = {row.nominal.hour: row.source.partition(":")[0] for row in app.schedules.runs("hourly")}
        assert sources == {**dict.fromkeys((9, 10, 11, 12), "backfill"), 13: "", 14: ""}

    def test_again_runs_all_of_them_and_the_same_request_only_once(self, memory: Memory) -> None:
        hourly()
        memory.advance("2h")
        assert app.schedules.backfill("hourly", NOW, NOW + 3 * HOUR, again=True, request="r").pushed == 2
        assert app.schedules.backfill("hourly", NOW, NOW + 3 * HOUR, again=True, request="r").pushed == 0
        assert app.schedules.backfill("hourly", NOW, NOW + 3 * HOUR, again=True).pushed == 2

    def test_a_pace_spreads_the_jobs(self, memory: Memory) -> None:
        hourly()
        app.schedules.backfill("hourly", NOW - 3 * HOUR, NOW, pace="10s")
        assert [job.run_at for job in memory.jobs()] == [NOW + timedelta(seconds=10 * n) for n in range(3)]

    def test_without_overlap_they_run_one_after_the_other_and_hold_up_nobody(self, memory: Memory) -> None:
        hourly(overlap="skip")
        app.schedules.backfill("hourly", NOW - 3 * HOUR, NOW)
        assert [job.state.value for job in memory.jobs()] == ["ready", "held", "held"]
        memory.clock.advance(3600)
        step(memory)
        assert outcomes()[-1] == "13 dispatched"
        assert memory.run_due() == 4

    def test_a_dry_run_only_counts(self, memory: Memory) -> None:
        hourly()
        found = app.schedules.backfill("hourly", NOW - timedelta(days=365_0), NOW, dry_run=True)
        assert (found.found, found.pushed) == (87_600, 0)
        assert memory.jobs() == []

    def test_a_large_range_is_pushed_in_steps(self, memory: Memory) -> None:
        note.options(name="m").schedule("a", cron="* * * * *")
        assert app.schedules.backfill("m", NOW - timedelta(days=1), NOW).pushed == 1440
        assert len({job.scheduled_for for job in memory.jobs()}) == 1440

    @pytest.mark.parametrize(("start", "end"), [(NOW, NOW), (NOW, NOW - HOUR)])
    def test_a_reversed_range_is_refused(self, memory: Memory, start: datetime, end: datetime) -> None:
        hourly()
        with pytest.raises(ValueError, match="must be later than start="):
            app.schedules.backfill("hourly", start, end)

    def test_a_one_off_has_no_past(self, memory: Memory) -> None:
        note.options(name="once").schedule("a", in_=60)
        with pytest.raises(ValueError, match="one-off"):
            app.schedules.backfill("once", NOW - HOUR, NOW)

    def test_a_naive_bound_is_read_as_utc_with_a_warning(self, memory: Memory) -> None:
        hourly()
        with pytest.warns(nuvom.NaiveDatetimeWarning, match="start="):
            app.schedules.backfill("hourly", datetime(2026, 3, 1, 10), NOW)  # noqa: DTZ001  what is tested


class TestCreateAndLook:
    def test_a_task_is_scheduled_by_its_name(self, memory: Memory) -> None:
        envelope = app.schedules.create(note.name, ["a"], interval=60, name="by-name", overlap="skip")
        assert (envelope.name, envelope.overlap, envelope.args) == ("by-name", "skip", ["a"])
        with pytest.raises(TaskNotFound):
            app.schedules.create("nobody.knows", interval=60)
        with pytest.raises(TypeError, match="text"):
            app.schedules.create(note, [5], interval=60)

    def test_the_next_runs_are_told(self, memory: Memory) -> None:
        hourly(max_runs=3)
        assert app.schedules.next("hourly", 2) == [NOW + HOUR, NOW + 2 * HOUR]
        assert len(app.schedules.next("hourly")) == 3
        app.schedules.pause("hourly")
        assert app.schedules.next("hourly") == []

    def test_what_has_ended_says_how(self, memory: Memory) -> None:
        note.options(name="once").schedule("a", in_=60)
        memory.advance("2m")
        with pytest.raises(ScheduleEnded, match="nothing left to run"):
            app.schedules.get("once")
        with pytest.raises(ScheduleNotFound):
            app.schedules.get("never")
        with pytest.raises(TypeError, match="named by text"):
            app.schedules.get(3)  # type: ignore[call-overload]  # what is tested

    def test_async_callers_have_twins_of_everything(self, memory: Memory) -> None:
        async def scene() -> None:
            schedules = app.schedules
            envelope = await schedules.acreate(note, ["a"], cron="0 * * * *", name="t")
            assert (await schedules.apause("t", "n")).note == "n"
            assert (await schedules.aresume("t")).state == "active"
            assert await schedules.apause_all() == 1
            assert await schedules.aresume_all() == 1
            assert (await schedules.aupdate("t", queue="q")).options == {"queue": "q"}
            assert (await schedules.atrigger("t")).id
            assert (await schedules.abackfill("t", NOW - HOUR, NOW)).pushed == 1
            assert len(await schedules.aruns("t")) == 2
            assert await schedules.anext("t", 1) == [NOW + HOUR]
            assert (await schedules.asimulate("1d")).runs == 23, "its end is not included"
            assert await schedules.acancel_all(name="t") == 1
            assert await schedules.aget("t", None) is None
            assert envelope.name == "t"

        asyncio.run(scene())


def test_what_five_methods_cannot_do_is_said_at_the_call() -> None:
    with testing.memory(app, now=NOW):
        app.__dict__["backend"] = Five()
        app.__dict__["settings"] = __import__("dataclasses").replace(app.settings, scheduler="tests:Dict")
        for option in ({"jitter": 5}, {"max_runs": 5}):
            with pytest.raises(UnsupportedByBackend, match=f"tests:Dict cannot carry {next(iter(option))}="):
                hourly(**option)
        hourly(overlap="skip", grace=60)
        for refused in (lambda: app.schedules.pause("hourly"), app.schedules.pause_all, app.schedules.resume_all):
            with pytest.raises(UnsupportedByBackend, match="tests:Dict cannot"):
                refused()
        assert app.schedules.update("hourly", queue="q").options == {"queue": "q"}
        assert app.schedules.trigger("hourly").status() == "queued"
        assert app.schedules.cancel("hourly") is True

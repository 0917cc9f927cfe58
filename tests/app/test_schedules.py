"""Schedules through the public face: identity, upserts, ends, and what a wrong call gets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

import nuvom
from nuvom import DuplicateScheduleWarning, Nuvom, ScheduleNotFound, ScheduleState, testing
from nuvom.testing import Memory
from nuvom.triggers.zones import release

app = Nuvom("memory://")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
AT = NOW + timedelta(hours=1)


@app.task
def note(text: str) -> str:
    return text


@app.task(queue="slow", priority=5)
def other(text: str) -> str:
    return text


@pytest.fixture
def memory() -> Iterator[Memory]:
    with testing.memory(app, now=NOW) as memory:
        yield memory


class TestIdentity:
    def test_the_same_name_is_one_schedule_whatever_process_says_it(self, memory: Memory) -> None:
        first = note.options(name="daily").schedule("a", interval=3600)
        assert note.options(name="daily").schedule("a", interval=3600) == first
        assert memory.schedules() == [first]

    def test_an_upsert_with_the_same_times_does_not_move_the_next_run(self, memory: Memory) -> None:
        first = note.options(name="daily").schedule("a", interval=3600)
        memory.advance("30m")
        again = note.options(name="daily", queue="q", catch_up="all").schedule("b", interval=3600)
        assert again.next_run == first.next_run
        assert (again.args, again.options, again.catch_up) == (["b"], {"queue": "q"}, "all")
        assert again.generation > first.generation

    def test_an_upsert_with_other_times_moves_the_next_run(self, memory: Memory) -> None:
        note.options(name="daily").schedule("a", interval=3600)
        assert note.options(name="daily").schedule("a", interval=60).next_run == NOW + timedelta(seconds=60)

    def test_the_same_unnamed_recurring_call_is_one_schedule(self, memory: Memory) -> None:
        first = note.schedule("a", interval=60)
        with pytest.warns(DuplicateScheduleWarning):
            assert note.schedule(text="a", interval=timedelta(minutes=1)) == first
        assert note.schedule("b", interval=60) != first
        assert note.options(queue="q").schedule("a", interval=60) != first
        assert note.schedule("a", cron="* * * * *") != note.schedule("a", cron="* * * * *", timezone_name="Asia/Tokyo")

    def test_unnamed_one_offs_are_each_their_own(self, memory: Memory) -> None:
        assert note.schedule("a", at=AT).id != note.schedule("a", at=AT).id
        assert UUID(note.schedule("a", at=AT).id).version == 7

    def test_an_id_makes_a_one_off_the_same_and_a_recurring_one_an_error(self, memory: Memory) -> None:
        first = note.options(id="order-42").schedule("a", at=AT)
        assert note.options(id="order-42").schedule("a", at=AT) == first
        assert first.metadata == {"id": "order-42"}
        with pytest.raises(TypeError, match="id='order-42'"):
            note.options(id="order-42").schedule("a", interval=60)

    def test_a_named_delay_moves_at_each_call_while_it_is_pending(self, memory: Memory) -> None:
        note.options(name="debounce").schedule("a", in_="10m")
        memory.advance("5m")
        moved = note.options(name="debounce").schedule("b", in_="10m")
        assert moved.next_run == NOW + timedelta(minutes=15)
        memory.advance("9m")
        assert memory.jobs() == []
        memory.advance("1m")
        assert [job.arguments for job in memory.jobs()] == [b'[["b"],{}]']

    def test_a_one_off_that_ran_is_not_run_again_by_the_same_call(self, memory: Memory) -> None:
        note.options(name="once").schedule("a", at=AT)
        memory.advance("2h")
        again = note.options(name="once").schedule("a", at=AT)
        assert again.state is ScheduleState.DONE
        memory.advance("1h")
        assert len(memory.jobs()) == 1
        assert memory.schedules() == []

    def test_another_time_starts_a_new_life_of_the_name(self, memory: Memory) -> None:
        first = note.options(name="once").schedule("a", at=AT)
        memory.advance("2h")
        second = note.options(name="once").schedule("a", at=AT + timedelta(days=1))
        assert second.id == first.id
        assert second.generation > first.generation
        memory.advance("1d")
        assert len(memory.jobs()) == 2

    def test_cancelled_and_made_anew_an_instant_that_ran_does_not_run_again(self, memory: Memory) -> None:
        first = note.options(name="hourly").schedule("a", cron="0 * * * *")
        memory.advance("1h")
        assert app.schedules.cancel("hourly") is True
        memory.clock.step(-600)
        second = note.options(name="hourly").schedule("a", cron="0 * * * *")
        assert second.generation > first.generation
        memory.advance("20m")
        assert len(memory.jobs()) == 1

    def test_cancel_is_final(self, memory: Memory) -> None:
        note.options(name="gone").schedule("a", interval=1)
        assert app.schedules.cancel("gone") is True
        assert app.schedules.cancel("gone") is False
        memory.advance(10)
        assert memory.jobs() == []

    def test_what_the_call_said_is_stored_and_what_the_code_says_is_not(self, memory: Memory) -> None:
        assert other.schedule("a", interval=1).options == {}
        assert other.options(retries=2).schedule("a", interval=1).options == {"retries": 2}
        memory.advance(1)
        assert {(job.queue, job.priority) for job in memory.jobs()} == {("slow", 5)}


class TestFinding:
    def test_by_name_id_and_the_beginning_of_an_id(self, memory: Memory) -> None:
        envelope = note.options(name="found").schedule("a", interval=5)
        for key in ("found", envelope.id, envelope.id.upper(), envelope.id[:8]):
            assert app.schedules.get(key) == envelope

    def test_a_name_that_is_not_there_names_those_that_are_near(self, memory: Memory) -> None:
        note.options(name="nightly-report").schedule("a", interval=5)
        with pytest.raises(ScheduleNotFound, match="did you mean 'nightly-report'"):
            app.schedules.get("nightly-reprot")
        assert app.schedules.get("nightly-reprot", None) is None
        with pytest.raises(LookupError):
            nuvom.Nuvom("memory://").schedule("anything")

    def test_an_exact_name_wins_over_the_beginning_of_an_id(self, memory: Memory) -> None:
        envelope = note.schedule("a", interval=5)
        named = note.options(name=envelope.id[:8]).schedule("b", interval=5)
        assert app.schedules.get(envelope.id[:8]) == named

    def test_listing_by_task_state_and_name(self, memory: Memory) -> None:
        a = note.options(name="remind-42-a").schedule("a", interval=5)
        b = note.options(name="remind-42-b").schedule("b", interval=5)
        c = other.options(name="remind-7").schedule("c", interval=5)
        assert app.schedules.list() == [c, b, a]
        assert app.schedules.list(task=note) == [b, a]
        assert app.schedules.list(name="remind-42-*", limit=1) == [b]
        assert app.schedules.list(name="remind-42-*", limit=1, before=b.id) == [a]
        assert app.schedules.list(state="paused") == []
        with pytest.raises(ValueError, match="asleep"):
            app.schedules.list(state="asleep")

    def test_cancel_all_by_name_says_how_many(self, memory: Memory) -> None:
        for name in ("remind-42-a", "remind-42-b", "remind-7"):
            note.options(name=name).schedule(name, interval=5)
        assert app.schedules.cancel_all(name="remind-42-*") == 2
        assert [s.name for s in app.schedules.list()] == ["remind-7"]
        with pytest.raises(TypeError, match="nothing was cancelled"):
            app.schedules.cancel_all()

    def test_refresh_reads_an_envelope_again(self, memory: Memory) -> None:
        envelope = note.schedule("a", interval=5)
        memory.advance(7)
        assert envelope.refresh().next_run == NOW + timedelta(seconds=10)
        assert envelope.next_run == NOW + timedelta(seconds=5)

    def test_a_bare_envelope_says_how_to_attach_it(self, memory: Memory) -> None:
        bare = nuvom.ScheduleEnvelope.from_dict(note.schedule("a", interval=5).to_dict())
        with pytest.raises(RuntimeError, match=r"app\.schedules\.get"):
            bare.refresh()

    def test_an_envelope_keeps_fields_of_a_newer_release(self, memory: Memory) -> None:
        data = {**note.schedule("a", interval=5).to_dict(), "overlap_of_tomorrow": {"x": 1}}
        assert nuvom.ScheduleEnvelope.from_dict(data).to_dict() == data


WRONG_TIMES: list[tuple[dict[str, Any], str]] = [
    ({"at": "tomorrow"}, "at="),
    ({"at": 1_700_000_000}, "at="),
    ({"in_": "soon"}, "in_="),
    ({"in_": timedelta(days=999_999_999)}, "in_="),
    ({"in_": float("nan")}, "in_="),
    ({"interval": 0.09}, "interval="),
    ({"interval": "5"}, "interval="),
    ({"interval": True}, "interval="),
    ({"interval": 1e20}, "interval="),
    ({"cron": ""}, "cron="),
    ({"cron": "* * * *"}, "cron="),
    ({"cron": "60 * * * *"}, "minute"),
    ({"cron": "0 0 30 2 *"}, "cron="),
    ({"cron": "*/90 * * * *"}, "interval"),
    ({"cron": "0 9 * * *", "timezone_name": "Europe/Pari"}, "Europe/Paris"),
    ({"cron": "0 9 * * *", "timezone_name": "europe/paris"}, "Europe/Paris"),
    ({"cron": "0 9 * * *", "timezone_name": "EST"}, "EST"),
    ({"cron": "0 9 * * *", "timezone_name": "../etc/passwd"}, "time zone"),
    ({"cron": "0 9 * * *", "timezone_name": "a\0b"}, "time zone"),
    ({"interval": 60, "timezone_name": "Europe/Paris"}, "timezone_name"),
    ({"cron": 5}, "cron="),
]


@pytest.mark.parametrize(("times", "words"), WRONG_TIMES)
def test_times_that_cannot_be_used_are_a_value_error_at_the_call(
    memory: Memory, times: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match="=") as caught:
        note.schedule("a", **times)
    assert words in str(caught.value)
    assert memory.schedules() == []


def test_times_in_the_past_are_due_now(memory: Memory) -> None:
    note.schedule("a", at=NOW - timedelta(days=400))
    note.schedule("b", in_=-5)
    assert memory.run_due() == 2


def test_no_zone_means_the_setting(memory: Memory) -> None:
    with Nuvom("memory://", timezone="Asia/Tokyo") as tokyo:
        assert (
            tokyo.task(note.function).schedule("a", cron="0 9 * * *", timezone_name=None).timezone_name == "Asia/Tokyo"
        )
        assert tokyo.task(note.function).schedule("a", cron="0 9 * * *").timezone_name == "UTC"


def test_naive_times_can_be_made_an_error() -> None:
    with Nuvom("memory://", naive="error") as strict, pytest.raises(ValueError, match="NUVOM_NAIVE=error"):
        strict.task(note.function).schedule("a", at=datetime(2026, 1, 1))  # noqa: DTZ001  what is tested


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"name": "x"}, "name"),
        ({"catch_up": "all"}, "catch_up"),
        ({"grace": 5}, "grace"),
        ({"overlap": "skip"}, "overlap"),
        ({"jitter": 5}, "jitter"),
        ({"starts_at": NOW}, "starts_at"),
        ({"ends_at": NOW}, "ends_at"),
        ({"max_runs": 5}, "max_runs"),
    ],
)
def test_options_of_schedules_do_not_fit_delay(memory: Memory, options: dict[str, Any], word: str) -> None:
    with pytest.raises(TypeError, match=rf"{word}=.*\.delay\(\)"):
        note.options(**options).delay("a")


@pytest.mark.parametrize(
    ("options", "kind", "word"),
    [
        ({"catch_up": "some"}, ValueError, "latest"),
        ({"name": "0193e5a0-0000-7000-8000-000000000000"}, ValueError, "looks like an id"),
        ({"name": "a\x07"}, ValueError, "printable"),
        ({"name": "x" * 201}, ValueError, "200"),
        ({"name": ""}, ValueError, "name"),
        ({"metadata": [1]}, TypeError, "mapping"),
        ({"metadata": {"x": {1, 2}}}, TypeError, "JSON"),
        ({"overlap": "never"}, ValueError, "queue_one"),
        ({"grace": -1}, ValueError, "grace"),
        ({"grace": "soon"}, ValueError, "grace"),
        ({"grace": float("inf")}, ValueError, "grace"),
        ({"jitter": timedelta(days=99_999)}, ValueError, "jitter"),
        ({"starts_at": "tomorrow"}, TypeError, "starts_at"),
        ({"ends_at": 5}, TypeError, "ends_at"),
        ({"max_runs": 0}, ValueError, "max_runs"),
        ({"max_runs": 1.5}, TypeError, "max_runs"),
        ({"timeout": 0}, ValueError, "timeout"),
        ({"time_limit": 5}, TypeError, "time_limit"),
    ],
)
def test_options_that_cannot_be_used_are_refused(
    memory: Memory, options: dict[str, Any], kind: type[Exception], word: str
) -> None:
    with pytest.raises(kind, match=word):
        note.options(**options)


def test_async_callers_have_twins(memory: Memory) -> None:
    async def scene() -> None:
        envelope = await note.aschedule("a", interval=5)
        assert await app.schedules.aget(envelope.id) == envelope
        assert await app.schedules.alist() == [envelope]
        assert await app.schedules.acancel(envelope.id) is True

    asyncio.run(scene())


def test_a_cron_schedule_says_which_zone_data_its_next_run_was_computed_with(memory: Memory) -> None:
    assert note.schedule("a", cron="0 9 * * *").tzdata == release()
    assert note.schedule("a", interval=5).tzdata is None


@pytest.mark.parametrize(
    "option",
    [{"catch_up": "all"}, {"overlap": "skip"}, {"jitter": 5}, {"starts_at": NOW}, {"ends_at": NOW}, {"max_runs": 5}],
    ids=str,
)
def test_options_of_recurring_schedules_do_not_fit_a_one_off(memory: Memory, option: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=rf"{next(iter(option))}=.* does not fit a one-off"):
        note.options(**option).schedule("a", in_=3)


def test_catching_up_with_all_contradicts_a_rule_for_overlap(memory: Memory) -> None:
    with pytest.raises(ValueError, match=r"catch_up='all' .* overlap='skip'"):
        note.options(catch_up="all", overlap="skip").schedule("a", interval=5)


def test_bounds_between_which_nothing_lies_are_refused(memory: Memory) -> None:
    with pytest.raises(ValueError, match=r"ends_at=.* starts_at="):
        note.options(starts_at=AT, ends_at=NOW).schedule("a", interval=5)
    with pytest.raises(ValueError, match=r"ends_at=.* nothing to run"):
        note.options(ends_at=NOW).schedule("a", interval=5)
    assert memory.schedules() == []


class TestBounds:
    def test_an_interval_runs_first_at_its_start_and_stays_on_that_grid(self, memory: Memory) -> None:
        note.options(starts_at=AT).schedule("a", interval=3600)
        aligned = note.options(starts_at=NOW - timedelta(minutes=10)).schedule("b", interval=3600)
        assert aligned.next_run == NOW + timedelta(minutes=50)
        memory.advance("3h")
        runs = {job.scheduled_for for job in memory.jobs() if job.arguments == b'[["a"],{}]'}
        assert runs == {AT, AT + timedelta(hours=1), AT + timedelta(hours=2)}

    def test_the_start_is_included_and_the_end_is_not(self, memory: Memory) -> None:
        note.options(starts_at=AT, ends_at=AT + timedelta(hours=2)).schedule("a", cron="0 * * * *")
        memory.advance("9h")
        assert [job.scheduled_for for job in memory.jobs()] == [AT, AT + timedelta(hours=1)]
        assert memory.schedules() == []

    def test_after_max_runs_it_is_done_and_the_same_call_does_not_begin_anew(self, memory: Memory) -> None:
        note.options(name="thrice", max_runs=3).schedule("a", interval=60)
        memory.advance("1h")
        assert len(memory.jobs()) == 3
        again = note.options(name="thrice", max_runs=3).schedule("a", interval=60)
        assert (again.state, again.run_count) == (ScheduleState.DONE, 3)
        memory.advance("1h")
        assert len(memory.jobs()) == 3
        note.options(name="thrice", max_runs=4).schedule("a", interval=60)
        memory.advance("1h")
        assert len(memory.jobs()) == 7, "another definition begins a new life"

"""Limits of tasks through the public face: concurrency, rate, key, unique, expires_in, and paused queues."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from nuvom import ArgumentsError, JobStatus, Nuvom, OccurrenceOutcome, TaskDefinitionError, testing
from nuvom._task import task_rows
from nuvom.testing import Memory

app = Nuvom("memory://")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ran: list[Any] = []


@app.task(rate="2/1m", key="user")
def send(user: int, text: str = "hi") -> int:
    ran.append((user, text))
    return user


@app.task(unique="queued", key=lambda report, *, year=2026: f"{report}-{year}")
def build(report: str, *, year: int = 2026) -> str:
    ran.append((report, year))
    return f"{report} {year}"


@app.task(unique="done", key="owner")
def own(owner: UUID) -> None: ...


@app.task(expires_in="5m")
def soon() -> str:
    return "done"


@app.task
def plain(number: int = 0) -> int:
    ran.append(number)
    return number


def counted(number: int) -> int:
    return number


@pytest.fixture
def memory() -> Iterator[Memory]:
    ran.clear()
    with testing.memory(app, now=NOW) as opened:
        yield opened


def test_a_rate_is_per_key_and_the_rest_follows_when_it_may(memory: Memory) -> None:
    send.map([(1,), (1,), (1,), (2,)])
    assert memory.run_due() == 3
    assert [user for user, _ in ran] == [1, 1, 2]
    assert memory.advance("50s") == 0
    assert memory.advance("15s") == 1


def test_a_concurrency_holds_what_has_no_place(memory: Memory) -> None:
    other = Nuvom("memory://")

    one = other.task(name="one", concurrency=1)(counted)
    with testing.memory(other, now=NOW) as inside:
        one.map([(1,)] * 3)
        assert [job.state.value for job in inside.jobs()] == ["ready", "held", "held"]
        assert inside.run_due() == 3


def test_a_unique_call_returns_the_job_that_stands_for_it(memory: Memory) -> None:
    first, second, other = build.delay("sales"), build.delay("sales"), build.delay("sales", year=2025)
    assert (first.existing, second.existing, other.existing) == (False, True, False)
    assert second == first != other
    memory.run_due()
    assert (first.result(), second.result()) == ("sales 2026", "sales 2026")
    assert ran == [("sales", 2026), ("sales", 2025)]
    assert not build.delay("sales").existing


def test_map_says_of_each_call_whether_another_job_stands_for_it(memory: Memory) -> None:
    handles = build.map([("a",), ("a",), ("b",)])
    assert [handle.existing for handle in handles] == [False, True, False]
    assert handles[0] == handles[1]


def test_an_id_that_was_pushed_before_is_existing(memory: Memory) -> None:
    assert [plain.options(id="order-7").delay().existing for _ in range(2)] == [False, True]


def test_a_call_says_uniqueness_of_its_own(memory: Memory) -> None:
    once = plain.options(unique="10m")
    assert [once.delay(1).existing, once.delay(2).existing] == [False, True]
    memory.advance("10m")
    assert not once.delay(3).existing
    assert plain.bind(1).options(unique=timedelta(minutes=20)).delay().existing


def test_a_job_gives_up_when_it_did_not_start_in_time(memory: Memory) -> None:
    app.queues.pause("default")
    late, later = soon.delay(), soon.options(expires_in="20m").delay()
    memory.advance("6m")
    app.queues.resume("default")
    memory.run_due()
    assert (late.status(), later.status()) == (JobStatus.EXPIRED, JobStatus.SUCCEEDED)


def test_a_run_gives_up_by_its_grace_or_its_tasks_time_whichever_is_earlier(memory: Memory) -> None:
    app.queues.pause("default")
    soon.options(name="a", grace="1m").bind().schedule(at=NOW + timedelta(minutes=1))
    soon.options(name="b", grace="1h").bind().schedule(at=NOW + timedelta(minutes=1))
    soon.options(name="c", expires_in="30s").bind().schedule(at=NOW + timedelta(minutes=1))
    memory.advance("1m")
    ends = {job.schedule_name: job.expires_at for job in memory.jobs()}
    after = {name: (end - NOW).total_seconds() for name, end in ends.items() if end is not None}
    assert after == {"a": 120, "b": 360, "c": 90}


def test_a_run_whose_kind_is_there_is_skipped_and_says_which_job_stands_for_it(memory: Memory) -> None:
    waiting = build.delay("sales")
    schedule = build.options(name="nightly").bind("sales").schedule(interval=60)
    app.queues.pause("default")
    memory.advance("61s")
    [row] = app.schedules.runs("nightly")
    assert row.outcome is OccurrenceOutcome.SKIPPED_UNIQUE
    assert waiting.id in (row.reason or "")
    assert app.schedules.get(schedule.id).run_count == 0
    assert "stands for it" in app.schedules.why("nightly", "last").text


def test_a_run_by_hand_whose_kind_is_there_gives_the_job_that_stands_for_it(memory: Memory) -> None:
    waiting = build.delay("sales")
    build.options(name="nightly").bind("sales").schedule(interval=60)
    for _ in range(2):
        handle = app.schedules.trigger("nightly", "mine")
        assert (handle, handle.existing) == (waiting, True)


def test_a_schedules_key_is_computed_when_it_is_made_and_is_no_part_of_who_it_is(memory: Memory) -> None:
    first = build.bind("sales").schedule(interval=60)
    assert first.defaults.kin == "sales-2026"
    assert type(first).from_dict(first.to_dict()) == first
    without = Nuvom("memory://")
    same = without.task(name=build.name)(build.function)
    with testing.memory(without, now=NOW):
        assert same.bind("sales").schedule(interval=60).id == first.id


def test_a_changed_argument_changes_the_key_of_a_schedule(memory: Memory) -> None:
    build.options(name="nightly").bind("sales").schedule(interval=60)
    assert app.schedules.update("nightly", args=["costs"]).defaults.kin == "costs-2026"
    assert app.schedules.update("nightly", interval=30).defaults.kin == "costs-2026"
    assert app.schedules.update("nightly", unique="done", expires_in="1m").options == {
        "unique": "done",
        "expires_in": 60.0,
    }


def test_a_key_is_the_argument_as_json_has_it(memory: Memory) -> None:
    owner = UUID(int=7)
    assert own.kin((owner,), {}) == str(owner)
    assert send.kin((1,), {}) == send.kin((), {"user": 1}) == "1"
    long = build.kin(("x" * 1_000,), {})
    assert long is not None
    assert len(long) < 100
    assert long != build.kin(("x" * 1_001,), {})


def test_a_key_that_cannot_be_computed_is_refused_at_the_caller(memory: Memory) -> None:
    def broken(number: int) -> object:
        return {}["no such key"] if number else object()

    task = app.task(name="keyed", key=broken)(counted)
    with pytest.raises(ArgumentsError, match=r"keyed\(\): its key function .*broken raised KeyError: 'no such key'"):
        task.delay(1)
    with pytest.raises(ArgumentsError, match=r"keyed\(\): its key function .*broken gave what JSON cannot carry"):
        task.delay(0)
    assert memory.jobs() == []


@pytest.mark.parametrize(
    ("said", "error", "message"),
    [
        ({"key": "nobody"}, TaskDefinitionError, r"key='nobody' is none of its parameters \(number\)"),
        ({"key": 5}, TaskDefinitionError, "key=5 must be the name of a parameter, or a plain function"),
        ({"concurrency": 0}, ValueError, "concurrency=0 must be between 1 and"),
        ({"concurrency": "5"}, TypeError, "concurrency='5' must be a whole number"),
        ({"rate": "fast"}, ValueError, "rate='fast' is no rate; write .* such as \"100/1m\""),
        ({"rate": "5/soon"}, ValueError, "rate='5/soon' is no rate: 'soon' is no duration"),
        ({"rate": "0/1m"}, ValueError, "rate='0/1m' must let between 1 and"),
        ({"rate": "5/10ms"}, ValueError, "rate='5/10ms' must count over a time between 100 ms and"),
        ({"rate": 5}, TypeError, "rate=5 must be text"),
        ({"unique": "always"}, ValueError, "unique='always' must be one of these: write \"queued\""),
        ({"unique": "0s"}, ValueError, "unique='0s' must be at least 1 ms"),
        ({"unique": 0.0005}, ValueError, "unique=0.0005 must be at least 1 ms"),
        ({"expires_in": 0}, ValueError, "expires_in=0 must be more than 0"),
    ],
)
def test_a_limit_that_cannot_be_used_is_refused_at_decoration(
    said: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Nuvom("memory://").task(name="bad", **said)(counted)


def test_an_async_key_function_is_refused(memory: Memory) -> None:
    async def later(number: int) -> int:
        return number

    with pytest.raises(TaskDefinitionError, match="a plain function of the task's arguments"):
        app.task(name="keyed.later", key=later)(counted)


def test_a_task_that_is_only_known_by_name_has_its_key_and_limits(memory: Memory) -> None:
    app.store.workers.remember_tasks(task_rows({"far.send": send, "far.build": build}))
    far = app.task_named("far.send")
    for call in (((3,), {}), ((), {"user": 3}), ((3, "x"), {})):
        assert far.kin(*call) == "3"
    far.map([(3,), (3,), (3,)])
    assert [job.state.value for job in memory.jobs()] == ["ready", "ready", "held"]
    with pytest.raises(ArgumentsError, match=r"far.send.*user is not among the arguments"):
        far.delay()
    with pytest.raises(ArgumentsError, match=r"far.build.*it is a function, which only the task's own code has"):
        app.task_named("far.build").delay("sales")


def test_a_paused_queue_rests_and_says_since_when_and_why(memory: Memory) -> None:
    job = plain.delay(1)
    assert app.queues.pause("default", "the printer burns")
    assert not app.queues.pause("default", "still")
    assert memory.run_due() == 0
    [queue] = app.queues.list()
    assert queue.pause is not None
    assert (queue.queue, queue.ready, queue.pause.note, queue.pause.since) == ("default", 1, "still", NOW)
    assert app.queues.resume("default")
    assert not app.queues.resume("default")
    assert memory.run_due() == 1
    assert job.result() == 1


def test_pausing_has_twins_for_async_callers(memory: Memory) -> None:
    async def both() -> list[object]:
        paused = await app.queues.apause("slow")
        listed = await app.queues.alist()
        return [paused, [queue.queue for queue in listed], await app.queues.aresume("slow")]

    assert asyncio.run(both()) == [True, ["slow"], True]


@pytest.mark.parametrize("name", ["", 5])
def test_a_queue_that_cannot_be_is_refused(memory: Memory, name: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="queue"):
        app.queues.pause(name)

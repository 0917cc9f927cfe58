"""Jobs through the public face: delay, map, bind, options, handles and what they raise."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from nuvom import (
    ArgumentsError,
    JobCancelledError,
    JobFailed,
    JobNotFound,
    JobStatus,
    NotInJob,
    Nuvom,
    PayloadTooLarge,
    ResultNotStored,
    RetryLater,
    SettingsError,
    TaskNotFound,
    current_job,
    testing,
)
from nuvom.testing import Memory

app = Nuvom("memory://")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
seen: list[Any] = []


@app.task
def double(x: int) -> int:
    seen.append(x)
    return 2 * x


@app.task
def when() -> datetime:
    return datetime(2027, 1, 1, tzinfo=UTC)


@app.task
async def hello(name: str) -> str:
    await asyncio.sleep(0)
    return f"hello {name}"


@app.task(retries=2)
def stumble(until: int) -> int:
    job = current_job()
    seen.append((job.attempt, job.is_last_attempt))
    if job.attempt < until:
        raise ValueError(f"attempt {job.attempt}")
    return job.attempt


@app.task
def later(times: int) -> str:
    if len(seen) < times:
        seen.append(1)
        raise RetryLater(in_="15m")
    return "at last"


@app.task
def odd() -> Any:
    return {1, 2}


@app.task(store_result=False)
def quiet() -> int:
    return 1


@app.task
def about() -> dict[str, Any]:
    job = current_job()
    return {"id": job.id, "queue": job.queue, "metadata": job.metadata, "schedule": job.schedule_name}


@app.task
def leave() -> None:
    raise SystemExit(3)


@pytest.fixture
def memory() -> Iterator[Memory]:
    seen.clear()
    with testing.memory(app, now=NOW) as memory:
        yield memory


def test_a_job_runs_and_its_handle_gives_the_result(memory: Memory) -> None:
    handle = double.delay(4)
    assert (handle.status(), handle.done()) == (JobStatus.QUEUED, False)
    assert memory.run_due() == 1
    assert (handle.status(), handle.done(), handle.result()) == (JobStatus.SUCCEEDED, True, 8)
    assert UUID(handle.id).version == 7


def test_a_result_is_decoded_by_the_return_hint_also_from_its_id_alone(memory: Memory) -> None:
    handle = when.delay()
    memory.run_due()
    assert handle.result() == app.job(handle.id).result() == datetime(2027, 1, 1, tzinfo=UTC)


def test_calling_a_task_runs_it_here_and_now(memory: Memory) -> None:
    assert double(3) == 6
    assert asyncio.run(hello("you")) == "hello you"
    assert memory.jobs() == []


def test_an_async_task_runs_also_inside_a_running_loop(memory: Memory) -> None:
    async def scene() -> str:
        handle = await hello.adelay("world")
        memory.run_due()
        with pytest.raises(RuntimeError, match=r"await aresult\(\)"):
            handle.result()
        assert await handle.adone()
        return await handle.aresult(timeout=1)

    assert asyncio.run(scene()) == "hello world"


def test_bind_and_options_commute(memory: Memory) -> None:
    double.bind(1).options(queue="a", priority=3).delay()
    double.options(queue="a", priority=3).bind(1).delay()
    double.options(queue="b").options(queue="a", priority=3).delay(1)
    assert [(job.queue, job.priority, job.arguments) for job in memory.jobs()] == [("a", 3, b"[[1],{}]")] * 3


def test_map_takes_tuples_mappings_and_calls(memory: Memory) -> None:
    handles = double.map([(1,), {"x": 2}, double.bind(3)], chunk=2)
    memory.run_due()
    assert [handle.result() for handle in handles] == [2, 4, 6]


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (5, r"\(5,\)"),
        ("text", r"\('text',\)"),
        ([1], "no call"),
        (None, "no call"),
        ((1, 2), "too many"),
        (("x",), "'x'"),
    ],
)
def test_map_checks_all_before_the_first_is_pushed_and_names_the_index(memory: Memory, item: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words) as caught:
        double.map([(1,), (2,), item])
    assert "item 2" in str(caught.value) + "".join(getattr(caught.value, "__notes__", []))
    assert memory.jobs() == []


def test_map_refuses_a_call_of_another_task(memory: Memory) -> None:
    with pytest.raises(TypeError, match="another task"):
        double.map([when.bind()])


def test_an_id_pushed_again_is_the_existing_job(memory: Memory) -> None:
    first = double.options(id="order-42").delay(1)
    again = double.options(id="order-42").delay(999)
    assert again == first
    memory.run_due()
    assert again.result() == 2
    assert first.refresh().metadata == {"id": "order-42"}
    exact = "0193e5a0-0000-7000-8000-00000000ABCD"
    assert double.options(id=exact).delay(1).id == exact.lower()


def test_a_job_is_found_by_the_text_that_it_was_given_as_id(memory: Memory) -> None:
    pushed = double.options(id="order-42").delay(21)
    assert memory.app.job("order-42") == memory.app.jobs.get("order-42") == memory.app.job(pushed.id) == pushed
    memory.run_due()
    assert memory.app.job("order-42").result() == 42
    with pytest.raises(JobNotFound):
        memory.app.job("order-43").refresh()


def test_errors_are_tried_again_with_growing_pauses_and_kept_in_the_history(memory: Memory) -> None:
    handle = stumble.delay(3)
    memory.advance("1h")
    assert handle.result() == 3
    assert seen == [(1, False), (2, False), (3, True)]
    assert [(a.number, a.error.type if a.error else None) for a in handle.attempts()] == [
        (1, "ValueError"),
        (2, "ValueError"),
    ]


def test_a_job_fails_when_its_retries_are_spent(memory: Memory) -> None:
    handle = stumble.options(retries=1).delay(99)
    memory.advance("1h")
    with pytest.raises(JobFailed, match="attempt 2") as caught:
        handle.result()
    assert (caught.value.kind, caught.value.type_name, caught.value.message) == ("error", "ValueError", "attempt 2")
    assert 'raise ValueError(f"attempt {job.attempt}")' in caught.value.traceback
    assert handle.refresh().errors == 2


def test_retry_runs_a_final_job_again_and_goes_on_counting_attempts(memory: Memory) -> None:
    handle = stumble.options(retries=0).delay(2)
    memory.run_due()
    assert handle.status() == "failed"
    assert handle.retry() is True
    assert handle.retry() is False
    memory.run_due()
    assert handle.result() == 2


def test_retry_later_costs_no_retry(memory: Memory) -> None:
    handle = later.delay(3)
    memory.advance("44m")
    assert handle.status() == "queued"
    memory.advance("1m")
    assert handle.result() == "at last"
    assert (handle.refresh().errors, handle.refresh().defers) == (0, 3)


def test_a_task_that_exits_costs_its_job_an_error(memory: Memory) -> None:
    handle = leave.delay()
    memory.run_due()
    with pytest.raises(JobFailed, match="SystemExit"):
        handle.result()


def test_a_value_that_json_cannot_carry_does_not_fail_the_job(memory: Memory) -> None:
    handle = odd.delay()
    memory.run_due()
    assert handle.status() == "succeeded"
    with pytest.raises(ResultNotStored, match="JSON cannot carry"):
        handle.result()


def test_a_result_that_was_not_to_be_stored_says_so(memory: Memory) -> None:
    handle = quiet.delay()
    memory.run_due()
    with pytest.raises(ResultNotStored, match="store_result=False"):
        handle.result()


def test_cancel_of_a_waiting_job_is_final(memory: Memory) -> None:
    handle = double.delay(1)
    assert handle.cancel() == "cancelled"
    assert handle.cancel() == "finished"
    assert memory.run_due() == 0
    with pytest.raises(JobCancelledError):
        handle.result()


def test_an_unknown_job_says_that_it_may_have_been_pruned(memory: Memory) -> None:
    handle = app.job("0193e5a0-0000-7000-8000-000000000000")
    for ask in (handle.status, handle.refresh, handle.result, handle.cancel, handle.retry):
        with pytest.raises(JobNotFound, match="pruned"):
            ask()


def test_result_waits_for_its_time_and_no_longer() -> None:
    with Nuvom("memory://") as real, pytest.raises(TimeoutError, match="queued"):
        real.task(double.function).delay(1).result(timeout=0.05)


def test_result_is_woken_by_the_end_of_its_job() -> None:
    with Nuvom("memory://") as real:
        handle = real.task(double.function).delay(21)
        worker = threading.Timer(0.1, real.drain)
        worker.start()
        assert handle.result(timeout=10) == 42
        worker.join()


def test_current_job_is_the_job_and_outside_there_is_none(memory: Memory) -> None:
    handle = about.options(queue="q", metadata={"trace": "abc"}).delay()
    memory.run_due()
    assert handle.result() == {"id": handle.id, "queue": "q", "metadata": {"trace": "abc"}, "schedule": None}
    with pytest.raises(NotInJob, match=r"current_job\(None\)"):
        current_job()
    assert current_job(None) is None


@pytest.mark.parametrize("args", [(), ("4",), (4, 5), (4.0,), (None,)])
def test_a_wrong_call_is_a_type_error_and_nothing_is_stored(memory: Memory, args: tuple[Any, ...]) -> None:
    for call in (
        lambda: double.delay(*args),
        lambda: double.schedule(*args, interval=5),
        lambda: double.bind(*args).delay(),
    ):
        with pytest.raises(TypeError, match=r"tests\.app\.test_jobs\.double") as caught:
            call()
        assert isinstance(caught.value, ArgumentsError)
    assert (memory.jobs(), memory.schedules()) == ([], [])


def test_arguments_over_the_limit_are_refused_with_the_limit_named(memory: Memory) -> None:
    with pytest.raises(PayloadTooLarge, match="1,048,576"):
        hello.delay("x" * 1024 * 1024)
    with pytest.raises(PayloadTooLarge, match="NUVOM_MAX_PAYLOAD"):
        hello.schedule("x" * 1024 * 1024, interval=5)


def test_text_of_every_kind_comes_through(memory: Memory) -> None:
    for text in ("", "\0", "żółw 🐢", "a" * 100_000, "'; DROP TABLE jobs; --", "\u2028"):
        handle = hello.delay(text)
        memory.run_due()
        assert handle.result() == f"hello {text}"


def test_a_task_known_only_by_name_is_checked_against_what_workers_reported(memory: Memory) -> None:
    with pytest.raises(TaskNotFound, match=r"no task 'reports\.build'"):
        app.task_named("reports.build")
    assert app.task_named(double.name) == double


def test_jobs_are_listed_newest_first_and_by_what_they_are(memory: Memory) -> None:
    first, second, third = double.delay(1), hello.options(queue="q").delay("x"), double.delay(3)
    memory.app.job(second.id).cancel()
    assert [job.id for job in app.jobs.list()] == [third.id, second.id, first.id]
    assert [job.id for job in app.jobs.list(task=double, limit=1)] == [third.id]
    assert [job.id for job in app.jobs.list(status="cancelled")] == [second.id]
    assert [job.id for job in app.jobs.list(queue="q")] == [second.id]
    assert app.jobs.counts()[JobStatus.QUEUED] == 2
    with pytest.raises(ValueError, match="lost"):
        app.jobs.list(status="lost")


def test_configure_comes_before_the_first_use(tmp_path: Path) -> None:
    fresh = Nuvom()
    fresh.configure(f"sqlite:////{tmp_path}/a.db")
    with fresh:
        fresh.task(double.function).delay(1)
        with pytest.raises(SettingsError, match=r"first used at .*test_jobs\.py:\d+"):
            fresh.configure("memory://")


def test_a_test_is_kept_from_the_projects_own_store() -> None:
    with pytest.raises(SettingsError, match=r"nuvom\.testing\.memory\(\)"):
        Nuvom().task(double.function).delay(1)


def test_memory_gives_the_app_back_as_it_was(tmp_path: Path) -> None:
    with Nuvom(f"sqlite:////{tmp_path}/a.db") as real:
        task = real.task(double.function)
        kept = task.delay(1)
        with testing.memory(real) as memory:
            task.delay(2)
            assert len(memory.jobs()) == 1
        assert real.jobs.list() == [kept.refresh()]


def test_time_stands_still_between_a_tests_own_steps(memory: Memory) -> None:
    double.schedule(1, in_=timedelta(days=30))
    assert memory.run_due() == 0
    assert memory.advance("30d") == 1
    assert memory.now() == NOW + timedelta(days=30)


def test_map_refuses_one_id_for_all(memory: Memory) -> None:
    with pytest.raises(TypeError, match=r"id='q' does not fit \.map\(\)"):
        double.options(id="q").map([(1,), (2,)])
    assert memory.jobs() == []


@pytest.mark.parametrize("timeout", ["soon", float("nan"), [], True])
def test_a_wait_that_is_no_duration_is_named(memory: Memory, timeout: Any) -> None:
    with pytest.raises(ValueError, match="timeout="):
        double.delay(1).result(timeout=timeout)


def test_waiting_takes_no_thread_that_others_need_and_ends_when_it_is_cancelled() -> None:
    async def scene(real: Nuvom) -> None:
        handle = await real.task(double.function).adelay(1)
        waits = [asyncio.create_task(handle.aresult()) for _ in range(64)]
        await asyncio.sleep(0)
        await asyncio.wait_for(handle.astatus(), 5)
        for wait in waits:
            wait.cancel()
        assert all(
            isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*waits, return_exceptions=True)
        )
        with pytest.raises(TimeoutError, match="queued"):
            await handle.aresult(timeout="10ms")

    with Nuvom("memory://") as real:
        asyncio.run(scene(real))

"""One job, run here: whatever a task does, there is an outcome, and it says what happened."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nuvom import JobTimedOut, NotInJob, Nuvom, Retry, RetryLater, current_job
from nuvom._current import CurrentJob
from nuvom._job import ClaimedJob, JobError, Outcome, Verdict
from nuvom._task import Definition, Task
from nuvom.worker.error_text import MAX_MESSAGE, MAX_TRACEBACK
from nuvom.worker.execution import Prepared, World, execute, execute_async

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
APP = Nuvom("memory://")
WORLD = World(lambda: NOW, lambda: 0.5)


def claimed(arguments: bytes = b"[[],{}]", **fields: Any) -> ClaimedJob:
    job = ClaimedJob(
        ref=1, id="job", task="task", arguments=arguments, queue="default", priority=0, run_at=NOW, started_at=NOW,
        created_at=NOW, attempt=1, errors=0, crashes=0, max_crashes=3, defers=0, suspect=False,
    )  # fmt: skip
    return job._replace(**fields)


@dataclass
class Plain:
    """A task as a worker sees it, around any function."""

    function: Callable[..., Any]
    retries: int = 0
    store_result: bool = True
    retry: Retry | None = None


def run(task: Plain, arguments: bytes = b"[[],{}]", **fields: Any) -> Outcome:
    # Made directly: the decorator refuses functions that workers could not find by importing their module.
    real = Task(
        APP,
        task.function,
        "task",
        Definition(retry=task.retry or Retry(max=task.retries), store_result=task.store_result),
    )
    prepared, job = Prepared.of(real), claimed(arguments, **fields)
    return asyncio.run(execute_async(job, prepared, WORLD)) if prepared.is_async else execute(job, prepared, WORLD)


def error_of(outcome: Outcome) -> JobError:
    assert outcome.error is not None
    return outcome.error


def raises(error: BaseException) -> Callable[[], None]:
    def task() -> None:
        raise error

    return task


def raises_async(error: BaseException) -> Callable[[], Any]:
    async def task() -> None:
        raise error

    return task


def test_a_returned_value_is_kept_as_json() -> None:
    def add(a: int, b: int) -> int:
        return a + b

    assert run(Plain(add), b'[[1],{"b":2}]')[1:3] == (Verdict.SUCCEEDED, b"3")


def test_a_value_is_dropped_where_the_task_or_the_call_says_so() -> None:
    def one() -> int:
        return 1

    assert run(Plain(one, store_result=False))[1:4] == (Verdict.SUCCEEDED, None, None)
    assert run(Plain(one), options=b'{"store_result":false}').value is None
    assert run(Plain(one, store_result=False), options=b'{"store_result":true}').value == b"1"


def test_a_value_that_json_cannot_carry_does_not_fail_the_job(caplog: pytest.LogCaptureFixture) -> None:
    def generate():  # type: ignore[no-untyped-def] # noqa: ANN202 - a hint would be refused at decoration
        return (number for number in range(3))

    outcome = run(Plain(generate))
    assert outcome[1:3] == (Verdict.SUCCEEDED, None)
    assert error_of(outcome).kind == "result"
    assert "its value was dropped" in caplog.text


ENDS = [ValueError("no"), SystemExit(3), KeyboardInterrupt(), GeneratorExit(), BaseException("base")]


@pytest.mark.parametrize("make", [raises, raises_async])
@pytest.mark.parametrize("error", [*ENDS, asyncio.CancelledError()])
def test_whatever_a_task_raises_costs_that_job_an_error(
    make: Callable[[BaseException], Callable[[], Any]], error: BaseException
) -> None:
    outcome = run(Plain(make(error)))
    assert outcome.verdict is Verdict.FAILED
    assert error_of(outcome).kind == "error"
    assert error_of(outcome).type.rpartition(".")[2] == type(error).__name__
    assert error_of(outcome).message == str(error)


def test_a_traceback_begins_at_the_users_code() -> None:
    trace = error_of(run(Plain(raises(ValueError("no"))))).traceback
    assert "raise error" in trace
    assert "src/nuvom" not in trace


def test_a_traceback_and_a_message_are_bounded() -> None:
    def deep(depth: int = 0) -> None:
        deep(depth + 1)

    assert len(error_of(run(Plain(deep))).traceback) < MAX_TRACEBACK + 100
    long = error_of(run(Plain(raises(ValueError("x" * 1_000_000)))))
    assert len(long.message) < MAX_MESSAGE + 100
    assert len(long.traceback) < MAX_TRACEBACK + 100


class Unprintable(Exception):
    def __str__(self) -> str:
        raise SystemExit("no text")

    __repr__ = __str__


def test_an_exception_that_cannot_be_printed_or_encoded_is_still_an_outcome() -> None:
    unprintable = error_of(run(Plain(raises(Unprintable()))))
    assert unprintable.type.endswith("Unprintable")
    assert "cannot be read" in unprintable.message
    assert error_of(run(Plain(raises(ValueError("\ud800"))))).message == "\\ud800"


def test_an_error_is_tried_again_as_often_as_the_task_or_the_call_says() -> None:
    task = Plain(raises(ValueError("no")), retries=2)
    first = run(task)
    assert (first.verdict, first.retries) == (Verdict.RETRY, 2)
    assert first.run_at == NOW + timedelta(seconds=0.5)
    assert run(task, errors=1).run_at == NOW + timedelta(seconds=1)
    assert run(task, errors=2).verdict is Verdict.FAILED
    assert run(task, options=b'{"retries":0}').verdict is Verdict.FAILED
    assert run(task, errors=2, options=b'{"retries":3}').verdict is Verdict.RETRY


@pytest.mark.parametrize("make", [raises, raises_async])
def test_retry_later_costs_no_retry_and_can_be_asked_a_hundred_times(
    make: Callable[[BaseException], Callable[[], Any]],
) -> None:
    task = Plain(make(RetryLater(in_="15m")))
    outcome = run(task, defers=99)
    assert outcome[1:5] == (Verdict.DEFER, None, None, NOW + timedelta(minutes=15))
    beyond = run(task, defers=100)
    assert beyond.verdict is Verdict.FAILED
    assert "101 times" in error_of(beyond).message


def test_a_policy_says_how_often_a_task_may_ask_for_a_later_run() -> None:
    task = Plain(raises(RetryLater(in_=1)), retry=Retry(max_defers=2))
    assert run(task, defers=1).verdict is Verdict.DEFER
    beyond = run(task, defers=2)
    assert beyond.verdict is Verdict.FAILED
    assert "3 times; a job of its task may do that 2 times" in error_of(beyond).message


def test_an_error_that_the_policy_leaves_out_fails_at_once() -> None:
    task = Plain(raises(ValueError("no")), retry=Retry(max=3, on=OSError))
    assert run(task).verdict is Verdict.FAILED
    assert run(Plain(raises(OSError("yes")), retry=task.retry)).verdict is Verdict.RETRY


def test_the_delay_is_the_policys() -> None:
    task = Plain(raises(ValueError("no")), retry=Retry(max=9, base="10s", factor=3, cap="1m", jitter=False))
    delays = [(run(task, errors=errors).run_at or NOW) - NOW for errors in range(4)]
    assert [delay.total_seconds() for delay in delays] == [10, 30, 60, 60]


def test_a_call_says_how_often_and_the_policy_the_rest() -> None:
    task = Plain(raises(ValueError("no")), retry=Retry(max=9, base=8, jitter=False))
    assert run(task, options=b'{"retries":1}').run_at == NOW + timedelta(seconds=8)
    assert run(task, errors=1, options=b'{"retries":1}').verdict is Verdict.FAILED


@pytest.mark.parametrize("which", ["on", "give_up_on"])
@pytest.mark.parametrize("raised", [ZeroDivisionError("mine"), SystemExit(3)])
def test_a_predicate_that_raises_is_logged_and_the_job_is_not_tried_again(
    which: str, raised: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    def predicate(error: BaseException) -> bool:
        raise raised

    outcome = run(Plain(raises(ValueError("no")), retry=Retry(**{which: predicate})))
    assert outcome.verdict is Verdict.FAILED
    assert error_of(outcome).type == "ValueError"
    assert "job job of task 'task' is not tried again: a function of its Retry raised" in caplog.text


def test_a_timeout_is_an_error_that_is_tried_again_unless_the_policy_says_otherwise() -> None:
    def verdict(retry: Retry) -> Verdict:
        return run(Plain(raises(JobTimedOut()), retry=retry)).verdict

    assert verdict(Retry()) is verdict(Retry(on=OSError)) is Verdict.RETRY
    assert verdict(Retry(on=lambda error: isinstance(error, OSError))) is Verdict.FAILED
    assert verdict(Retry(give_up_on=JobTimedOut)) is verdict(Retry(max=0)) is Verdict.FAILED


@pytest.mark.parametrize("arguments", [b"[[],{}]", b"[[1,2],{}]", b'[["x"],{}]', b'[[],{"other":1}]', b"not json"])
def test_arguments_that_no_longer_fit_fail_at_once(arguments: bytes) -> None:
    def one(number: int) -> int:
        raise AssertionError("it must not be called")

    outcome = run(Plain(one, retries=5), arguments)
    assert outcome.verdict is Verdict.FAILED
    assert error_of(outcome).kind == "arguments"


def test_a_type_error_of_the_task_itself_is_its_error() -> None:
    assert error_of(run(Plain(raises(TypeError("mine")), retries=0))).kind == "error"


def test_a_task_sees_its_job() -> None:
    seen: list[CurrentJob] = []

    def look() -> None:
        seen.append(current_job())

    late = NOW - timedelta(seconds=3)
    run(Plain(look, retries=1), attempt=4, schedule_id="s", schedule_name="n", scheduled_for=late, metadata=b'{"k":1}')
    job = seen[0]
    assert (job.id, job.task, job.queue, job.attempt, job.is_last_attempt) == ("job", "task", "default", 4, False)
    assert (job.schedule_id, job.schedule_name, job.scheduled_for) == ("s", "n", late)
    assert job.lateness == timedelta(seconds=3)
    assert job.metadata == {"k": 1}
    run(Plain(look, retries=1), errors=1)
    assert seen[1].is_last_attempt
    assert seen[1].lateness is None


def test_a_coroutine_sees_its_own_job_among_others() -> None:
    async def look() -> str:
        await asyncio.sleep(0)
        return current_job().id

    async def both() -> list[Outcome]:
        prepared = Prepared.of(Task(APP, look, "task", Definition()))
        return await asyncio.gather(*(execute_async(claimed(id=name), prepared, WORLD) for name in ("a", "b")))

    assert [outcome.value for outcome in asyncio.run(both())] == [b'"a"', b'"b"']


def test_outside_a_job_there_is_none() -> None:
    run(Plain(raises(ValueError())))
    assert current_job(None) is None
    with pytest.raises(NotInJob, match=r"current_job\(None\)"):
        current_job()

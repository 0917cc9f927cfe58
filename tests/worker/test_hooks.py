"""Hooks see a job where it is pushed, around its run and when it ended, in order, and harm nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

import pytest

from nuvom import (
    AttemptOutcome,
    CurrentJob,
    EnqueuedJob,
    Hook,
    JobFailed,
    JobStatus,
    Nuvom,
    Retry,
    RetryLater,
    Verdict,
    current_job,
)
from nuvom._ids import new_id
from nuvom._job import NewJob
from nuvom.testing import Memory, memory
from tests.worker.conftest import MakeSite

app = Nuvom("memory://")
events: list[str] = []


@app.task(name="works")
def works() -> dict[str, Any]:
    events.append("works")
    return dict(current_job().context)


@app.task(name="works_async")
async def works_async() -> dict[str, Any]:
    events.append("works")
    await asyncio.sleep(0)
    return dict(current_job().context)


@app.task(name="fails")
def fails() -> None:
    raise OSError("no")


@app.task(name="fails_async")
async def fails_async() -> None:
    raise OSError("no")


@app.task(name="again", retry=Retry(max=1, base=0))
def again(how: str) -> None:
    if how == "later" and current_job().attempt == 1:
        raise RetryLater(in_=5)
    if how == "error":
        raise OSError("no")


@app.task(name="pushes")
def pushes() -> str:
    return works.delay().id


@app.task(name="takes_a_number")
def takes_a_number(number: int) -> int:
    return number


@pytest.fixture
def t() -> Iterator[Memory]:
    events.clear()
    with memory(app) as t:
        yield t
    for hook in app.hooks:
        app.hooks.remove(hook)


class Named(Hook):
    """Writes down what it sees."""

    def __init__(self, name: str) -> None:
        self.name = name

    def on_enqueue(self, job: EnqueuedJob) -> None:
        events.append(f"{self.name} enqueues")
        job.context.setdefault("seen", []).append(self.name)

    @contextmanager
    def _around(self) -> Iterator[None]:
        events.append(f"{self.name} enters")
        try:
            yield
        except OSError as error:
            events.append(f"{self.name} sees {error}")
            raise
        finally:
            events.append(f"{self.name} leaves")

    def around_run(self, job: CurrentJob) -> AbstractContextManager[object]:
        return self._around()

    def on_outcome(self, job: CurrentJob, outcome: AttemptOutcome) -> None:
        assert current_job().id == job.id
        assert outcome.seconds >= 0
        events.append(f"{self.name} is told {outcome.verdict}")


@pytest.mark.parametrize("task", [works, works_async])
def test_hooks_go_in_order_and_contexts_are_left_in_reverse(t: Memory, task: Any) -> None:
    app.hooks.append(Named("a"))
    app.hooks.append(Named("b"))
    job = task.delay()
    assert events == ["a enqueues", "b enqueues"]
    events.clear()
    t.run_due()
    told = ["a is told succeeded", "b is told succeeded"]
    assert events == ["a enters", "b enters", "works", "b leaves", "a leaves", *told]
    assert job.result() == {"seen": ["a", "b"]}
    assert t.jobs(task=task)[0].context == {"seen": ["a", "b"]}


@pytest.mark.parametrize("task", [fails, fails_async])
def test_hooks_see_the_error_and_the_job_keeps_it(t: Memory, task: Any) -> None:
    app.hooks.append(Named("a"))
    job = task.delay()
    t.run_due()
    assert events[1:] == ["a enters", "a sees no", "a leaves", "a is told failed"]
    with pytest.raises(JobFailed, match="OSError: no") as failure:
        job.result()
    assert "hooked" not in failure.value.traceback


class Outcomes(Hook):
    def __init__(self) -> None:
        self.seen: list[AttemptOutcome] = []

    def on_outcome(self, job: CurrentJob, outcome: AttemptOutcome) -> None:
        self.seen.append(outcome)


def test_each_attempt_has_its_outcome(t: Memory) -> None:
    outcomes = Outcomes()
    app.hooks.append(outcomes)
    again.delay("error")
    t.advance(1)
    again.delay("later")
    t.advance(10)
    verdicts = [outcome.verdict for outcome in outcomes.seen]
    assert verdicts == [Verdict.RETRY, Verdict.FAILED, Verdict.DEFER, Verdict.SUCCEEDED]
    assert [outcome.run_at is not None for outcome in outcomes.seen] == [True, False, True, False]
    assert [outcome.error.message if outcome.error else None for outcome in outcomes.seen] == ["no", "no", None, None]


def test_arguments_that_no_longer_fit_are_an_outcome_too(t: Memory) -> None:
    outcomes = Outcomes()
    app.hooks.append(outcomes)
    app.store.jobs.push([NewJob(id=new_id(t.now()), task="takes_a_number", arguments=b'[["x"],{}]')])
    t.run_due()
    assert [(outcome.verdict, outcome.error and outcome.error.kind) for outcome in outcomes.seen] == [
        (Verdict.FAILED, "arguments")
    ]


class Tenant(Hook):
    """Hands a tenant on, from the caller to its jobs and to theirs."""

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant

    def on_enqueue(self, job: EnqueuedJob) -> None:
        caller = current_job(None)
        job.context["tenant"] = caller.context["tenant"] if caller else self.tenant


def test_a_context_is_handed_on_to_jobs_that_a_job_pushes(t: Memory) -> None:
    tenant = Tenant("acme")
    app.hooks.append(tenant)
    job = pushes.delay()
    tenant.tenant = "another"
    t.run_due()
    assert app.job(job.result()).result() == {"tenant": "acme"}


def test_a_hook_sees_what_is_pushed_one_by_one_and_in_a_map(t: Memory) -> None:
    seen: list[tuple[str, str, Any, bool]] = []

    class Looks(Hook):
        def on_enqueue(self, job: EnqueuedJob) -> None:
            seen.append((job.task, job.queue, job.metadata, job.run_at is None))

    app.hooks.append(Looks())
    works.options(queue="other", metadata={"k": 1}).delay()
    works.map([(), ()])
    assert seen == [("works", "other", {"k": 1}, True), ("works", "default", {}, True), ("works", "default", {}, True)]
    assert [job.context for job in t.jobs()] == [{}, {}, {}]


def test_jobs_of_a_schedule_have_no_producer_and_no_context(t: Memory) -> None:
    app.hooks.append(Named("a"))
    works.schedule(in_=5)
    t.advance(10)
    assert events == ["a enters", "works", "a leaves", "a is told succeeded"]
    assert t.jobs()[0].context == {}


def failing(method: str, error: BaseException) -> Hook:
    def fail(self: Hook, *_: Any) -> Any:
        raise error

    return type("Failing", (Hook,), {method: fail})()


@pytest.mark.parametrize("method", ["on_enqueue", "around_run", "on_outcome"])
@pytest.mark.parametrize("task", [works, works_async])
def test_a_hook_that_raises_harms_nothing_and_is_logged_once(
    t: Memory, task: Any, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    app.hooks.append(failing(method, ZeroDivisionError("mine")))
    app.hooks.append(Named("b"))
    jobs = [task.delay() for _ in range(3)]
    t.run_due()
    assert [job.result() for job in jobs] == [{"seen": ["b"]}] * 3
    assert events.count("b leaves") == events.count("b is told succeeded") == 3
    [record] = [record for record in caplog.records if record.name == "nuvom.hooks"]
    assert f"{method} of hook" in record.getMessage()
    assert record.exc_info is not None


def test_what_a_hook_that_raised_did_to_the_context_is_dropped(t: Memory) -> None:
    class Breaks(Hook):
        def on_enqueue(self, job: EnqueuedJob) -> None:
            job.context["half"] = "done"
            raise ZeroDivisionError

    app.hooks.append(Named("a"))
    app.hooks.append(Breaks())
    works.delay()
    assert [job.context for job in t.jobs()] == [{"seen": ["a"]}]


@pytest.mark.parametrize("where", ["__enter__", "__exit__"])
@pytest.mark.parametrize("error", [ZeroDivisionError("mine"), SystemExit(3)])
def test_a_context_that_raises_harms_nothing(
    t: Memory, where: str, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> Any:
        raise error

    methods = {"__enter__": lambda self: None, "__exit__": lambda *_: None, where: fail}
    context = type("Context", (), methods)

    class Hooked(Hook):
        def around_run(self, job: CurrentJob) -> Any:
            return context()

    app.hooks.append(Named("a"))
    app.hooks.append(Hooked())
    good, bad = works.delay(), fails.delay()
    t.run_due()
    assert good.status() is JobStatus.SUCCEEDED
    assert bad.refresh().error.type == "OSError"  # type: ignore[union-attr]
    assert events.count("a leaves") == 2
    assert caplog.text.count("around_run of hook") == 1


def test_a_context_cannot_swallow_the_error_of_a_task(t: Memory) -> None:
    class Swallows(Hook):
        @contextmanager
        def around_run(self, job: CurrentJob) -> Iterator[None]:
            with suppress(OSError):
                yield

    app.hooks.append(Swallows())
    job = fails.delay()
    t.run_due()
    assert job.status() is JobStatus.FAILED


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda job: job.context.update(big="x" * 9_000), "the context takes 9,023 bytes, the limit is 8,192"),
        (lambda job: job.context.update(value=object()), "not JSON serializable"),
        (lambda job: job.context.update({1: 2}), "Dict key must be str"),
        (lambda job: setattr(job, "context", ["list"]), "the context must be a dict"),
    ],
)
def test_a_context_that_cannot_travel_is_dropped_and_said_and_the_job_is_pushed(
    t: Memory, change: Callable[[EnqueuedJob], None], message: str, caplog: pytest.LogCaptureFixture
) -> None:
    class Changes(Hook):
        def on_enqueue(self, job: EnqueuedJob) -> None:
            change(job)

    app.hooks.append(Named("a"))
    app.hooks.append(Changes())
    app.hooks.append(Named("b"))
    job = works.delay()
    t.run_due()
    assert job.result() == {"seen": ["a", "b"]}
    assert message in caplog.text


@pytest.mark.parametrize(
    ("given", "message"), [(Named, r"append Named\(\)"), ("x", "make its class one of nuvom.Hook")]
)
def test_what_is_no_hook_is_refused_when_it_is_appended(t: Memory, given: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        app.hooks.append(given)
    assert len(app.hooks) == 0


SITE = """
import contextlib, json
class Notes(nuvom.Hook):
    def on_enqueue(self, job):
        job.context["from"] = os.getpid()
    @contextlib.contextmanager
    def around_run(self, job):
        with open(HERE / "notes", "a") as file:
            file.write(json.dumps([job.task, dict(job.context)]) + "\\n")
        yield
    def on_outcome(self, job, outcome):
        with open(HERE / "notes", "a") as file:
            file.write(json.dumps([job.task, outcome.verdict]) + "\\n")
nuvom.app.hooks.append(Notes())

@nuvom.task(name="first")
def first() -> list:
    return [os.getpid(), second.delay().id]

@nuvom.task(name="second")
async def second() -> int:
    return nuvom.current_job().context["from"]
"""


def test_hooks_run_in_workers_and_a_context_goes_from_process_to_process(make_site: MakeSite) -> None:
    site = make_site(SITE)
    job = site.push("first", context=b'{"from":"here"}')
    with site.serve():
        pid, second = json.loads(site.final(job).value or b"")
        assert site.final(second).value == str(pid).encode()
    notes = [json.loads(line) for line in site.lines("notes")]  # those of the two jobs in any order
    assert [note for task, note in notes if task == "first"] == [{"from": "here"}, "succeeded"]
    assert [note for task, note in notes if task == "second"] == [{"from": pid}, "succeeded"]

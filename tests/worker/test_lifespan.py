"""The lifespan of the jobs of a process: entered before its first, left after its last, whatever ends it."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

import pytest

from nuvom import JobStatus, LifespanError, Nuvom, current_job
from nuvom.testing import memory
from nuvom.worker.lifespan import Life
from tests.worker.conftest import MakeSite
from tests.worker.service import until

NOTE = """
def note(text):
    with open(HERE / "life", "a") as file:
        file.write(f"{text}\\n")

@nuvom.task(name="plain")
def plain() -> str:
    note("plain")
    return nuvom.current_job().state["made"]

@nuvom.task(name="coroutine")
async def coroutine() -> bool:
    import asyncio
    note("coroutine")
    return nuvom.current_job().state["loop"] is asyncio.get_running_loop()

@nuvom.task(name="slow")
def slow() -> None:
    note("slow began")
    time.sleep(1)
    note("slow ended")
"""
PLAIN = """
@nuvom.lifespan
def life():
    note("enter")
    yield {"made": f"by {os.getpid()}"}
    note("leave")
"""
ASYNC = """
@nuvom.lifespan
async def life():
    import asyncio
    async with asyncio.TaskGroup() as group:
        note("enter")
        yield {"made": "by a coroutine", "loop": asyncio.get_running_loop()}
    note("leave")
"""


def test_each_process_enters_it_before_its_first_job_and_leaves_it_after_its_last(make_site: MakeSite) -> None:
    site = make_site(NOTE + PLAIN)
    job = site.push("plain")
    with site.serve() as service:
        assert site.final(job).value == f'"by {service.pid()}"'.encode()
        slow = site.push("slow")
        until(lambda: "slow began" in site.lines("life"), "the job began")
        service.signal(signal.SIGTERM)
        assert service.ended(10) == 0
        assert site.job(slow).status is JobStatus.SUCCEEDED
    assert site.lines("life") == ["enter", "plain", "slow began", "slow ended", "leave"]


def test_an_async_one_runs_in_the_event_loop_of_coroutine_tasks(make_site: MakeSite) -> None:
    site = make_site(NOTE + ASYNC)
    with site.serve() as service:
        assert site.final(site.push("coroutine")).value == b"true"
        assert site.final(site.push("plain")).value == b'"by a coroutine"'
        service.signal(signal.SIGTERM)
        assert service.ended(10) == 0
    assert site.lines("life") == ["enter", "coroutine", "plain", "leave"]


def test_a_process_that_follows_another_enters_it_anew(make_site: MakeSite) -> None:
    site = make_site(NOTE + PLAIN)
    with site.serve() as service:
        first = service.pid()
        until(lambda: site.lines("life"), "it was entered")
        os.kill(first, signal.SIGTERM)
        service.pid(other_than=first)
        until(lambda: site.lines("life") == ["enter", "leave", "enter"], "the next process entered it")


@pytest.mark.parametrize("how", ["def", "async def"])
def test_one_that_raises_at_its_start_ends_the_process_and_the_supervisor_says_why(
    make_site: MakeSite, how: str
) -> None:
    site = make_site(f"{NOTE}@nuvom.lifespan\n{how} life():\n    raise RuntimeError('no database')\n    yield\n")
    with site.serve() as service:
        why = "lifespan tasks.life raised at its start: RuntimeError: no database"
        until(lambda: f"its process exited with code 1 ({why}); the next one starts in" in service.said(), "it says so")
        assert "in life" in service.said()  # the traceback
        until(lambda: service.said().count("the next one starts in") >= 3, "it is tried again")
        assert site.workers() == []
        service.signal(signal.SIGTERM)
        assert service.ended(10) == 0


def test_one_that_raises_at_its_end_is_logged_and_changes_nothing(make_site: MakeSite) -> None:
    site = make_site(NOTE + "@nuvom.lifespan\ndef life():\n    yield {'made': 'it'}\n    raise RuntimeError('stuck')\n")
    with site.serve() as service:
        assert site.final(site.push("plain")).value == b'"it"'
        service.signal(signal.SIGTERM)
        assert service.ended(10) == 0
        assert "lifespan tasks.life raised at its end" in service.said()
        assert "RuntimeError: stuck" in service.said()


def test_one_whose_end_takes_longer_than_the_grace_is_cut_short_and_named(make_site: MakeSite) -> None:
    site = make_site(NOTE + "@nuvom.lifespan\ndef life():\n    yield {'made': 'it'}\n    time.sleep(60)\n")
    with site.serve(grace=0.0) as service:
        site.final(site.push("plain"))
        service.signal(signal.SIGTERM)
        assert service.ended(10) == 0
        assert "lifespan tasks.life did not end in" in service.said()
        assert "is killed" not in service.said()


def test_one_that_does_not_end_ends_its_process_though_nobody_hurries_it(caplog: pytest.LogCaptureFixture) -> None:
    cut = Event()

    def endless() -> Iterator[str]:
        yield "state"
        assert cut.wait(10)

    life = Life(endless, cut.set)
    life.enter(lambda _: pytest.fail("nothing of it is a coroutine"))
    life.leave(0.01)
    assert cut.is_set()
    assert "did not end in 0.0 s" in caplog.text


events: list[str] = []
app = Nuvom("memory://")


@app.task(name="look")
def look() -> str:
    events.append("look")
    return str(current_job().state)


@app.task(name="look_async")
async def look_async() -> str:
    events.append("look")
    return str(current_job().state)


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    events.clear()
    yield
    app.lives = None


def plain() -> Iterator[str]:
    events.append("enter")
    yield "plain state"
    events.append("leave")


async def coroutine() -> AsyncIterator[str]:
    events.append("enter")
    yield "async state"
    events.append("leave")


@pytest.mark.parametrize("function", [plain, coroutine])
def test_a_drain_enters_it_with_its_first_job_and_leaves_it_after_its_last(function: Callable[[], Any]) -> None:
    app.lifespan(function)
    with memory(app) as t:
        assert t.run_due() == 0
        assert events == []
        jobs = [look.delay(), look_async.delay()]
        t.run_due()
        assert events == ["enter", "look", "look", "leave"]
        assert {job.result() for job in jobs} == {"plain state" if function is plain else "async state"}


def test_without_one_the_state_is_none() -> None:
    with memory(app) as t:
        job = look.delay()
        t.run_due()
        assert job.result() == "None"


def fails() -> Iterator[None]:
    raise OSError("no database")
    yield


async def fails_async() -> AsyncIterator[None]:
    raise OSError("no database")
    yield


@pytest.mark.parametrize("function", [fails, fails_async])
def test_a_drain_raises_what_kept_it_from_starting_and_the_job_stays(function: Callable[[], Any]) -> None:
    app.lifespan(function)
    with memory(app) as t:
        job = look.delay()
        with pytest.raises(LifespanError, match="raised at its start: OSError: no database") as caught:
            t.run_due()
        assert isinstance(caught.value.__cause__, OSError)
        assert job.status() is JobStatus.QUEUED


def never() -> Iterator[None]:
    if events:
        yield


async def twice() -> AsyncIterator[int]:
    yield 1
    yield 2


def test_one_that_yields_not_once_is_said_to(caplog: pytest.LogCaptureFixture) -> None:
    with memory(app) as t:
        job = look.delay()
        app.lifespan(never)
        with pytest.raises(LifespanError, match="it did not yield"):
            t.run_due()
        app.lives = None
        app.lifespan(twice)
        t.run_due()
        assert job.result() == "1"
        assert "it yielded more than once" in caplog.text


def needs(url: str) -> Iterator[None]:
    yield


@contextmanager
def managed() -> Iterator[None]:
    yield


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (len, "must be a generator function"),
        (managed, "no @contextmanager"),
        (look, "must be a generator function"),
        (needs, "is called without arguments, and needs url"),
    ],
)
def test_what_cannot_be_one_is_refused_at_the_decorator(function: Any, message: str) -> None:
    with pytest.raises(LifespanError, match=message):
        app.lifespan(function)


def test_a_second_one_is_refused_and_a_reload_replaces() -> None:
    app.lifespan(plain)
    app.lifespan(plain)
    with pytest.raises(LifespanError, match=r"lifespan .*coroutine cannot be added: this app has .*plain already"):
        app.lifespan(coroutine)

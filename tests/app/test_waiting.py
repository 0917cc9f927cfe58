"""`wait` and `as_completed`, as in concurrent.futures, and their twins for the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nuvom import (
    JobNotFound,
    Nuvom,
    as_completed,
    as_completed_async,
    testing,
    wait,
    wait_async,
)
from nuvom.testing import Memory

app = Nuvom("memory://")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LONG = 20.0


@app.task
def double(x: int) -> int:
    return 2 * x


@app.task
def fail() -> None:
    raise ValueError("boom")


@app.task
def wait_inside() -> int:
    return len(wait([double.delay(1)], timeout=0).open)


@pytest.fixture
def memory() -> Iterator[Memory]:
    with testing.memory(app, now=NOW) as memory:
        yield memory


@contextmanager
def run_meanwhile(memory: Memory) -> Iterator[None]:
    """Run what is due in another thread, which the waiting one is woken by."""
    thread = threading.Thread(target=memory.run_due)
    thread.start()
    yield
    thread.join()


def test_wait_returns_when_all_are_final(memory: Memory) -> None:
    handles = double.map([(1,), (2,), (3,)])
    with run_meanwhile(memory):
        done, still_open = wait(handles, timeout=LONG)
    assert (done, still_open) == (set(handles), set())
    assert sorted(handle.result() for handle in done) == [2, 4, 6]


def test_wait_returns_when_the_first_is_final(memory: Memory) -> None:
    early, late = double.delay(1), double.options(queue="other").delay(2)
    early.cancel()
    waited = wait([early, late], return_when="first")
    assert (waited.done, waited.open) == ({early}, {late})


def test_wait_returns_when_one_failed_and_not_for_those_that_succeed_or_are_cancelled(memory: Memory) -> None:
    good, cancelled, bad, open_ = double.delay(1), double.delay(1), fail.delay(), double.delay(1)
    cancelled.cancel()
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(wait, [good, cancelled, bad, open_], LONG, "failed")
        app.store.jobs.finish(*_finished(good, "succeeded"))
        assert wait([good]).done == {good}
        assert not waiting.done()
        app.store.jobs.finish(*_finished(bad, "failed"))
        assert waiting.result(LONG) == ({good, cancelled, bad}, {open_})


def test_wait_for_a_failure_returns_when_all_are_final_without_one(memory: Memory) -> None:
    handle = double.delay(1)
    memory.run_due()
    assert wait([handle], return_when="failed") == ({handle}, set())


def test_wait_returns_what_there_is_when_its_time_is_over(memory: Memory) -> None:
    ready, late = double.delay(1), double.delay(2)
    ready.cancel()
    assert wait([ready, late], timeout="50ms") == ({ready}, {late})


def test_wait_for_nothing_returns_at_once() -> None:
    assert wait([]) == (set(), set())
    assert list(as_completed([])) == []


def test_a_handle_named_twice_counts_once(memory: Memory) -> None:
    handle = double.delay(1)
    handle.cancel()
    assert wait([handle, app.job(handle.id)]).done == {handle}
    assert list(as_completed([handle, handle])) == [handle]


def test_handles_of_two_apps_are_refused(memory: Memory) -> None:
    other = Nuvom("memory://")
    with pytest.raises(ValueError, match="handles of 2 apps cannot be waited for together"):
        wait([double.delay(1), other.job("x")])


def test_what_is_no_handle_is_refused_with_its_place(memory: Memory) -> None:
    with pytest.raises(
        TypeError, match=r"handles\[1\]='some id' must be a JobHandle; of an id, nuvom.job\(id\) makes one"
    ):
        wait([double.delay(1), "some id"])  # type: ignore[list-item]


def test_an_unknown_return_when_is_refused_with_those_there_are(memory: Memory) -> None:
    with pytest.raises(ValueError, match="return_when='FIRST' is none of 'all', 'first', 'failed'"):
        wait([double.delay(1)], return_when="FIRST")  # type: ignore[arg-type]


def test_a_pruned_job_is_not_waited_for(memory: Memory) -> None:
    gone = app.job("never-there")
    with pytest.raises(JobNotFound, match=gone.id):
        wait([double.delay(1), gone], timeout=LONG)
    with pytest.raises(JobNotFound, match=gone.id):
        list(as_completed([gone]))


def test_as_completed_gives_handles_in_the_order_in_which_they_end(memory: Memory) -> None:
    first, second, third = double.map([(1,), (2,), (3,)])
    second.cancel()
    order = as_completed([first, second, third], timeout=LONG)
    assert next(order) == second
    app.store.jobs.finish(*_finished(third, "succeeded"))
    assert next(order) == third
    app.store.jobs.finish(*_finished(first, "failed"))
    assert list(order) == [first]


def test_as_completed_counts_its_time_from_the_call(memory: Memory) -> None:
    ready, late = double.delay(1), double.delay(2)
    ready.cancel()
    order = as_completed([ready, late], timeout=0.05)
    assert next(order) == ready
    with pytest.raises(TimeoutError, match=f"1 of the jobs are not final after 0.05, {late.id} among them"):
        next(order)


def test_a_wait_that_is_left_early_leaves_nobody_waiting(tmp_path: Path) -> None:
    with Nuvom(f"sqlite:///{tmp_path}/jobs.db") as own:
        ready, late = own.task(name="double")(_double).map([(1,), (2,)])
        ready.cancel()
        for handle in as_completed([ready, late]):
            assert handle == ready
            break
        assert wait([ready, late], timeout=LONG, return_when="first").done == {ready}
        with own.store._database.read() as connection:  # type: ignore[attr-defined]
            assert connection.execute("SELECT count(*) FROM waiters").fetchone() == (0,)


def test_waiting_in_an_event_loop_is_refused_with_the_twin_to_use(memory: Memory) -> None:
    handle = double.delay(1)

    async def use() -> None:
        with pytest.raises(RuntimeError, match="await wait_async"):
            wait([handle])
        with pytest.raises(RuntimeError, match="async for handle in as_completed_async"):
            as_completed([handle])

    asyncio.run(use())


def test_waiting_inside_a_job_warns(memory: Memory) -> None:
    handle = wait_inside.delay()
    with pytest.warns(UserWarning, match=r"wait\(\) inside a job holds its worker's slot"):
        memory.run_due()
    assert handle.result() == 1


def test_the_twins_leave_the_event_loop_free(memory: Memory) -> None:
    handles = double.map([(1,), (2,)])
    bad = double.delay(1)
    bad.cancel()

    async def use() -> tuple[Any, ...]:
        first = await wait_async([*handles, bad], return_when="first")
        running = asyncio.ensure_future(asyncio.to_thread(memory.run_due))
        waited = await wait_async(handles, timeout=LONG)
        await running
        return first, waited, [handle async for handle in as_completed_async([bad, *handles], timeout=LONG)]

    first, waited, order = asyncio.run(use())
    assert first == ({bad}, set(handles))
    assert waited == (set(handles), set())
    assert set(order) == {bad, *handles}


def test_a_twin_that_is_cancelled_ends_at_once(memory: Memory) -> None:
    handle = double.delay(1)

    async def use() -> None:
        waiting = asyncio.ensure_future(wait_async([handle]))
        await asyncio.sleep(0.02)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(waiting, LONG)

    asyncio.run(use())


def _double(x: int) -> int:
    return 2 * x


def _finished(handle: Any, verdict: str) -> tuple[str, list[Any]]:
    """Claim a job as a worker does, and return what it then says of its end."""
    from nuvom._job import Outcome, Verdict
    from nuvom.testing.conformance.examples import a_worker, claimed, put_back

    worker = a_worker(app.store)
    jobs = claimed(app.store, worker)
    app.store.jobs.finish(worker, [put_back(job) for job in jobs if job.id != handle.id])
    return worker, [Outcome(job, Verdict(verdict), b"1") for job in jobs if job.id == handle.id]

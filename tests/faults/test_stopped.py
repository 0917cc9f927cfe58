"""Processes that are stopped and continued: the others go on, and what comes late changes nothing."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack, closing

import orjson
import psutil
import pytest

from nuvom._job import JobStatus
from nuvom.errors import StoreBusy
from nuvom.stores.registry import open_store
from nuvom.testing.conformance.examples import a_job
from tests.faults import invariants
from tests.faults.conftest import counting, file_of
from tests.faults.processes import scheduler, stopped
from tests.waiting import until
from tests.worker.service import Site


def test_a_service_stopped_as_a_whole_beyond_its_lease_records_nothing_of_what_ran_again(site: Site) -> None:
    with site.serve(threads=2) as paused, invariants.watched(file_of(site)):
        jobs = [site.push("slow", 0.5) for _ in range(2)]
        until(lambda: len(site.lines("began")) == 2)
        os.killpg(paused.process.pid, signal.SIGSTOP)
        for child in psutil.Process(paused.process.pid).children():
            child.suspend()
        with site.serve(threads=2) as other:
            finals = [site.final(job) for job in jobs]
            other_pid = other.pid()
            for process in (*psutil.Process(paused.process.pid).children(), psutil.Process(paused.process.pid)):
                process.resume()
            until(lambda: "goes on as a new worker" in paused.said())
            until(lambda: len(site.lines("ended")) == 4)
            until(paused.pids)
        assert [site.job(job) for job in jobs] == finals
    assert [(final.status, final.attempt) for final in finals] == [(JobStatus.SUCCEEDED, 2)] * 2
    assert {orjson.loads(final.value or b"{}")["pid"] for final in finals} == {other_pid}


@pytest.mark.parametrize("step", ["scheduler.due", "scheduler.plan"])
def test_a_scheduler_stopped_before_it_dispatches_holds_up_nobody_and_doubles_nothing(site: Site, step: str) -> None:
    count = counting(site)
    once = count.options(name="once").schedule(1, at=site.store.now())
    often = count.options(name="often").schedule(2, interval=0.3)
    with invariants.watched(file_of(site)), scheduler(site.url, stop_at=step) as paused:
        stopped(paused)
        with scheduler(site.url):
            until(lambda: len(site.store.ledger.occurrences(often.id, 9)) >= 3)
        os.kill(paused.pid, signal.SIGCONT)
        seen = len(site.store.ledger.occurrences(often.id, 99))
        until(lambda: len(site.store.ledger.occurrences(often.id, 99)) > seen)
    assert len(site.store.ledger.occurrences(once.id, 9)) == 1


@pytest.mark.parametrize("step", ["scheduler.advance", "scheduler.jobs", "store.commit"])
def test_a_scheduler_stopped_inside_its_transaction_is_waited_for_and_callers_are_told(site: Site, step: str) -> None:
    once = counting(site).options(name="once").schedule(1, at=site.store.now())
    with ExitStack() as stack:
        paused = stack.enter_context(scheduler(site.url, stop_at=step))
        stopped(paused)
        other = stack.enter_context(scheduler(site.url))
        with closing(open_store(site.url, busy_timeout=0.2)) as caller:
            assert caller.schedules.get(once.id) is not None  # reads go on
            with pytest.raises(StoreBusy, match=r"stayed locked for 0\.2 s"):
                caller.jobs.push([a_job(task="count")])
        os.kill(paused.pid, signal.SIGCONT)
        until(lambda: len(site.store.ledger.occurrences(once.id, 9)) == 1)
        until(lambda: site.store.schedules.get(once.id) is None)
        assert (other.poll(), paused.poll()) == (None, None)

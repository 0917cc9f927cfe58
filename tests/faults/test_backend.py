"""Three schedulers over the example backend, killed again and again: each time one job, and the file always whole."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nuvom import Nuvom, OccurrenceOutcome, ScheduleEnvelope
from nuvom._identity import name_id
from nuvom._schedule import ScheduleState
from tests.faults.conftest import count
from tests.faults.processes import ended, start
from tests.waiting import until
from tests.worker.service import Site

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "json_backend"
BACKEND = "json_backend:JsonBackend"
SCHEDULERS = 3
KILLS = 24
SCHEDULER = """
import sys, threading
from nuvom import Nuvom
from nuvom.scheduler.service import SchedulerService, SchedulerSettings

app = Nuvom(sys.argv[1], scheduler=sys.argv[2])
SchedulerService(app.open(busy_timeout=None), app.backend, SchedulerSettings(poll=0.05)).run(threading.Event())
"""


@pytest.fixture
def app(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Nuvom]:
    """An app whose schedules are in schedules.json beside its store."""
    monkeypatch.chdir(site.folder)
    monkeypatch.syspath_prepend(EXAMPLE)
    monkeypatch.setenv("PYTHONPATH", str(EXAMPLE), prepend=os.pathsep)
    with Nuvom(site.url, scheduler=BACKEND) as made:
        made.task(name="count")(count)
        yield made


def killed(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    ended(process, -signal.SIGKILL)


@contextmanager
def schedulers(site: Site) -> Iterator[list[subprocess.Popen[str]]]:
    """Run three schedulers; those that live are killed at the end."""
    running = [start(SCHEDULER, site.url, BACKEND) for _ in range(SCHEDULERS)]
    try:
        yield running
    finally:
        for process in running:
            with suppress(ProcessLookupError):
                process.kill()
            process.communicate()


@contextmanager
def always_whole(file: Path) -> Iterator[None]:
    """Read the file again and again; what is there must be a whole one."""
    stop, torn = threading.Event(), list[str]()

    def look() -> None:
        while not stop.is_set():
            with suppress(FileNotFoundError):
                try:
                    json.loads(file.read_bytes())
                except ValueError as error:
                    torn.append(str(error))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    assert torn == []


def assert_each_time_once(app: Nuvom, schedule: ScheduleEnvelope, times: list[datetime]) -> None:
    """The ledger has a row for each time and no other, and each row its one job."""
    rows = app.schedules.runs(schedule.id, limit=10_000)
    assert sorted(row.nominal for row in rows) == times
    assert {row.outcome for row in rows} <= {OccurrenceOutcome.DISPATCHED}
    assert all(row.recorded_at and row.recorded_at >= row.nominal for row in rows)
    jobs = app.jobs.list(schedule_id=schedule.id, limit=10_000)
    assert Counter(job.scheduled_for for job in jobs) == Counter(times)


def grid(schedule: ScheduleEnvelope, until_: datetime) -> list[datetime]:
    """The times of an interval before `until_`."""
    assert schedule.interval
    assert schedule.anchor
    step = timedelta(seconds=schedule.interval)
    return [schedule.anchor + n * step for n in range(1, (until_ - schedule.anchor) // step + 1)]


@pytest.mark.timeout(240)
def test_schedulers_killed_at_any_moment_dispatch_each_time_exactly_once(site: Site, app: Nuvom) -> None:
    task, chance = app.registry["count"], random.Random(7)
    often = [task.options(name=f"every{n}", catch_up="all").schedule(n, interval=0.2 + 0.05 * n) for n in range(4)]
    unnamed = task.options(catch_up="all").schedule(99, interval=0.5)
    doomed = task.options(name="doomed", catch_up="all").schedule(interval=0.2)
    once: list[ScheduleEnvelope] = []
    with always_whole(site.folder / "schedules.json"), schedulers(site) as running:
        until(lambda: app.schedules.runs(unnamed.id))
        for kill in range(KILLS):
            once.append(task.options(name=f"once{kill}").schedule(kill, in_=chance.uniform(0, 0.5)))
            time.sleep(chance.uniform(0, 0.3))  # the moment of a kill is what is tried here
            victim = chance.randrange(SCHEDULERS)
            killed(running[victim])
            running[victim] = start(SCHEDULER, site.url, BACKEND)
            if kill == KILLS // 2:
                assert app.schedules.cancel("doomed") is True
                cancelled = datetime.now(UTC)
        last = datetime.now(UTC)
        until(lambda: all(app.backend.get(each.id) is None for each in once))
        until(lambda: all(_next(app, each) > last for each in [*often, unnamed]))
    for each in [*often, unnamed]:
        newest = max(row.nominal for row in app.schedules.runs(each.id))
        assert newest + timedelta(seconds=1) > last
        assert_each_time_once(app, each, grid(each, newest))
    for each in once:
        assert each.at
        assert_each_time_once(app, each, [each.at])
    rows = app.schedules.runs(doomed.id, limit=10_000)
    assert_each_time_once(app, doomed, grid(doomed, max(row.nominal for row in rows)))
    assert all(row.recorded_at and row.recorded_at <= cancelled for row in rows)
    assert app.backend.get(doomed.id) is None
    assert len(grid(often[0], last)) > 20


def _next(app: Nuvom, schedule: ScheduleEnvelope) -> datetime:
    stored = app.backend.get(schedule.id)
    assert stored is not None
    assert stored.next_run is not None
    return stored.next_run


STEPS = ["due", "plan", "deliver", "reschedule", "reschedule:2", "commit"]


@pytest.mark.parametrize("step", STEPS)
def test_a_scheduler_killed_between_delivery_and_advance_loses_and_repeats_nothing(
    site: Site, app: Nuvom, step: str
) -> None:
    task = app.registry["count"]
    once = [task.options(name=f"once{n}").schedule(n, at=site.store.now()) for n in range(3)]
    often = task.options(name="often", catch_up="all").schedule(9, interval=0.3)
    ended(start(SCHEDULER, site.url, BACKEND, crash_at=f"scheduler.{step}"), -signal.SIGKILL)
    with schedulers(site):
        until(lambda: len(app.schedules.runs(often.id)) > 2)
        until(lambda: all(app.backend.get(each.id) is None for each in once))
    for each in once:
        assert each.at
        assert_each_time_once(app, each, [each.at])
        fence = site.store.ledger.fence(name_id(str(each.name)))
        assert fence is not None
        assert fence.envelope.state is ScheduleState.DONE
    assert_each_time_once(app, often, grid(often, max(row.nominal for row in app.schedules.runs(often.id))))


def test_producers_killed_while_they_schedule_leave_each_schedule_whole_or_not_there(site: Site, app: Nuvom) -> None:
    code = """
    import sys
    from nuvom import Nuvom
    app = Nuvom(sys.argv[1], scheduler=sys.argv[2])
    def tick() -> None: ...
    task = app.task(name="count")(tick)
    for n in range(1000):
        task.options(name=f"{sys.argv[3]}-{n}").schedule(interval=3600)
        print(n, flush=True)
    """
    with always_whole(site.folder / "schedules.json"):
        producers = [start(code, site.url, BACKEND, word) for word in "abc"]
        for each in producers:
            assert each.stdout
            each.stdout.readline()
            each.stdout.readline()
            each.stdout.readline()
            each.kill()
        told = {word: len(each.communicate()[0].splitlines()) + 3 for word, each in zip("abc", producers, strict=True)}
    kept = json.loads((site.folder / "schedules.json").read_bytes())
    for word, number in told.items():
        assert {f"{word}-{n}" for n in range(number)} <= {each["name"] for each in kept.values()}
        assert app.schedules.get(f"{word}-{number - 1}").generation

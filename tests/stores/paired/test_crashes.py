"""A process killed between two stores: what others find is completed, and each occurrence gets one job."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from nuvom._app import Nuvom
from nuvom._clock import SYSTEM_CLOCK
from nuvom._crashpoint import VARIABLE
from nuvom._identity import name_id
from nuvom._schedule import OccurrenceOutcome, Overlap, ScheduleEnvelope, ScheduleState
from nuvom.scheduler.service import SchedulerService
from nuvom.stores.base import Store
from nuvom.stores.paired.store import open_pair
from nuvom.stores.registry import open_store
from nuvom.stores.values import Retention
from tests.pairs import EACH_ROLE, PAIRS
from tests.scheduler.driving import eventually, running
from tests.scheduler.examples import interval, one_off
from tests.scheduler.test_many import page_through

SERVE = """
import sys, threading
from nuvom._clock import SYSTEM_CLOCK
from nuvom.scheduler.service import SchedulerService
from nuvom.stores.paired.store import open_pair
from nuvom.stores.registry import open_store

SchedulerService(open_pair(open_store, *sys.argv[1:], SYSTEM_CLOCK)).run(threading.Event())
"""
CHANGE = """
import sys
from datetime import timedelta
from nuvom._app import Nuvom

app = Nuvom(sys.argv[1], scheduler=sys.argv[2], max_payload=2048)
change = sys.argv[3]

@app.task(name="work")
def work(): ...

if change == "schedule":
    work.options(name="new").schedule(interval=3600)
elif change == "replace":
    work.options(name="often").schedule(interval=7200)
elif change == "update":
    app.schedules.update("often", interval=60)
elif change == "once":
    work.options(name="later").schedule(in_="1h")
else:
    getattr(app.schedules, change)("often")
"""


@pytest.fixture
def pair(pair_urls: tuple[str, str]) -> Iterator[Store]:
    with closing(open_pair(open_store, *pair_urls, SYSTEM_CLOCK)) as opened:
        opened.migrate()
        yield opened


def killed(program: str, step: str, *arguments: str) -> bool:
    """Run a program in a process of its own that dies at a step; tell whether it did."""
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, env={VARIABLE: step}, capture_output=True, timeout=60, check=False)
    return done.returncode == -signal.SIGKILL


def swept(pair: Store) -> None:
    """Look after a store as a service does."""
    while pair.prune(Retention()):
        pass


BETWEEN = ("deliver", "advance")  # the two stores; the other steps are inside of one, or before and after both
STEPS = [
    *((pair, step) for pair in PAIRS for step in BETWEEN),
    *((pair, step) for pair in EACH_ROLE for step in ("due", "plan", "occurrences", "jobs", "commit")),
]
IN_ONE_SCRIPT = {
    "occurrences": "plan",
    "jobs": "deliver",
}  # on Redis nobody dies between them: before all, or after all


@pytest.mark.parametrize(("pair_urls", "step"), STEPS, indirect=["pair_urls"])
def test_a_scheduler_killed_at_a_step_loses_and_doubles_nothing(
    pair: Store, pair_urls: tuple[str, str], step: str
) -> None:
    now = pair.now()
    wanted = [
        one_off(now, name="once"),
        interval(3600, now, name="often", max_runs=5),
        interval(3600, now, name="alone", overlap=Overlap.SKIP, max_runs=5),
    ]
    for each in wanted:
        pair.schedules.upsert(each)
    if pair_urls[0].startswith("redis"):
        step = IN_ONE_SCRIPT.get(step, step)
    assert killed(SERVE, f"scheduler.{step}", *pair_urls)
    with running(SchedulerService(pair)):
        eventually(lambda: pair.schedules.get(wanted[0].id) is None and not pair.schedules.due(pair.now(), 10))
    rows = [row for each in wanted for row in pair.ledger.occurrences(each.id, 10)]
    assert [row.outcome for row in rows] == [OccurrenceOutcome.DISPATCHED] * 3
    assert sorted(page_through(pair)) == sorted(row.job_id or "" for row in rows)
    ended = pair.ledger.fence(wanted[0].id)
    assert ended is not None
    assert (ended.envelope.state, ended.envelope.run_count) == (ScheduleState.DONE, 1)
    assert [stored(pair, each.name).run_count for each in wanted[1:]] == [1, 1]


def stored(pair: Store, name: str | None) -> ScheduleEnvelope:
    """Return the schedule of a name, which must be there."""
    found = pair.schedules.by_name(name or "")
    assert found is not None
    return found


CHANGES = {  # and what anybody sees afterwards: the interval and the state
    "schedule": (3600, "active"),
    "once": (None, "active"),
    "replace": (7200, "active"),
    "update": (60, "active"),
    "pause": (3600, "paused"),
    "resume": (3600, "active"),
    "cancel": None,
}
NAMES = {"schedule": "new", "once": "later"}  # of the schedule that a change is about, by default `often`


def seen(app: Nuvom, change: str) -> object:
    """Return what the schedules' store shows of the schedule that a change is about."""
    found = app.store.schedules.by_name(NAMES.get(change, "often"))
    return found and (found.interval, found.state)


@pytest.fixture
def app(pair: Store, pair_urls: tuple[str, str]) -> Iterator[Nuvom]:
    url, scheduler = pair_urls
    with Nuvom(url, scheduler=scheduler) as made:
        pair.schedules.upsert(replace(interval(3600, pair.now(), name="often"), id=name_id("often")))
        yield made


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_whose_caller_was_killed_after_the_fence_is_completed_by_housekeeping(
    app: Nuvom, pair_urls: tuple[str, str], change: str
) -> None:
    if change == "resume":
        app.schedules.pause("often")
    before = seen(app, change)
    assert killed(CHANGE, "schedules.fenced", *pair_urls, change)
    assert seen(app, change) == before
    swept(app.store)
    assert seen(app, change) == CHANGES[change]


@pytest.mark.parametrize("pair_urls", EACH_ROLE, indirect=True)
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_whose_caller_was_killed_after_the_fence_is_completed_by_who_looks_at_it(
    app: Nuvom, pair_urls: tuple[str, str], change: str
) -> None:
    if change == "resume":
        app.schedules.pause("often")
    assert killed(CHANGE, "schedules.fenced", *pair_urls, change)
    app.schedules.get(NAMES.get(change, "often"), None)
    assert seen(app, change) == CHANGES[change]


@pytest.mark.parametrize("pair_urls", EACH_ROLE, indirect=True)
@pytest.mark.parametrize("change", ["replace", "update", "pause", "cancel"])
def test_a_change_whose_caller_was_killed_after_the_fence_is_final_for_schedulers(
    app: Nuvom, pair_urls: tuple[str, str], change: str
) -> None:
    assert killed(CHANGE, "schedules.fenced", *pair_urls, change)
    SchedulerService(app.store).step()
    assert seen(app, change) == CHANGES[change]
    assert page_through(app.store) == []


@pytest.mark.parametrize("pair_urls", ["sqlite+postgresql", "postgresql+sqlite"], indirect=True)
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_whose_caller_was_killed_before_the_fence_was_not_made(
    app: Nuvom, pair_urls: tuple[str, str], change: str
) -> None:
    if change == "resume":
        app.schedules.pause("often")
    before = seen(app, change)
    assert killed(CHANGE, "store.commit", *pair_urls, change)
    swept(app.store)
    assert seen(app, change) == before

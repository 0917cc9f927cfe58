"""A scheduler killed at each step of a dispatch: what another one finds is whole, and each occurrence gets one job."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from nuvom._crashpoint import VARIABLE
from nuvom._schedule import OccurrenceOutcome
from nuvom.scheduler.service import SchedulerService, SchedulerSettings
from nuvom.scheduler.split import enqueue_split
from nuvom.stores.base import SchedulerBackend, Store
from nuvom.stores.registry import open_store
from tests.scheduler.driving import eventually, running
from tests.scheduler.examples import interval, one_off
from tests.scheduler.test_many import page_through

SERVE = """
import sys, threading
from nuvom.scheduler.service import SchedulerService
from nuvom.stores.registry import open_store

store, *others = [open_store(url, busy_timeout=None) for url in sys.argv[1:]]
SchedulerService(store, others[0].schedules if others else None).run(threading.Event())
"""


class Place:
    """A store for jobs and, where schedules are kept elsewhere, another one for them."""

    def __init__(self, urls: list[str], *, split: bool) -> None:
        self.urls = urls if split else urls[:1]
        self.stores: list[Store] = [open_store(url) for url in self.urls]
        self.backend: SchedulerBackend | None = self.stores[1].schedules if split else None

    def serve(self, crash_at: str) -> int:
        """Run a scheduler in a process of its own that dies at a step; return its exit code."""
        command = [sys.executable, "-c", SERVE, *self.urls]
        return subprocess.run(command, env={VARIABLE: crash_at}, timeout=30, check=False).returncode


@pytest.fixture(params=["files", "redis"])
def urls(tmp_path: Path, request: pytest.FixtureRequest) -> list[str]:
    """Two stores: files, or prefixes of one server."""
    names = ("jobs", "schedules")
    if request.param == "files":
        return [f"sqlite:////{tmp_path}/{name}.db" for name in names]
    return [f"{request.getfixturevalue('redis_url')}?prefix={name}" for name in names]


@pytest.fixture
def place(urls: list[str], request: pytest.FixtureRequest) -> Iterator[Place]:
    made = Place(urls, split=request.param)
    with closing(made.stores[0]), closing(made.stores[-1]):
        yield made


STEPS = [
    *((False, step) for step in ("due", "plan", "commit")),
    *((True, step) for step in ("due", "plan", "deliver", "reschedule", "reschedule:2", "commit")),
]


@pytest.mark.parametrize(("place", "step"), STEPS, indirect=["place"])
def test_a_scheduler_killed_at_a_step_loses_and_doubles_nothing(place: Place, step: str) -> None:
    store, backend = place.stores[0], place.backend
    now = store.now()
    wanted = [one_off(now, name="once"), interval(3600, now, name="often")]
    for each in wanted:
        if backend is None:
            store.schedules.upsert(each)
        else:
            enqueue_split(backend, store.ledger, each, now)
    assert place.serve(f"scheduler.{step}") == -signal.SIGKILL
    keeper = backend or store.schedules
    with running(SchedulerService(store, backend, SchedulerSettings(poll=0.05))):
        eventually(lambda: keeper.get(wanted[0].id) is None and not keeper.due(store.now(), 10))
    rows = [row for each in wanted for row in store.ledger.occurrences(each.id, 10)]
    assert [row.outcome for row in rows] == [OccurrenceOutcome.DISPATCHED] * 2
    assert sorted(page_through(store)) == sorted(row.job_id or "" for row in rows)

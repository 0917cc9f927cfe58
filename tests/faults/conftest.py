"""What the fault tests share: a place with real services, whose store must hold every invariant afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nuvom import Task
from tests.faults import invariants
from tests.worker.service import Site

TASKS = """
import threading

def note(name, text):
    with open(HERE / name, "a") as file:
        file.write(f"{text}\\n")

@nuvom.task(name="count")
def count(number: int = 0) -> dict:
    job = nuvom.current_job()
    note("ran", number)
    return {"attempt": job.attempt, "pid": os.getpid()}

@nuvom.task(name="slow")
def slow(seconds: float) -> dict:
    attempt = nuvom.current_job().attempt
    note("began", attempt)
    time.sleep(seconds)
    note("ended", attempt)
    return {"attempt": attempt, "pid": os.getpid()}
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A folder with a store, tasks and services; the invariants are checked at the end of each test."""
    made = Site(tmp_path, TASKS, lease=1.0)
    made.store.migrate()
    yield made
    made.app.close()
    invariants.check(place_of(made))


def place_of(site: Site) -> invariants.Place:
    """Return where the store is as the invariants are told: its file, or the URL of its server."""
    return file_of(site) if site.url.startswith("sqlite") else site.url


def file_of(site: Site) -> Path:
    """Return the store's file."""
    return site.folder / "jobs.db"


def counting(site: Site) -> Task[..., dict[str, int], dict[str, int]]:
    """Return the task `count` as a producer sees it."""
    return site.app.task(name="count")(count)


def count(number: int = 0) -> dict[str, int]:
    raise AssertionError("only workers run it")

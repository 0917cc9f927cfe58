"""The tasks of the demo: each run notes its start and its end in a file, so that what really ran can be counted."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from nuvom import current_job, task

LIMIT = 1.0  # seconds


@task(name="demo.note")
def note(file: str) -> None:
    """Note this run in the file."""
    with _noted(file):
        pass


@task(name="demo.slow")
def slow(file: str, seconds: float) -> str:
    """Note this run in the file and take a while: long enough to be killed in the middle, or to be still open."""
    with _noted(file):
        time.sleep(seconds)
    return "done"


@task(name="demo.good")
def good() -> None:
    """Do what a task does."""
    time.sleep(0.02)


@task(name="demo.poison")
def poison() -> None:
    """End the process that runs this, as a segmentation fault would."""
    os._exit(1)


@task(name="demo.hung", timeout=LIMIT)
def hung() -> None:
    """Wait for a lock that nobody releases, where no exception reaches."""
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


@contextmanager
def _noted(file: str) -> Iterator[None]:
    job = current_job()
    run = {"job": job.id, "attempt": job.attempt, "pid": os.getpid()}
    nominal = job.scheduled_for.isoformat() if job.scheduled_for else None
    _append(file, {**run, "what": job.schedule_name or "slow", "nominal": nominal, "started": time.time()})
    yield
    _append(file, {**run, "ended": time.time()})


def _append(file: str, line: dict[str, object]) -> None:
    # One write() with O_APPEND: lines of several processes never mix, see write(2).
    handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(handle, json.dumps(line).encode() + b"\n")
    finally:
        os.close(handle)

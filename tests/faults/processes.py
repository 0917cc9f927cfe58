"""Producers and schedulers as processes of their own, killed or stopped at a step by its name."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from textwrap import dedent

import psutil

from nuvom._crashpoint import VARIABLE
from tests.waiting import until

PRODUCER = """
import sys
from datetime import UTC, datetime
from nuvom import Nuvom

app = Nuvom(sys.argv[1])

@app.task(name="count")
def count(number: int = 0) -> dict: ...
"""
SCHEDULER = """
import os, signal, sys, threading
import nuvom._crashpoint as crashpoint

def stop(step, wanted=sys.argv[2:3]):
    if [step] == wanted:
        wanted.clear()
        os.kill(os.getpid(), signal.SIGSTOP)

if sys.argv[2:]:
    crashpoint.reached = stop  # before anybody takes it from there

from nuvom.scheduler.service import SchedulerService
from nuvom.stores.registry import open_store

SchedulerService(open_store(sys.argv[1], busy_timeout=None)).run(threading.Event())
"""


def start(code: str, *arguments: object, crash_at: str | None = None) -> subprocess.Popen[str]:
    """Start Python on `code`; with `crash_at` it is killed at that step."""
    said = {} if crash_at is None else {VARIABLE: crash_at}
    return subprocess.Popen(
        [sys.executable, "-c", dedent(code), *map(str, arguments)],
        env={**os.environ, **said},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def ended(process: subprocess.Popen[str], code: int = 0) -> str:
    """Wait for a process that must end with `code`; returns what it printed."""
    out, _ = process.communicate(timeout=60)
    assert process.returncode == code
    return out.strip()


def produce(code: str, url: str, *, crash_at: str | None = None) -> str:
    """Run a producer, which must be killed if a crash was asked for; returns what it printed."""
    return ended(start(PRODUCER + dedent(code), url, crash_at=crash_at), -signal.SIGKILL if crash_at else 0)


@contextmanager
def scheduler(url: str, *, crash_at: str | None = None, stop_at: str | None = None) -> Iterator[subprocess.Popen[str]]:
    """Run a scheduler; it is killed at the end if it lives."""
    process = start(SCHEDULER, url, *([stop_at] if stop_at else []), crash_at=crash_at)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.communicate()


def stopped(process: subprocess.Popen[str]) -> None:
    """Wait until a process is stopped by SIGSTOP."""
    until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED)

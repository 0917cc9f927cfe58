"""A backend under real services: which threads call it, how often it is asked, and when it is closed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from nuvom.scheduler.service import SchedulerService, SchedulerSettings
from nuvom.stores.registry import open_store
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.harness import START
from tests.cli.conftest import Project
from tests.plugins.conftest import BACKEND, Installed
from tests.scheduler.doubles import Five
from tests.scheduler.driving import eventually, running
from tests.waiting import until

NOTING = """
import json, os, threading, time

class Noting(Memory):
    def __init__(self):
        super().__init__()
        note("__init__")

def note(method):
    with open("calls", "a") as file:
        main = threading.current_thread() is threading.main_thread()
        file.write(json.dumps({"method": method, "pid": os.getpid(), "main": main, "at": time.monotonic()}) + "\\n")

def noted(name):
    def call(self, *arguments):
        note(name)
        return getattr(super(Noting, self), name)(*arguments)
    return call

for name in ("enqueue", "get", "due", "reschedule", "cancel", "close"):
    setattr(Noting, name, noted(name))
"""


@pytest.fixture
def noting(installed: Installed) -> Installed:
    installed.module("noting", BACKEND + NOTING)
    return installed


def calls(project: Project) -> list[dict[str, Any]]:
    file: Path = project.root / "calls"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_a_scheduler_process_has_one_instance_called_by_its_main_thread_polled_and_closed(
    noting: Installed, project: Project
) -> None:
    environ = {**os.environ, "NUVOM_SCHEDULER": "noting:Noting", "NUVOM_SCHEDULER_POLL": "0.1"}
    service = subprocess.Popen([sys.executable, "-m", "nuvom", "runscheduler"], cwd=project.root, env=environ)
    try:
        until(lambda: Counter(call["method"] for call in calls(project))["due"] >= 12)
    finally:
        service.send_signal(signal.SIGTERM)
        assert service.wait(15) == 0
    found = calls(project)
    assert all(call["main"] for call in found)
    by_process = {pid: [call["method"] for call in found if call["pid"] == pid] for pid in {c["pid"] for c in found}}
    assert {methods[0] for methods in by_process.values()} == {"__init__"}
    assert {methods[-1] for methods in by_process.values()} == {"close"}
    assert sorted(Counter(methods)["due"] > 0 for methods in by_process.values()) == [False, True]
    assert all(Counter(methods)["__init__"] == Counter(methods)["close"] == 1 for methods in by_process.values())
    looks = [call["at"] for call in found if call["method"] == "due"]
    pauses = sorted(later - earlier for earlier, later in pairwise(looks))
    assert 0.08 < pauses[len(pauses) // 2] < 0.5


class Watched(VirtualClock):
    """A clock that counts how often it is read: a service that reads it again has gone round its loop."""

    reads = 0

    def monotonic(self) -> float:
        self.reads += 1
        return super().monotonic()


@pytest.mark.parametrize(("poll", "passes", "looks"), [(60.0, 59.0, 1), (60.0, 61.0, 2), (7.0, 6.0, 1)])
def test_a_backend_is_left_alone_for_as_long_as_its_poll(poll: float, passes: float, looks: int) -> None:
    clock, five = Watched(START), Five()
    with closing(open_store("memory://", clock=clock)) as store:
        store.migrate()
        with running(SchedulerService(store, five, SchedulerSettings(poll=poll), clock)):
            eventually(lambda: "due" in five.calls)
            clock.advance(passes)
            before = clock.reads
            eventually(lambda: clock.reads > before + 12)
        assert five.calls.count("due") == looks


def test_importing_nuvom_and_its_commands_reads_no_entry_point(noting: Installed) -> None:
    noting.distribution(
        "any", "1", hooks={"h": "noting:Noting"}, stores={"s": "noting:x"}, schedulers={"n": "noting:x"}
    )
    code = (
        "import sys, nuvom, nuvom.cli.program\n"
        "@nuvom.task\ndef add() -> None: ...\n"
        "nuvom.configure('sqlite:///x.db')\n"
        "add.delay()\n"
        "print([name for name in ('importlib.metadata', 'noting') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=noting.folder, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

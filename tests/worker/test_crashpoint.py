"""The steps at which crash tests kill a process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

PROGRAM = """
from nuvom._crashpoint import reached
for step in ["worker.claim", "worker.flush", "worker.flush", "worker.flush"]:
    print(step, flush=True)
    reached(step)
"""


def run(place: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "NUVOM_CRASH_AT": place},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


@pytest.mark.parametrize(
    ("place", "steps"), [("worker.claim", 1), ("worker.flush", 2), ("worker.flush:3", 4), ("worker.claim:1", 1)]
)
def test_a_process_is_killed_at_the_named_step(place: str, steps: int) -> None:
    done = run(place)
    assert done.returncode == -signal.SIGKILL
    assert len(done.stdout.splitlines()) == steps


@pytest.mark.parametrize("place", ["", "worker.claim:2", "scheduler.plan"])
def test_a_process_that_does_not_reach_the_step_lives(place: str) -> None:
    assert run(place).returncode == 0

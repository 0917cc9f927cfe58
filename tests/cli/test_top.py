"""`nuvom top`: one frame without a terminal, and on one a screen of its own until Ctrl-C."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys

import pytest

from nuvom import Nuvom
from tests.cli.conftest import Project
from tests.cli.test_look import working


def test_without_a_terminal_it_prints_one_frame(project: Project, app: Nuvom) -> None:
    _, job_id = working(app)
    app.registry["tasks.fail"].delay("x")
    answer = project.inside("top")
    head, _, columns, default, slow, _, jobs, job = answer.out.splitlines()
    assert head.startswith(f"{app.store.url}  20")
    assert head.rstrip().endswith("1 worker, 0 schedulers")
    assert columns.split()[:5] == ["queue", "ready", "delayed", "held", "running"]
    assert (default.split()[:5], slow.split()[:5]) == (["default", "0", "0", "0", "1"], ["slow", "1", "0", "0", "0"])
    assert jobs.startswith("running job")
    assert job.startswith(f"{job_id}  tasks.add  1 ")
    assert "40/100 (40%) reading" in job


def test_it_says_that_there_is_nothing_to_see(project: Project, app: Nuvom) -> None:
    app.store.migrate()
    assert project.inside("top", "--once").out.splitlines()[-1] == "no jobs wait or run"


@pytest.mark.parametrize("said", ["soon", "-1x"])
def test_an_interval_that_is_none_is_refused(project: Project, app: Nuvom, said: str) -> None:
    app.store.migrate()
    answer = project.inside("top", "--interval", said)
    assert (answer.code, answer.out) == (2, "")


@pytest.mark.parametrize("colour", [True, False])
def test_on_a_terminal_it_draws_anew_on_a_screen_of_its_own_until_ctrl_c(
    project: Project, app: Nuvom, colour: bool
) -> None:
    app.registry["tasks.fail"].delay("x")
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100", "LINES": "30", "NUVOM_URL": project.url}
    environment |= {} if colour else {"NO_COLOR": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "nuvom", "top", "--interval", "0.1s"],
        stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=project.root,
    )  # fmt: skip
    os.close(theirs)
    seen = _read_until(ours, b"", b"slow")
    app.registry["tasks.fail"].options(queue="later").delay("x")
    seen = _read_until(ours, seen, b"later")
    process.send_signal(signal.SIGINT)
    seen = _read_until(ours, seen, b"\x1b[?1049l")
    assert process.wait(10) == 0
    assert seen.count(b"\x1b[?1049h") == 1
    assert (b"\x1b[1m" in seen) or not colour
    assert b"\x1b[31m" not in seen
    os.close(ours)


def _read_until(terminal: int, seen: bytes, wanted: bytes) -> bytes:
    while wanted not in seen:
        seen += os.read(terminal, 65_536)
    return seen

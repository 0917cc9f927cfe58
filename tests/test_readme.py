"""The README as a new user reads it: its code runs, its commands exist, its table says what the software does."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nuvom import Nuvom, testing
from tests.waiting import until

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
[TASKS] = re.findall(r"```python\n# tasks\.py\n(.*?)```", README, re.DOTALL)
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("NUVOM_", "PYTEST_"))}
app = Nuvom("memory://")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "tasks.py").write_text(TASKS)
    (tmp_path / "pyproject.toml").write_text("")
    return tmp_path


@pytest.fixture
def services(project: Path) -> Iterator[Path]:
    run = subprocess.Popen(nuvom("run"), cwd=project, env=ENVIRONMENT, stderr=subprocess.DEVNULL)
    yield project
    run.send_signal(signal.SIGTERM)
    assert run.wait(timeout=15) == 0


def nuvom(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "nuvom", *arguments]


def output(project: Path, *command: str) -> str:
    return subprocess.run(command, cwd=project, env=ENVIRONMENT, capture_output=True, text=True, check=True).stdout


def test_the_first_screen_runs_as_written(services: Path) -> None:
    assert output(services, sys.executable, "tasks.py") == "5\n"
    listed = output(services, *nuvom("schedules", "list"))
    assert "every 5 m" in listed
    assert "0 9 * * MON" in listed
    assert "succeeded" in output(services, *nuvom("jobs", "list"))
    with Nuvom(f"sqlite:////{services}/.nuvom/nuvom.db") as found:
        until(lambda: {worker.kind for worker in found.workers.list()} == {"worker", "scheduler"})
    assert "1 task in" in output(services, *nuvom("doctor"))


@app.task
def add(x: int, y: int) -> int:
    return x + y


def test_each_line_of_the_table_works() -> None:
    with testing.memory(app) as memory:
        handle = add.delay(2, 3)
        add.map([(1, 2), (3, 4)])
        slow = add.options(queue="slow", priority=10, retries=3).delay(2, 3)
        add.options(name="sums").schedule(2, 3, interval=300)
        add.options(catch_up="all").schedule(2, 3, interval=300)
        memory.run_due()
        assert handle.result(timeout=10) == slow.result() == 5
        assert app.schedules.cancel("sums")
        assert [job.queue for job in memory.jobs(task=add)].count("slow") == 1


COMMANDS = sorted(set(re.findall(r"(?:\$ |`)nuvom ([a-z]+(?: (?:list|next|runs|cancel))?)\b", README)))


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_exists(command: str) -> None:
    assert "Usage" in output(ROOT, *nuvom(*command.split(), "--help"))


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(([\w./-]+)\)", README))))
def test_each_link_leads_somewhere(path: str) -> None:
    assert (ROOT / path).exists()

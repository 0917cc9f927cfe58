"""A project of a user's, and `nuvom` called in it: inside this process, or as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nuvom import Nuvom

TASKS = """
import logging

import nuvom


@nuvom.task
def add(a: int, b: int = 1) -> int:
    logging.getLogger("shop").info("adding %s", a)
    return a + b


@nuvom.task(queue="slow", retries=0)
def fail(reason: str) -> None:
    raise ValueError(reason)
"""


@dataclass(frozen=True)
class Answer:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Project:
    """A folder with tasks and a store, and the command line called in it."""

    root: Path
    monkeypatch: pytest.MonkeyPatch

    @property
    def file(self) -> Path:
        return self.root / ".nuvom" / "nuvom.db"

    @property
    def url(self) -> str:
        return f"sqlite:///{self.file}"

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.write_text(text)
        return path

    def app(self) -> Nuvom:
        """An app on the project's store, with two tasks; its caller closes it."""
        app = Nuvom(self.url)
        app.task(name="tasks.add")(add)
        app.task(name="tasks.fail", queue="slow")(fail)
        return app

    def inside(self, *words: str) -> Answer:
        """Call a command in this process."""
        if "--url" not in words:
            self.monkeypatch.setenv("NUVOM_URL", self.url)
        from nuvom.cli.program import program

        result = CliRunner().invoke(program, list(words), catch_exceptions=False, prog_name="nuvom")
        return Answer(result.exit_code, result.stdout, result.stderr)

    def call(self, *words: str, **environ: str) -> Answer:
        """Call a command as a process."""
        done = subprocess.run(
            [sys.executable, "-m", "nuvom", *words],
            cwd=self.root, env=os.environ | environ, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        return Answer(done.returncode, done.stdout, done.stderr)

    def start(self, *words: str, log: str = "log") -> subprocess.Popen[bytes]:
        """Start a service, its stderr in a file of the project; `services` ends it."""
        with (self.root / log).open("wb") as stderr:
            return subprocess.Popen(
                [sys.executable, "-m", "nuvom", *words], cwd=self.root, stderr=stderr, stdout=subprocess.DEVNULL
            )


def add(a: int, b: int = 1) -> int:
    return a + b


def fail(reason: str) -> None:
    raise ValueError(reason)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "tasks.py").write_text(TASKS)
    monkeypatch.chdir(tmp_path)
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return Project(tmp_path, monkeypatch)


@pytest.fixture
def app(project: Project) -> Iterator[Nuvom]:
    with project.app() as app:
        yield app


@pytest.fixture
def services() -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def shop(project: Project) -> Iterator[str]:
    """A module with an app of its own, as `--app` names it."""
    name = f"shop_{project.root.name}"
    project.write(
        f"{name}.py",
        "import nuvom\napp = nuvom.Nuvom()\n"
        "@app.task(name='echo')\ndef echo(*args: object, **kwargs: object) -> object: return [args, kwargs]\n"
        "@app.task(name='add')\ndef add(a: int, b: int = 1) -> int: return a + b\n",
    )
    (project.root / "tasks.py").unlink()
    yield f"{name}:app"
    sys.modules.pop(name, None)

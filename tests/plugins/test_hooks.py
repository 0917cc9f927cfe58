"""Hooks of other distributions: installed ones do nothing until a setting names them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from nuvom import Hook, Nuvom, SettingsError, testing
from tests.cli.conftest import Project
from tests.plugins.conftest import Installed

HOOKS = """
from pathlib import Path

from nuvom import Hook


class Tracing(Hook):
    def on_enqueue(self, job):
        job.context.setdefault("by", []).append("tracing")

    def on_outcome(self, job, outcome):
        Path("outcomes").open("a").write(f"{job.context} {outcome.verdict}\\n")


class Tenants(Hook):
    def on_enqueue(self, job):
        job.context.setdefault("by", []).append("tenants")


ready = Tenants()


class NoHook:
    pass


class Raises(Hook):
    def __init__(self):
        raise ValueError("no endpoint is set")
"""


class Own(Hook):
    def on_enqueue(self, job: object) -> None:
        job.context.setdefault("by", []).append("own")  # type: ignore[attr-defined]


def add() -> None: ...


@pytest.fixture
def tracing(installed: Installed) -> Installed:
    """A distribution with hooks."""
    installed.module("tracing", HOOKS)
    hooks = {"tracing": "tracing:Tracing", "tenants": "tracing:ready", "odd": "tracing:NoHook", "bad": "tracing:Raises"}
    installed.distribution("nuvom-tracing", "1.0", hooks=hooks)
    return installed


def context(app: Nuvom) -> object:
    with testing.memory(app) as memory:
        app.task(name="add")(add).delay()
        [job] = memory.jobs()
        return job.context.get("by")


def test_an_installed_hook_that_no_setting_names_does_nothing(tracing: Installed) -> None:
    assert context(Nuvom("memory://")) is None
    assert "tracing" not in sys.modules


def test_named_hooks_go_in_their_order_before_those_of_the_code(tracing: Installed) -> None:
    app = Nuvom("memory://", hooks=["tenants", "tracing:Tracing"])
    app.hooks.append(Own())
    assert len(app.hooks) == 1, "nothing is loaded before it is needed"
    assert context(app) == ["tenants", "tracing", "own"]
    assert context(app) == ["tenants", "tracing", "own"], "and nothing twice"


@pytest.mark.parametrize("place", ["environment", "pyproject"])
def test_workers_have_them_too(tracing: Installed, project: Project, place: str) -> None:
    said = {"NUVOM_HOOKS": "tracing"} if place == "environment" else {}
    if place == "pyproject":
        project.write("pyproject.toml", '[tool.nuvom]\nhooks = ["tracing"]\n')
    project.write("push.py", "import tasks\ntasks.add.delay(1)\n")
    subprocess.run([sys.executable, "push.py"], cwd=project.root, env={**os.environ, **said}, check=True)
    assert project.call("run", "--drain", "tasks.py", **said).code == 0
    assert (project.root / "outcomes").read_text() == "{'by': ['tracing']} succeeded\n"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("absent", r"^NUVOM_HOOKS='absent': there is no such hook: installed: bad, odd, tenants, tracing"),
        ("trasing", r"^NUVOM_HOOKS='trasing': there is no such hook: did you mean 'tracing'\?"),
        ("odd", r"^NUVOM_HOOKS='odd': .*NoHook object.* is no hook; make its class one of nuvom.Hook"),
        ("bad", r"^NUVOM_HOOKS='bad': Raises\(\) raised ValueError: no endpoint is set"),
        ("nowhere:Hook", r"^NUVOM_HOOKS='nowhere:Hook': there is no module 'nowhere'"),
    ],
)
def test_a_hook_that_cannot_be_used_is_said_at_the_first_push_and_pushes_nothing(
    tracing: Installed, name: str, told: str
) -> None:
    app = Nuvom("memory://", hooks=[name])
    with testing.memory(app) as memory:
        with pytest.raises(SettingsError, match=told):
            app.task(name="add")(add).delay()
        assert memory.jobs() == []


def test_a_worker_whose_hook_cannot_be_used_says_so_and_does_not_start(tracing: Installed, project: Project) -> None:
    answer = project.call("runworker", "tasks.py", NUVOM_HOOKS="absent")
    assert answer.code == 2
    assert answer.err.startswith("nuvom: NUVOM_HOOKS='absent': there is no such hook: installed: ")

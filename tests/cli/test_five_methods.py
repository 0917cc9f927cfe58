"""Each command about schedules where a backend of five methods keeps them: it works, or says in a sentence why not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.conftest import Answer, Project

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "json_backend"
FIVE = "it has only enqueue, get, due, reschedule and cancel"


class Five:
    """A project whose schedules are in the example backend."""

    def __init__(self, project: Project) -> None:
        self.project = project

    def __call__(self, *words: str) -> Answer:
        """Call a command: in this process, unless it imports the project's tasks."""
        if words[0] == "schedules" and words[1] not in ("sync", "create"):
            return self.project.inside(*words)
        return self.project.call(*words)


@pytest.fixture
def five(project: Project, monkeypatch: pytest.MonkeyPatch) -> Five:
    monkeypatch.setenv("NUVOM_SCHEDULER", "json_backend:JsonBackend")
    monkeypatch.setenv("PYTHONPATH", str(EXAMPLE), prepend=os.pathsep)
    monkeypatch.syspath_prepend(EXAMPLE)
    made = Five(project)
    assert made("migrate").code == 0
    project.write(
        "tasks.py",
        "import nuvom\n@nuvom.every('1h', name='declared')\n@nuvom.task\ndef add(a: int = 1) -> int: return a\n",
    )
    assert made("schedules", "sync").code == 0
    assert made("schedules", "create", "tasks.add", "1", "--interval", "1h", "--name", "hourly").code == 0
    return made


REFUSED = {
    "list": "list schedules",
    "next": "list schedules",
    "simulate": "list schedules",
    "audit": "list schedules",
    "pause hourly": "pause or resume a schedule",
    "pause --all": "pause schedules",
    "resume hourly": "pause or resume a schedule",
    "resume --all": "list schedules",
    "sync --prune": "list the schedules that prune looks for",
    "cancel --name h* --yes": "list schedules",
    "cancel --task tasks.add --yes": "list schedules",
}


def test_what_needs_a_list_or_a_pause_is_refused_in_one_sentence(five: Five) -> None:
    for words, what in REFUSED.items():
        answer = five("schedules", *words.split())
        assert (answer.code, answer.out) == (1, ""), words
        assert answer.err == f"nuvom: json_backend:JsonBackend cannot {what}: {FIVE}\n"


@pytest.mark.parametrize("option", [["--jitter", "5s"], ["--max-runs", "5"]], ids=lambda option: option[0])
def test_an_option_that_it_cannot_carry_is_refused_and_changes_nothing(five: Five, option: list[str]) -> None:
    before = five("schedules", "show", "hourly", "--json").json
    name = option[0][2:].replace("-", "_")
    for words in (["create", "tasks.add", "--interval", "1h", "--name", "other"], ["update", "hourly"]):
        answer = five("schedules", *words, *option)
        assert (answer.code, answer.out) == (1, "")
        assert answer.err.startswith(f"nuvom: json_backend:JsonBackend cannot carry {name}=")
        assert answer.err.endswith(": it keeps only the next run; leave it out\n")
        assert answer.err.count("\n") == 1
    assert five("schedules", "show", "hourly", "--json").json == before
    assert five("schedules", "show", "other").code == 1


def test_everything_else_works(five: Five) -> None:
    assert five("schedules", "show", "declared", "--json").json["interval"] == 3600
    assert len(five("schedules", "next", "hourly", "3", "--json").json) == 3
    assert five("schedules", "runs", "hourly").err == "hourly was never due so far\n"
    assert five("schedules", "trigger", "hourly").code == 0
    assert five("schedules", "update", "hourly", "--interval", "2h").code == 0
    assert five("schedules", "show", "hourly", "--json").json["interval"] == 7200
    assert "never due so far" in five("schedules", "why", "hourly").out
    assert five("schedules", "audit", "hourly", "--json").json["missing"] == 0
    day = "2026-01-01 00:00", "2026-01-02 00:00"
    assert five("schedules", "backfill", "hourly", *day, "--dry-run").code == 0
    assert five("schedules", "sync", "--dry-run").out.rstrip().endswith("nothing to change")
    assert five("schedules", "cancel", "hourly").out == "cancelled 1 schedule\n"
    assert five("schedules", "cancel", "hourly").code == 1
    ended = five("schedules", "show", "hourly")
    assert (ended.code, ended.err.count("\n")) == (1, 1)
    assert "was cancelled" in ended.err


def test_doctor_looks_at_it_as_far_as_it_can(five: Five) -> None:
    def schedules() -> tuple[str, str]:
        [found] = [c for c in five("doctor", "--json").json["checks"] if c["name"] in ("schedules", "due")]
        return found["level"], found["text"]

    assert schedules() == ("ok", "json_backend:JsonBackend answers; what it keeps cannot be listed")
    five("schedules", "create", "tasks.add", "--at", "2020-01-01T00:00", "--name", "late")
    assert schedules() == ("fail", "1 schedule due and no scheduler is alive: late")
    (five.project.root / "schedules.json").write_text("no JSON")
    level, told = schedules()
    assert (level, told.partition(": ")[0]) == ("fail", "json_backend:JsonBackend fails")

"""The how-to on managing schedules as its reader follows it: each command in it works, in its order."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

GUIDE = (Path(__file__).parents[1] / "docs" / "managing-schedules.md").read_text(encoding="utf-8")
[TASKS] = re.findall(r"```python\n# tasks\.py\n(.*?)```", GUIDE, re.DOTALL)
STEPS = re.findall(r"^\$ nuvom (.+)\n((?:(?!\$ |```).*\n)*)", GUIDE, re.MULTILINE)
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("NUVOM_", "PYTEST_"))}


def shape(line: str) -> str:
    """A line without what depends on the moment: numbers, ids, durations and the zone's abbreviation."""
    line = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", line)
    line = re.sub(r"\bin \d.*$", "in #", line)
    line = re.sub(r"\d[\d:., -]*", "#", line)
    return re.sub(r"\bCES?T\b", "CET", line).strip()


def test_each_command_of_the_guide_answers_as_the_guide_shows(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "tasks.py").write_text(TASKS)
    # What needs running services, or names the time of day that a test runs at, is shown and not run here.
    live = ("schedules list", "schedules runs", "schedules why", "schedules audit")
    steps = [(words, shown) for words, shown in STEPS if not words.startswith(live)]
    assert len(steps) >= 9
    for words, shown in steps:
        done = subprocess.run(
            [sys.executable, "-m", "nuvom", *shlex.split(words)],
            cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, ""), words
        assert list(map(shape, done.stdout.splitlines())) == list(map(shape, shown.splitlines())), words


def test_the_guide_shows_every_command_that_manages_schedules() -> None:
    shown = {words.split()[1] for words, _ in STEPS}
    assert {
        "create", "list", "runs", "why", "pause", "resume", "trigger", "update", "cancel", "backfill", "audit"
    } <= shown  # fmt: skip


def test_the_verdicts_of_the_guide_are_those_that_why_gives() -> None:
    from nuvom._job import JobStatus
    from nuvom._schedule import OccurrenceOutcome

    table = GUIDE.partition("| verdict | meaning |")[2].partition("\n\n")[0]
    listed = set(re.findall(r"`(\w+)`", "\n".join(line.split("|")[1] for line in table.splitlines()[2:])))
    source = (Path(__file__).parents[1] / "src/nuvom/inquiry/why.py").read_text(encoding="utf-8")
    given = set(re.findall(r'Answer\("(\w+)"', source)) | {outcome.value for outcome in OccurrenceOutcome}
    assert listed == (given | {status.value for status in JobStatus} | {"unrecorded"}) - {"dispatched"}

"""The documentation's examples are true: its Python runs and prints what it says, and so do its `nuvom cron` commands.

In a ```python block, lines that begin with `# -> ` are what it prints, in order. In a ```console block, what follows a
`$ ` line up to the next is what it prints; trailing spaces do not count.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("NUVOM_", "PYTEST_"))}
DETERMINISTIC = ("nuvom cron ",)


class Example(NamedTuple):
    """Something a page shows, and what it says is printed."""

    place: str
    text: str
    printed: list[str]


def blocks(language: str) -> list[tuple[str, str]]:
    return [
        (f"{page.name}-{number}", block)
        for page in PAGES
        for number, block in enumerate(
            re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE), 1
        )
    ]


def python_examples() -> list[Example]:
    return [Example(place, block, re.findall(r"^# -> (.*)$", block, re.MULTILINE)) for place, block in blocks("python")]


def console_examples() -> list[Example]:
    found = []
    for place, block in blocks("console"):
        for call in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *printed = call.rstrip("\n").split("\n")
            found.append(Example(place, command, printed))
    return [example for example in found if example.text.startswith(DETERMINISTIC)]


def run(command: list[str], folder: Path, **variables: str) -> list[str]:
    (folder / "pyproject.toml").touch()
    environment = ENVIRONMENT | variables
    done = subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return [line.rstrip() for line in done.stdout.splitlines()]


@pytest.mark.parametrize("example", python_examples(), ids=lambda example: example.place)
def test_python_prints_what_the_page_says(example: Example, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    (tmp_path / "example.py").write_text(example.text)
    variables = {}
    if "DATABASE_URL" in example.text:
        variables["DATABASE_URL"] = request.getfixturevalue("postgres_server")
        variables["NUVOM_URL"] = request.getfixturevalue("postgres_url")
    assert run([sys.executable, "-W", "error", "example.py"], tmp_path, **variables) == example.printed


@pytest.mark.parametrize("example", console_examples(), ids=lambda example: f"{example.place} {example.text[:40]}")
def test_a_command_prints_what_the_page_says(example: Example, tmp_path: Path) -> None:
    words = shlex.split(example.text)
    assert run([sys.executable, "-m", *words], tmp_path) == [line.rstrip() for line in example.printed]


def test_the_page_about_clock_changes_has_examples_of_both_kinds() -> None:
    assert sum(example.place.startswith("clock-changes.md") for example in python_examples()) >= 2
    assert sum(example.place.startswith("clock-changes.md") for example in console_examples()) >= 4


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_link_leads_somewhere(page: Path) -> None:
    for path in re.findall(r"\]\(([\w./-]+)\)", page.read_text("utf-8")):
        assert (page.parent / path).exists(), path

"""Pages of `docs/` name the tests of each promise and each failure: they are there, and each line has one."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from nuvom.testing import conformance

ROOT = Path(__file__).resolve().parents[1]
PAGES = {name: ROOT / "docs" / f"{name}.md" for name in ("guarantees", "failure-modes")}
HEADS = ("| promise ", "| symptom ")
SECTIONS = [
    (name, section)
    for name, page in PAGES.items()
    for section in re.findall(r"^## (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
]


def rows(page: str, section: str = "") -> list[str]:
    """The lines of the tables of a page, or of one of its sections."""
    text = PAGES[page].read_text(encoding="utf-8")
    if section:
        text = text.partition(f"## {section}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|") and "---" not in line]
    return [line for line in lines if not line.startswith(HEADS)]


@cache
def names() -> set[str]:
    """Every test function of the project, those of the conformance kit included."""
    folders = (ROOT / "tests", Path(conformance.__file__).parent)
    trees = (ast.parse(file.read_text(encoding="utf-8")) for folder in folders for file in folder.rglob("*.py"))
    return {
        node.name
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


@pytest.mark.parametrize(("page", "lines"), [("guarantees", 60), ("failure-modes", 20)])
def test_a_page_has_its_lines(page: str, lines: int) -> None:
    assert len(rows(page)) > lines


@pytest.mark.parametrize(("page", "section"), SECTIONS)
def test_each_line_of_a_section_names_tests_that_are_there(page: str, section: str) -> None:
    known = names()
    for row in rows(page, section):
        tests = re.findall(r"`(test_\w+)`", row)
        assert tests, f"no test: {row}"
        assert [test for test in tests if test not in known] == []

"""`docs/guarantees.md` names the tests of each promise: they are there, and each promise has one."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from nuvom.testing import conformance

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "guarantees.md"
ROWS = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|") and "---" not in line]
PROMISES = [row for row in ROWS if not row.startswith("| promise ")]


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


def test_the_page_has_promises() -> None:
    assert len(PROMISES) > 60


@pytest.mark.parametrize("section", re.findall(r"^## (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
def test_each_promise_of_a_section_names_tests_that_are_there(section: str) -> None:
    text = PAGE.read_text(encoding="utf-8").partition(f"## {section}\n")[2].partition("\n## ")[0]
    known = names()
    for row in (line for line in text.splitlines() if line in PROMISES):
        tests = re.findall(r"`(test_\w+)`", row)
        assert tests, f"no test: {row}"
        assert [test for test in tests if test not in known] == []

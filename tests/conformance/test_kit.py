"""The kit itself: complete, without names that hide each other, and no burden to who does not test."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

from nuvom.testing import conformance

FOLDER = Path(conformance.__file__).parent


def promises_of(module: Path) -> list[str]:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]


def test_no_test_hides_another() -> None:
    names = Counter(name for module in FOLDER.glob("*.py") for name in promises_of(module))
    assert [name for name, times in names.items() if times > 1] == []


def test_every_module_with_tests_is_in_the_kit() -> None:
    assert {module.stem for module in FOLDER.glob("*.py") if promises_of(module)} == {
        *conformance.MODULES,
        *conformance.CAPABILITIES,
        *conformance.FIVE_METHODS,
    }


def test_each_capability_has_a_module_of_its_name() -> None:
    assert {capability.value for capability in conformance.Capability} == set(conformance.CAPABILITIES)


def test_pytest_is_needed_by_the_kit_alone() -> None:
    program = "import sys, nuvom.testing; sys.exit('pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

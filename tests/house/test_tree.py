"""What holds for every file of the project."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from itertools import chain
from pathlib import Path

from tests.mutants.__main__ import MUTANTS

ROOT = Path(__file__).resolve().parents[2]

MACHINE_PATH = re.compile(r"(?<![\w.~}])/(?:work|root|home|Users)/")
PACKAGE_INDEX = re.compile(r"pypi\.org|pythonhosted|--(?:extra-)?index-url|--find-links", re.IGNORECASE)
# Where pip itself would look; `run` needs it only where pip is not there.
INDEX_OF_LAST_RESORT = 'DEFAULT_INDEX = "https://pypi.org/simple"'
VAGUE_NAMES = {"common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}
WAYS_OUT = re.compile(r"pytest\.(?:skip|xfail|importorskip)\b|mark\.(?:skip|skipif|xfail)\b|unittest\.skip")


def tracked() -> list[Path]:
    """The files that git knows and that are there."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def lines_with(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in paths
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    assert lines_with(MACHINE_PATH, tracked()) == []


def test_no_file_names_a_package_index_but_run_its_last_resort() -> None:
    found = lines_with(PACKAGE_INDEX, tracked())
    assert [line for line in found if not (line.startswith("run:") and line.endswith(INDEX_OF_LAST_RESORT))] == []


def test_a_module_says_in_its_first_line_what_it_is_for() -> None:
    modules = [path for path in tracked() if path.suffix == ".py" and path.read_text().strip()]
    silent = [str(path.relative_to(ROOT)) for path in modules if not begins_with_docstring(path)]
    assert modules
    assert silent == []


def begins_with_docstring(path: Path) -> bool:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return ast.get_docstring(tree) is not None and tree.body[0].lineno == 1


def test_no_file_has_a_name_that_says_nothing() -> None:
    assert [path for path in tracked() if VAGUE_NAMES & {path.stem, *path.relative_to(ROOT).parts}] == []


def test_every_test_runs_everywhere_and_none_is_expected_to_fail() -> None:
    assert lines_with(WAYS_OUT, [path for path in tracked() if path.is_relative_to(ROOT / "tests")]) == []


def test_every_package_is_locked_by_version_and_hash() -> None:
    for lock in locks():
        assert pins(lock)
        for requirement in lock.read_text().replace("\\\n", "").splitlines():
            assert re.fullmatch(r"[a-z0-9-]+==\S+( ; [^-]+)?(\s+--hash=sha256:[0-9a-f]{64})+", requirement), requirement


def test_the_packages_of_dev_contain_those_of_runtime() -> None:
    runtime, dev = (pins(ROOT / "requirements" / name) for name in ("runtime.txt", "dev.txt"))
    assert runtime.items() <= dev.items()


def test_everything_that_the_project_asks_for_is_locked() -> None:
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = (entry for group in asked["dependency-groups"].values() for entry in group if isinstance(entry, str))
    names = {re.split(r"[\[<>=!~; ]", entry)[0] for entry in chain(asked["project"]["dependencies"], groups)}
    assert names <= pins(ROOT / "requirements" / "dev.txt").keys()
    assert {re.split(r"[<>=]", entry)[0] for entry in asked["project"]["dependencies"]} <= pins(
        ROOT / "requirements" / "runtime.txt"
    ).keys()


def locks() -> list[Path]:
    return sorted((ROOT / "requirements").glob("*.txt"))


def pins(lock: Path) -> dict[str, str]:
    """Each package of a lock with its version."""
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", lock.read_text(), re.MULTILINE))


def test_every_planted_bug_still_has_its_place() -> None:
    """A line that was changed since would leave a promise without the bug that guards it."""
    lost = [m.name for m in MUTANTS if (ROOT / m.path).read_text(encoding="utf-8").count(m.old) != 1]
    assert lost == []

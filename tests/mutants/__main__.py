"""Plant known bugs one by one in a copy of the source, and show which test finds each; exits 1 if one survives."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psutil

from tests.mutants import around, identity, inquiry, limits, outside, planted, plugins, simulated, stopping
from tests.mutants.planted import Mutant

MUTANTS = (
    *planted.MUTANTS,
    *around.MUTANTS,
    *identity.MUTANTS,
    *inquiry.MUTANTS,
    *limits.MUTANTS,
    *outside.MUTANTS,
    *plugins.MUTANTS,
    *simulated.MUTANTS,
    *stopping.MUTANTS,
)
ROOT = Path(__file__).resolve().parents[2]
COPIED = ("src", "tests", "examples", "pyproject.toml")
LIMIT = 180.0  # seconds for the tests of one mutant
AT_ONCE = 2
PASSED, FAILED = 0, 1  # pytest's exit codes


class Verdict(NamedTuple):
    """What became of a mutant: the test that caught it, or what went wrong instead."""

    mutant: Mutant
    caught_by: str | None
    problem: str
    seconds: float


def main(*names: str) -> int:
    """Judge the mutants whose names contain one of `names`, by default all; 1 if any was not caught."""
    wanted = [mutant for mutant in MUTANTS if not names or any(name in mutant.name for name in names)]
    if not wanted:
        print(f"no mutant is called {' or '.join(names)}", file=sys.stderr)
        return 2
    with ThreadPoolExecutor(AT_ONCE) as pool:
        problems = [problem for problem in pool.map(unfit, {mutant.tests for mutant in wanted}) if problem]
        if problems:
            print("without any bug, these tests must pass:", *problems, sep="\n", file=sys.stderr)
            return 1
        verdicts = [told(verdict) for verdict in pool.map(judged, wanted)]
    survivors = sum(verdict.caught_by is None for verdict in verdicts)
    print(f"{len(verdicts)} bugs planted, {len(verdicts) - survivors} caught")
    return int(survivors > 0)


def told(verdict: Verdict) -> Verdict:
    """Print a verdict."""
    how = f"caught by {verdict.caught_by}" if verdict.caught_by else f"NOT CAUGHT: {verdict.problem}"
    print(f"{verdict.mutant.name}: {how} ({verdict.seconds:.1f} s)", flush=True)
    return verdict


def unfit(tests: tuple[str, ...]) -> str | None:
    """Say what is wrong with a selection of tests when nothing is planted, None if it passes."""
    with copied() as copy:
        found = subprocess.run(
            [sys.executable, "-c", "import nuvom, pathlib; print(pathlib.Path(nuvom.__file__).resolve())"],
            cwd=copy,
            env=environment(copy),
            capture_output=True,
            text=True,
            check=True,
        )
        if not found.stdout.startswith(str(copy)):
            return f"{found.stdout.strip()} would be tested instead of the copy in {copy}"
        code, output = run(copy, tests)
    return None if code == PASSED else f"{' '.join(tests)}:\n{output}"


def judged(mutant: Mutant) -> Verdict:
    """Plant a mutant in a copy of its own and run its tests there."""
    began = time.monotonic()
    with copied() as copy:
        file = copy / mutant.path
        text = file.read_text(encoding="utf-8")
        times = text.count(mutant.old)
        if times != 1:
            return Verdict(mutant, None, f"{mutant.path} has {mutant.old!r} {times} times, not once", 0.0)
        file.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
        code, output = run(copy, mutant.tests)
    caught = re.search(r"^(?:FAILED|ERROR) \S*?::(.+?)(?: - |$)", output, re.MULTILINE)
    seconds = time.monotonic() - began
    if code == FAILED and caught:
        return Verdict(mutant, caught[1], "", seconds)
    return Verdict(
        mutant, None, "all tests pass" if code == PASSED else f"pytest ended with {code}:\n{output}", seconds
    )


def run(copy: Path, tests: tuple[str, ...]) -> tuple[int, str]:
    """Run tests in a copy until the first fails; returns pytest's exit code and what it printed."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-rfE", "-p", "no:cacheprovider", "--tb=line", *tests]
    try:
        done = subprocess.run(
            command,
            cwd=copy,
            env=environment(copy),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return -1, f"not done after {LIMIT:g} s"
    return done.returncode, done.stdout


def environment(copy: Path) -> dict[str, str]:
    """The caller's variables, with a path that leads to the copy before the installed package."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(copy / "src"), str(copy)]), "PYTHONDONTWRITEBYTECODE": "1"}


@contextmanager
def copied() -> Iterator[Path]:
    """Give a copy of what is tested; the checkout itself is never changed."""
    with tempfile.TemporaryDirectory(prefix="nuvom-mutant-", ignore_cleanup_errors=True) as folder:
        copy = Path(folder).resolve()
        for name in COPIED:
            source, target = ROOT / name, copy / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", ".*"))
            else:
                shutil.copy(source, target)
        try:
            yield copy
        finally:
            end_what_is_left(copy)


def end_what_is_left(copy: Path) -> None:
    """Kill the processes that were started from a copy: a bug may be that they do not end."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("PYTHONPATH", "").startswith(f"{copy}{os.sep}"):
                process.kill()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

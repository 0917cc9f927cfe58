"""Keep files and functions small enough to read: `python -m tests.house.budget` names each that is not and exits 1."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PLACES = ("src", "bench", "examples", "tests", "run")
SHARED = ("src", "run")  # where nine of ten functions must be short; a test may tell a longer story
OTHERS = (".lua", ".sql")  # of which only the files are measured

FILE_LINES = 400
FUNCTION_LINES = 60
SHORT_LINES = 25
LONG_ONE_IN = 10


class Function(NamedTuple):
    """A function in a file: where it begins and how many lines it has without its decorators and docstring."""

    path: Path
    line: int
    name: str
    lines: int


def main() -> int:
    """Print what is over the budget; 1 if anything is."""
    found = [problem for place in PLACES for problem in oversized(source_files(ROOT / place))]
    found += too_few_short([f for place in SHARED for path in python_files(ROOT / place) for f in functions(path)])
    for problem in found:
        print(problem)
    return int(bool(found))


def python_files(place: Path) -> list[Path]:
    """The Python files at or below `place`; none if it is not there."""
    return [place] if place.is_file() else sorted(place.rglob("*.py"))


def source_files(place: Path) -> list[Path]:
    """The files with code at or below `place`: Python's, and those that a server runs."""
    return python_files(place) + sorted(path for ending in OTHERS for path in place.rglob(f"*{ending}"))


def oversized(paths: Iterable[Path]) -> Iterator[str]:
    """A sentence for each file and each function that is too long."""
    for path in paths:
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > FILE_LINES:
            yield f"{shown(path)}: {lines} lines, at most {FILE_LINES}: split it by noun"
        for function in () if path.suffix in OTHERS else functions(path):
            if function.lines > FUNCTION_LINES:
                where = f"{shown(path)}:{function.line}: {function.name}"
                yield f"{where} has {function.lines} lines, at most {FUNCTION_LINES}: name its steps"


def too_few_short(found: list[Function]) -> Iterator[str]:
    """One sentence, with the longest functions, if fewer than nine of ten are short."""
    long = sorted((f for f in found if f.lines > SHORT_LINES), key=lambda f: -f.lines)
    if len(long) * LONG_ONE_IN > len(found):
        worst = ", ".join(f"{shown(f.path)}:{f.line} {f.name} ({f.lines})" for f in long[:10])
        count = f"{len(long)} of {len(found)} functions have over {SHORT_LINES} lines"
        yield f"{count}, at most one in {LONG_ONE_IN} may: {worst}"


def functions(path: Path) -> Iterator[Function]:
    """Every function and method of a file, nested ones too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Function(path, node.lineno, node.name, length(node))


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines from `def` to the end, without the docstring's."""
    whole = (node.end_lineno or node.lineno) - node.lineno + 1
    match node.body[0]:
        case ast.Expr(value=ast.Constant(value=str()), lineno=first, end_lineno=int(last)):
            return whole - (last - first + 1)
        case _:
            return whole


def shown(path: Path) -> str:
    """The path as seen from the project, if it is in there."""
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


if __name__ == "__main__":
    sys.exit(main())

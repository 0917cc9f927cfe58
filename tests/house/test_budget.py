"""The budget that the lint holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house.budget import Function, functions, oversized, python_files, source_files, too_few_short


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def body(lines: int) -> str:
    return "    x = 1\n" * lines


def test_a_file_at_the_limit_is_fine_and_one_line_more_is_named(tmp_path: Path) -> None:
    fine = write(tmp_path / "fine.py", "x = 1\n" * 400)
    long = write(tmp_path / "long.py", "x = 1\n" * 401)
    assert list(oversized([fine, long])) == [f"{long}: 401 lines, at most 400: split it by noun"]


@pytest.mark.parametrize("ending", [".lua", ".sql"])
def test_a_file_that_a_server_runs_is_measured_too(tmp_path: Path, ending: str) -> None:
    long = tmp_path / f"long{ending}"
    long.write_text("--\n" * 401)
    assert list(oversized(source_files(tmp_path))) == [f"{long}: 401 lines, at most 400: split it by noun"]


def test_a_function_at_the_limit_is_fine_and_one_line_more_is_named_with_its_line(tmp_path: Path) -> None:
    path = write(tmp_path / "a.py", f"def fine():\n{body(59)}\n\nasync def long():\n{body(60)}")
    assert list(oversized([path])) == [f"{path}:63: long has 61 lines, at most 60: name its steps"]


@pytest.mark.parametrize("docstring", ['"""One line."""', '"""First.\n\n    More.\n    """'])
def test_a_docstring_does_not_count(tmp_path: Path, docstring: str) -> None:
    path = write(tmp_path / "a.py", f"def told():\n    {docstring}\n{body(59)}")
    assert [f.lines for f in functions(path)] == [60]


def test_methods_and_nested_functions_count_too(tmp_path: Path) -> None:
    text = "class A:\n    def outer(self):\n        def inner():\n            pass\n        return inner\n"
    assert {f.name: f.lines for f in functions(write(tmp_path / "a.py", text))} == {"outer": 4, "inner": 2}


@pytest.mark.parametrize(("long", "allowed"), [(0, True), (1, True), (2, False)])
def test_nine_of_ten_functions_must_be_short(long: int, *, allowed: bool) -> None:
    found = [Function(Path("a.py"), n, f"f{n}", 26 if n < long else 25) for n in range(10)]
    assert (list(too_few_short(found)) == []) is allowed


def test_no_functions_at_all_is_fine() -> None:
    assert list(too_few_short([])) == []


def test_a_place_is_a_file_a_folder_or_not_there_yet(tmp_path: Path) -> None:
    script = write(tmp_path / "script", "")
    (tmp_path / "package").mkdir()
    module = write(tmp_path / "package" / "a.py", "")
    write(tmp_path / "package" / "a.sql", "")
    assert python_files(script) == [script]
    assert python_files(tmp_path) == [module]
    assert python_files(tmp_path / "nowhere") == []

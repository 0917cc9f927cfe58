"""Names of tasks come from their files, and what cannot be a task is refused where it is decorated."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from socket import socket
from typing import Any

import pytest

from nuvom import Nuvom
from nuvom._naming import module_name
from nuvom.errors import TaskDefinitionError

HERE = "tests.app.test_naming"


@pytest.fixture
def app() -> Nuvom:
    return Nuvom("memory://")


def function(x: int) -> int:
    return x


def other(x: int) -> int:
    return x


def numbers() -> Iterator[int]:
    yield 1


async def lines() -> Any:
    yield 1


def callback() -> Callable[[], int]:
    return lambda: 1


def connection() -> socket:
    return socket()


class Plain:
    def __call__(self) -> int:
        return 1


def plain() -> Plain:
    return Plain()


def when(at: datetime, interval: int) -> None: ...


@pytest.mark.parametrize(
    ("file", "imported_as", "name"),
    [
        ("tasks.py", "tasks", "tasks"),
        ("tasks.py", "__main__", "tasks"),
        ("src/pkg/tasks.py", "pkg.tasks", "pkg.tasks"),
        ("src/pkg/tasks.py", "__main__", "pkg.tasks"),
        ("src/pkg/sub/__init__.py", "pkg.sub", "pkg.sub"),
        ("src/single.py", "single", "single"),
        ("app/tasks.py", "tasks", "app.tasks"),
        ("deep/pkg/tasks.py", "deep.pkg.tasks", "pkg.tasks"),
    ],
)
def test_the_name_comes_from_the_file(tmp_path: Path, file: str, imported_as: str, name: str) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    for package in ("src/pkg", "src/pkg/sub", "deep/pkg"):
        if (tmp_path / package).is_dir():
            (tmp_path / package / "__init__.py").touch()
    assert module_name(imported_as, str(path)) == name


def test_a_file_outside_of_a_project_keeps_its_import_name(tmp_path: Path) -> None:
    path = tmp_path / "tasks.py"
    path.write_text("")
    assert module_name("some.tasks", str(path)) == "some.tasks"
    assert module_name("__main__", str(path)) == "tasks"


def test_a_script_and_its_import_give_the_same_name(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    script = "from nuvom import task\n@task\ndef add(x: int) -> int: return x\nprint(add.name)\n"
    (tmp_path / "tasks.py").write_text(script)
    for command in (["tasks.py"], ["-m", "tasks"], ["-c", "import tasks"]):
        run = subprocess.run([sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, check=True)
        assert run.stdout == "tasks.add\n"


@pytest.mark.parametrize("wrong", [lambda x: x, Plain, Plain(), 5, "text", staticmethod(function)])
def test_what_is_no_function_of_a_module_is_refused(app: Nuvom, wrong: Any) -> None:
    with pytest.raises(TaskDefinitionError):
        app.task(wrong)


def test_a_nested_function_is_refused_also_with_a_name(app: Nuvom) -> None:
    def nested() -> None: ...

    with pytest.raises(TaskDefinitionError, match="top level of a module"):
        app.task(nested)
    with pytest.raises(TaskDefinitionError, match="top level of a module"):
        app.task(name="nested")(nested)


@pytest.mark.parametrize("function", [numbers, lines, callback, connection, plain])
def test_a_result_that_json_can_never_carry_is_refused_at_decoration(app: Nuvom, function: Callable[..., Any]) -> None:
    with pytest.raises(TaskDefinitionError, match="cannot be a task"):
        app.task(function)


def test_the_same_function_again_replaces_and_another_under_its_name_is_refused(app: Nuvom) -> None:
    first = app.task(function)
    assert app.task(function).name == first.name == f"{HERE}.function"
    with pytest.raises(TaskDefinitionError, match="belongs to function"):
        app.task(name=first.name)(other)


def test_aliases_find_the_task(app: Nuvom) -> None:
    task = app.task(name="new.name", aliases=["old.name"])(function)
    assert app.registry == {"new.name": task, "old.name": task}
    with pytest.raises(TypeError, match="list of names"):
        app.task(aliases="old.name")(function)


@pytest.mark.parametrize(
    ("options", "kind", "word"),
    [
        ({"name": ""}, ValueError, "name"),
        ({"name": "a" * 201}, ValueError, "name"),
        ({"name": "a\nb"}, ValueError, "name"),
        ({"name": 5}, TypeError, "name"),
        ({"queue": "a\0b"}, ValueError, "queue"),
        ({"priority": 1_001}, ValueError, "priority"),
        ({"priority": 1.5}, TypeError, "priority"),
        ({"retries": -1}, ValueError, "retries"),
        ({"retries": True}, TypeError, "retries"),
        ({"max_crashes": -1}, ValueError, "max_crashes"),
        ({"store_result": "yes"}, TypeError, "store_result"),
        ({"time_limit": 5}, TypeError, "time_limit"),
    ],
)
def test_options_of_the_decorator_are_checked(
    app: Nuvom, options: dict[str, Any], kind: type[Exception], word: str
) -> None:
    with pytest.raises(kind, match=word):
        app.task(**options)(function)


def test_a_parameter_named_like_one_of_schedules_own_warns_and_shows_bind(app: Nuvom) -> None:
    with pytest.warns(UserWarning, match=r"parameter 'at' and 'interval' .*bind\(at="):
        task = app.task(when)
    with pytest.raises(TypeError, match=r"when\.bind\(at=…\)\.schedule"):
        task.schedule(interval=5)

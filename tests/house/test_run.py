"""The one command of the project, `run`, tried on a copy of it that has tiny packages and a recording installer."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

RUN = Path(__file__).resolve().parents[2] / "run"
INSTALLER = '#!/bin/sh\necho "$@" >> "$(dirname "$0")/installed"\nsleep 0.1\n'
DEMO = '"""Stand in for the demo."""\nimport sys\nprint(*sys.argv[1:])\nsys.exit(int(sys.argv[2]))\n'


class Copy:
    """A project of its own around a copy of `run`, whose `uv` only writes down what it was asked to install."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.marker = root / ".venv" / "marker"
        self.installed = root / "bin" / "installed"
        for folder in ("bin", "nuvom", "requirements"):
            (root / folder).mkdir(parents=True)
        shutil.copy(RUN, root / "run")
        (root / "bin" / "uv").write_text(INSTALLER)
        (root / "bin" / "uv").chmod(0o755)
        (root / "nuvom" / "__main__.py").write_text(DEMO)
        (root / "pytest.py").write_text("print('pytest')\n")
        (root / "pyproject.toml").write_text("[build-system]\n[project]\n[tool.any]\n")
        for packages in ("runtime", "dev"):
            (root / "requirements" / f"{packages}.txt").touch()

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        path = f"{self.root / 'bin'}{os.pathsep}{os.environ['PATH']}"
        command = [sys.executable, str(self.root / "run"), *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env={**os.environ, "PATH": path}, cwd="/", stdout=pipe, stderr=pipe, text=True)

    def run(self, *arguments: str) -> tuple[int, str]:
        with self.start(*arguments) as process:
            out, _ = process.communicate()
        return process.returncode, out

    def installs(self) -> list[str]:
        """The last word of each line that the installer was called with: a lock, or the project itself."""
        return [Path(line.split()[-1]).name for line in self.installed.read_text().splitlines()]


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path / "project")


def test_an_old_python_can_read_it_far_enough_to_be_told() -> None:
    ast.parse(RUN.read_text(), feature_version=(3, 8))
    pretend = "import runpy, sys; sys.version_info = (3, 10, 4); runpy.run_path(sys.argv[1], run_name='__main__')"
    told = subprocess.run([sys.executable, "-c", pretend, str(RUN)], capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert "needs Python 3.11 or newer" in told.stderr
    assert "Traceback" not in told.stderr


def test_it_needs_nothing_but_the_standard_library() -> None:
    imports = [node for node in ast.walk(ast.parse(RUN.read_text())) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {
        name.partition(".")[0]
        for node in imports
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    assert names
    assert names <= sys.stdlib_module_names


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["lint", "--nonsense"]])
def test_no_command_or_an_unknown_one_prints_the_help_and_exits_2(arguments: list[str]) -> None:
    done = subprocess.run([RUN, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "usage: ./run COMMAND" in done.stderr


def test_help_names_every_command() -> None:
    done = subprocess.run([RUN, "--help"], capture_output=True, text=True, check=True)
    for command in ("demo", "test", "lint", "bench", "soak", "mutants", "simulate", "oracle"):
        assert f"\n  {command} " in done.stdout


def test_arguments_and_exit_code_pass_through_from_any_directory(copy: Copy) -> None:
    assert copy.run("demo", "7") == (7, "demo 7\n")


def test_a_second_start_installs_nothing(copy: Copy) -> None:
    copy.run("demo", "0")
    copy.run("demo", "0")
    assert copy.installs() == ["runtime.txt", "project"]


def test_the_packages_of_dev_are_added_in_place(copy: Copy) -> None:
    copy.run("demo", "0")
    copy.marker.touch()
    assert copy.run("test", "-x") == (0, "pytest\n")
    assert copy.run("demo", "0") == (0, "demo 0\n")
    assert copy.installs() == ["runtime.txt", "project", "dev.txt", "project"]
    assert copy.marker.exists()


def remove_stamp(copy: Copy) -> None:
    (copy.root / ".venv" / "stamp").unlink()


def break_interpreter(copy: Copy) -> None:
    python = copy.root / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("gone")


def change_lock(copy: Copy) -> None:
    (copy.root / "requirements" / "runtime.txt").write_text("# newer\n")


def change_project(copy: Copy) -> None:
    (copy.root / "pyproject.toml").write_text("[build-system]\n[project]\nversion = '2'\n")


@pytest.mark.parametrize("spoil", [remove_stamp, break_interpreter, change_lock, change_project])
def test_an_environment_that_is_half_made_broken_or_outdated_is_remade(
    copy: Copy, spoil: Callable[[Copy], None]
) -> None:
    copy.run("demo", "0")
    copy.marker.touch()
    spoil(copy)
    assert copy.run("demo", "0") == (0, "demo 0\n")
    assert not copy.marker.exists()


def test_an_environment_that_came_from_another_place_is_remade(copy: Copy, tmp_path: Path) -> None:
    copy.run("demo", "0")
    copy.marker.touch()
    moved = Copy(tmp_path / "moved")
    shutil.move(copy.root / ".venv", moved.root)
    assert moved.run("demo", "0") == (0, "demo 0\n")
    assert not moved.marker.exists()


def test_a_changed_tool_setting_remakes_nothing(copy: Copy) -> None:
    copy.run("demo", "0")
    (copy.root / "pyproject.toml").write_text("[build-system]\n[project]\n[tool.any]\nthing = 1\n")
    copy.run("demo", "0")
    assert copy.installs() == ["runtime.txt", "project"]


def test_two_at_once_make_one_environment(copy: Copy) -> None:
    both = [copy.start("demo", "0") for _ in range(2)]
    assert [process.communicate()[0] for process in both] == ["demo 0\n"] * 2
    assert copy.installs() == ["runtime.txt", "project"]


@pytest.fixture
def run() -> ModuleType:
    loader = SourceFileLoader("run", str(RUN))
    spec = spec_from_loader("run", loader)
    assert spec
    module = module_from_spec(spec)
    sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
    try:
        loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module


class Index(BaseHTTPRequestHandler):
    """A package index with one page and one file that is not what it seems."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        pages = {"/pip/": b'<a href="../files/%s#sha256=0">pip</a>' % self.server.wheel, "/files/": b"tampered"}  # type: ignore[attr-defined]
        self.wfile.write(next(page for path, page in pages.items() if self.path.startswith(path)))

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def index(run: ModuleType) -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
        server.wheel = run.PIP_WHEEL.encode()  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_a_pip_that_is_not_the_pinned_one_is_refused(run: ModuleType, index: ThreadingHTTPServer) -> None:
    with pytest.raises(ValueError, match="not the file that was pinned"):
        run.download_pip(f"http://127.0.0.1:{index.server_port}/pip/")


def test_an_index_without_the_pinned_pip_is_named_as_the_cause(run: ModuleType, index: ThreadingHTTPServer) -> None:
    index.wheel = b"pip-1.0-py3-none-any.whl"  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="has no pip-"):
        run.download_pip(f"http://127.0.0.1:{index.server_port}/pip/")

"""Starting: what it costs, and what it says before a command runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.cli.conftest import Project

HEAVY = ("rich", "pydantic", "orjson", "nuvom._app", "nuvom._schedule", "sqlite3", "asyncio")


def test_registering_the_commands_imports_none_of_their_work() -> None:
    code = f"import sys, nuvom.cli.program; print([name for name in {HEAVY} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_probe_of_health_imports_no_service_and_nothing_that_prints_tables(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'nuvom.db'}"
    subprocess.run([sys.executable, "-m", "nuvom", "--url", url, "migrate"], check=True, capture_output=True)
    heavy = ("rich.table", "asyncio", "nuvom.worker.runner", "nuvom.scheduler", "nuvom._sync", "hypothesis", "psycopg")
    code = (
        "import sys, nuvom.cli\n"
        f"sys.argv = ['nuvom', '--url', {url!r}, 'health']\n"
        "try: nuvom.cli.main()\n"
        f"except SystemExit: print([name for name in {heavy} if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert ran.stdout.splitlines() == ["ok: the store answers", "[]"]


def test_the_script_and_the_module_are_one_program(project: Project) -> None:
    script = Path(sys.executable).parent / "nuvom"
    words = ["jobs", "--help"]
    by_script = subprocess.run([script, *words], capture_output=True, text=True, check=True)
    assert by_script.stdout == project.call(*words).out
    assert by_script.stdout.startswith("Usage: nuvom jobs ")


def test_help_names_every_command(project: Project) -> None:
    out = project.inside("--help").out
    for (
        name
    ) in "run runworker runscheduler demo jobs schedules queues workers stats health doctor migrate plugins".split():
        assert f"\n  {name} " in out


def test_no_command_is_a_wrong_use_that_shows_the_help(project: Project) -> None:
    answer = project.inside()
    assert answer.code == 2
    assert "Usage: nuvom" in answer.out + answer.err


def test_the_version_is_the_installed_one(project: Project) -> None:
    from importlib.metadata import version

    assert project.inside("--version").out == f"nuvom {version('nuvom')}\n"


def test_the_shell_can_ask_for_completions(project: Project) -> None:
    answer = project.call(_NUVOM_COMPLETE="complete_bash", COMP_WORDS="nuvom sch", COMP_CWORD="1")
    assert answer.out.split() == ["schedules"]


def test_a_closed_stdout_and_one_that_lacks_a_character_end_no_command_in_a_traceback(tmp_path: Path) -> None:
    nuvom = f"{sys.executable} -m nuvom --url sqlite:///{tmp_path}/jobs.db"
    for command in (f"{nuvom} migrate >&-", f"{nuvom} stats >&-", f"PYTHONIOENCODING=ascii {nuvom} doctor"):
        ran = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False, cwd=tmp_path)
        assert "Traceback" not in ran.stderr

"""`nuvom files systemd`: a unit that systemd takes, and that stops the services as they want to be stopped."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.cli.conftest import Answer, Project


def read(answer: Answer) -> ConfigParser:
    """The unit as its parts; each option comes once."""
    assert (answer.code, answer.err) == (0, "")
    parsed = ConfigParser(interpolation=None, delimiters=["="])
    parsed.optionxform = str  # type: ignore[assignment,method-assign]
    parsed.read_string(answer.out)
    return parsed


def verified(path: Path, *scope: str) -> None:
    """Let systemd judge the unit, where there is one."""
    if analyze := shutil.which("systemd-analyze"):
        environment = os.environ | {"XDG_RUNTIME_DIR": str(path.parent)}  # what a user without a session lacks
        done = subprocess.run(
            [analyze, *scope, "verify", str(path)], env=environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode, path.name in done.stderr) == (0, False), done.stderr


@pytest.mark.parametrize("scope", [(), ("--user",)])
def test_the_unit_runs_this_project_with_this_python_and_restarts_it(project: Project, scope: tuple[str, ...]) -> None:
    answer = project.inside("files", "systemd", "--name", "shop", *scope)
    parsed = read(answer)
    service = parsed["Service"]
    assert service["ExecStart"] == f"{sys.executable} -m nuvom run --grace 20"
    assert service["WorkingDirectory"] == str(project.root)
    assert (service["Restart"], service["KillSignal"], service["KillMode"]) == ("always", "SIGTERM", "mixed")
    assert parsed["Unit"]["StartLimitIntervalSec"] == "0"
    assert parsed["Install"]["WantedBy"] == ("default.target" if scope else "multi-user.target")
    assert ("User" in service, service["NoNewPrivileges"]) == (not scope, "yes")
    verified(project.write("shop.service", answer.out), *scope)


@pytest.mark.parametrize(("name", "hinted"), [("root", True), ("deploy", False)])
def test_root_is_told_that_another_user_is_better(
    project: Project, monkeypatch: pytest.MonkeyPatch, name: str, hinted: bool
) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: name)
    answer = project.inside("files", "systemd")
    assert read(answer)["Service"]["User"] == name
    assert ("Better a user of its own" in answer.out) is hinted


@pytest.mark.parametrize(("grace", "least"), [("20", 24), ("0", 4), ("90.5", 95)])
def test_systemd_waits_longer_than_running_jobs_have_to_end(project: Project, grace: str, least: int) -> None:
    service = read(project.inside("files", "systemd", "--grace", grace))["Service"]
    assert service["ExecStart"].endswith(f"--grace {grace}")
    assert int(service["TimeoutStopSec"]) >= least


def test_words_and_paths_come_through_as_they_are(project: Project) -> None:
    odd = project.root / 'a "b" 100%'
    odd.mkdir()
    (odd / "$tasks.py").touch()
    tasks = str(odd / "$tasks.py")
    service = read(project.inside("files", "systemd", tasks, "pkg.tasks"))["Service"]
    escaped = tasks.replace("%", "%%").replace("$", "$$").replace('"', '\\"')
    assert service["ExecStart"] == f'{sys.executable} -m nuvom run "{escaped}" pkg.tasks --grace 20'


def test_a_file_that_was_named_from_another_folder_is_found_from_the_projects(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.root / "sub").mkdir()
    monkeypatch.chdir(project.root / "sub")
    project.write("sub/more.py", "")
    service = read(project.inside("files", "systemd", "more.py"))["Service"]
    assert service["WorkingDirectory"] == str(project.root)
    assert f"run {project.root}/sub/more.py " in service["ExecStart"]


def test_a_password_does_not_get_into_the_unit(project: Project) -> None:
    answer = project.inside("files", "systemd", "--url", "postgresql://me:secret@host/db")
    assert (answer.code, answer.out, "secret" in answer.err) == (2, "", False)
    assert "EnvironmentFile" in answer.err
    said = read(project.inside("files", "systemd", "--url", "sqlite:////data/jobs.db"))["Service"]
    assert said["ExecStart"].endswith("--url sqlite:////data/jobs.db")


@pytest.mark.parametrize("name", ["a b", "../x", "", "-x", "x\ny"])
def test_a_name_that_no_unit_can_have_is_refused(project: Project, name: str) -> None:
    answer = project.inside("files", "systemd", f"--name={name}")
    assert (answer.code, answer.out) == (2, "")


def test_rights_of_roles_are_printed_for_the_schema_of_the_url(project: Project) -> None:
    url = "postgresql://me@host/db?schema=odd%22name"
    answer = project.inside("files", "postgres-roles", "--producer", "web app", "--service", "jobs", "--url", url)
    assert (answer.code, answer.err) == (0, "")
    assert 'GRANT USAGE ON SCHEMA "odd""name" TO "web app";' in answer.out
    assert 'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "odd""name" TO "jobs";' in answer.out
    assert "nuvom." not in answer.out


def test_a_file_has_no_roles(project: Project) -> None:
    answer = project.inside("files", "postgres-roles")
    assert (answer.code, answer.out) == (2, "")
    assert "the store is no PostgreSQL; say which with --url or NUVOM_URL" in answer.err

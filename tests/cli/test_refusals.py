"""What goes wrong outside the command: one line on stderr with the remedy, an exit code, never a traceback."""

from __future__ import annotations

import sqlite3
import subprocess
import sys

import pytest

from nuvom import Nuvom
from tests.cli.conftest import Project

LOOKS = [
    ["jobs", "list"],
    ["jobs", "show", "x"],
    ["jobs", "retry", "x"],
    ["jobs", "cancel", "x"],
    ["schedules", "list"],
    ["schedules", "show", "x"],
    ["schedules", "next"],
    ["schedules", "runs", "x"],
    ["schedules", "cancel", "x"],
    ["queues"],
    ["workers"],
    ["stats"],
    ["health"],
]


@pytest.mark.parametrize("words", LOOKS, ids=" ".join)
@pytest.mark.parametrize("json", [[], ["--json"]], ids=["people", "programs"])
def test_a_missing_store_is_named_and_not_made(project: Project, words: list[str], json: list[str]) -> None:
    answer = project.inside(*words, *json)
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith(f"nuvom: there is no store at {project.file} (NUVOM_URL); ")
    assert answer.err.count("\n") == 1
    assert not project.file.exists()


@pytest.mark.parametrize("words", [*LOOKS, ["migrate"], ["doctor"]], ids=" ".join)
def test_a_store_that_cannot_be_a_store_is_a_wrong_use(project: Project, words: list[str]) -> None:
    for url in ("memory://", "mongodb://me:secret@host", "jobs.db", "sqlite://jobs.db", "sqlite:///a.db?mode=fast"):
        answer = project.call(*words, "--url", url) if words == ["doctor"] else project.inside(*words, "--url", url)
        assert (answer.code, answer.out) == (2, "")
        assert "secret" not in answer.err
        assert "Traceback" not in answer.err


@pytest.mark.parametrize("words", [["jobs", "list"], ["stats"], ["health"], ["migrate"], ["schedules", "list"]])
def test_a_file_that_is_no_database_is_named(project: Project, words: list[str]) -> None:
    project.file.parent.mkdir()
    project.file.write_text("a letter to my aunt, which is longer than the header of a database would have to be" * 9)
    answer = project.inside(*words)
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith(f"nuvom: {project.file} is not a SQLite database")


def test_a_locked_store_is_said_after_five_seconds(project: Project, app: Nuvom) -> None:
    job = app.registry["tasks.add"].delay(1)
    holder = sqlite3.connect(project.file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        answer = project.call("jobs", "cancel", job.id)
        assert project.call("jobs", "list").code == 0
    finally:
        holder.close()
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith(f"nuvom: {project.file} stayed locked for 5 s by another writer; ")


def test_a_folder_that_is_no_project_is_refused_where_no_store_may_be_made(project: Project) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nuvom", "stats"], cwd="/", capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "set NUVOM_URL" in done.stderr


def test_the_url_is_taken_before_and_after_the_command_and_the_later_wins(project: Project, app: Nuvom) -> None:
    app.registry["tasks.add"].delay(1)
    nowhere = f"sqlite:///{project.root}/nowhere.db"
    for words in (
        ("--url", project.url, "jobs", "list"),
        ("jobs", "--url", project.url, "list"),
        ("jobs", "list", "--url", project.url),
        ("--url", nowhere, "jobs", "list", "--url", project.url),
    ):
        assert len(project.call(*words, "--json").json) == 1
    assert project.call("jobs", "list", "--url", nowhere).code == 1


def test_settings_that_disagree_are_one_masked_warning(project: Project, app: Nuvom) -> None:
    app.store.migrate()
    answer = project.call("stats", "--json", "--url", project.url, NUVOM_URL="redis://me:secret@host/0")
    assert answer.code == 0
    assert answer.json["queued"] == 0
    [line] = answer.err.splitlines()
    assert line.startswith("nuvom: UserWarning: url: an argument says")
    assert "redis://me:***@host/0" in line


def test_a_reader_that_leaves_early_is_no_error(project: Project, app: Nuvom) -> None:
    app.registry["tasks.add"].map([(i,) for i in range(2_000)])
    command = f"{sys.executable} -m nuvom jobs list --limit 2000 --json | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=project.root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[\n", "")


def test_what_a_backend_of_five_methods_cannot_do_is_one_sentence(project: Project, app: Nuvom) -> None:
    app.store.migrate()
    project.write(
        "plain.py",
        "class Backend:\n"
        "    def enqueue(self, envelope): return envelope\n"
        "    def get(self, schedule_id): return None\n"
        "    def due(self, now, limit): return []\n"
        "    def reschedule(self, schedule_id, next_run): return None\n"
        "    def cancel(self, schedule_id): return False\n",
    )
    answer = project.call("schedules", "list", NUVOM_SCHEDULER="plain:Backend")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith("nuvom: plain:Backend cannot list schedules: it has only enqueue, get, due, ")
    assert answer.err.count("\n") == 1


@pytest.mark.parametrize("words", ["jobs show \udcff", "jobs list --queue \udcff", "schedules cancel \udcff"])
def test_words_that_are_no_text_are_refused(project: Project, app: Nuvom, words: str) -> None:
    app.store.migrate()
    answer = project.inside(*words.split())
    assert (answer.code, answer.err) == (2, "nuvom: '\\udcff' is no text in UTF-8\n")


def test_more_than_can_be_listed_is_refused_as_a_limit(project: Project, app: Nuvom) -> None:
    app.store.migrate()
    answer = project.inside("jobs", "list", "--limit", "99999999999999999999")
    assert answer.code == 2
    assert "--limit" in answer.err

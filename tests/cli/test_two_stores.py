"""The command line on two stores: each command looks at both, and services work as on one."""

from __future__ import annotations

import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from nuvom import Nuvom
from nuvom.stores.registry import open_store
from tests.cli.conftest import Answer, Project
from tests.waiting import until


@pytest.fixture
def two(project: Project) -> dict[str, str]:
    """The variables of somebody who keeps schedules in another file."""
    return {"NUVOM_URL": project.url, "NUVOM_SCHEDULER": f"sqlite:///{project.root / 'schedules.db'}"}


def called(project: Project, two: dict[str, str], *words: str) -> Answer:
    return project.call(*words, **two)


def test_migrate_makes_both_stores_and_says_so_of_each(project: Project, two: dict[str, str]) -> None:
    dry = called(project, two, "migrate", "--dry-run")
    assert [line.partition(": ")[0] for line in dry.out.splitlines()] == [
        f"sqlite:///{project.file}",
        f"sqlite:///{project.root / 'schedules.db'}",
    ]
    assert not project.file.exists()
    answer = called(project, two, "migrate", "--json")
    assert (answer.json["schema"], answer.json["schedules"]["schema"]) == (4, 4)
    assert project.file.exists()
    assert (project.root / "schedules.db").exists()
    assert called(project, two, "migrate", "--sql").out.count("nothing") == 2


def test_doctor_and_health_look_at_both_stores(project: Project, two: dict[str, str]) -> None:
    called(project, two, "migrate")
    said = called(project, two, "doctor").out
    assert f"store       sqlite:///{project.file} answers" in said
    assert f"store       schedules: sqlite:///{project.root / 'schedules.db'} answers" in said
    assert called(project, two, "health").out == "ok: both stores answer\n"
    (project.root / "schedules.db").unlink()
    for command in ("doctor", "health", "stats"):
        answer = called(project, two, command)
        assert answer.code == 1
        assert "schedules.db (NUVOM_SCHEDULER)" in answer.out + answer.err


def test_schedules_in_memory_are_refused(project: Project) -> None:
    answer = project.call("run", NUVOM_URL=project.url, NUVOM_SCHEDULER="memory://")
    assert answer.code != 0
    assert "NUVOM_SCHEDULER=memory:// lives in one process and ends with it" in answer.err


def test_the_store_that_has_the_jobs_is_refused_for_schedules_too(project: Project) -> None:
    answer = project.call("migrate", NUVOM_URL=project.url, NUVOM_SCHEDULER=project.url)
    assert answer.code != 0
    assert "NUVOM_SCHEDULER names the store that has the jobs" in answer.err


@pytest.mark.parametrize(
    ("words", "apart"), [("migrate", False), ("runscheduler", False), ("doctor", True), ("run tasks.py", True)]
)
def test_one_store_in_two_spellings_is_refused_by_whatever_begins_on_it(
    project: Project, words: str, apart: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(open_store(project.url)) as store:
        store.migrate()
    (project.root / "other.db").symlink_to(project.file)
    monkeypatch.setenv("NUVOM_URL", project.url)
    monkeypatch.setenv("NUVOM_SCHEDULER", f"sqlite:///{project.root}/other.db")
    answer = (project.call if apart else project.inside)(*words.split())
    assert answer.code == 2
    assert answer.err.endswith("NUVOM_SCHEDULER names the store that has the jobs, in other words: leave it out\n")
    with closing(open_store(project.url)) as store:
        assert store.workers.list() == []


def test_two_spellings_of_a_store_that_is_not_there_yet_are_refused_as_soon_as_it_is(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.file.parent.mkdir(exist_ok=True)
    (project.root / "folder").symlink_to(project.file.parent)
    monkeypatch.setenv("NUVOM_SCHEDULER", f"sqlite:///{project.root}/folder/{project.file.name}")
    assert project.inside("migrate", "--dry-run").code == 0
    assert not project.file.exists()
    assert project.inside("migrate").code == 2


def test_services_on_two_stores_run_what_is_scheduled_and_commands_manage_it(
    project: Project,
    two: dict[str, str],
    services: list[subprocess.Popen[bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in two.items():
        monkeypatch.setenv(name, value)
    with Nuvom() as app:
        add = app.task(name="tasks.add")(_add)
        services.append(project.start("run", "tasks.py"))
        add.options(name="often").schedule(1, interval=0.2)
        until(lambda: len(app.jobs.list()) > 2 and all(run.job_id for run in app.schedules.runs("often")), timeout=30)
        job = app.jobs.list()[-1]
        until(lambda: app.job(job.id).status().final, timeout=30)
        assert project.call("schedules", "pause", "often", "--note", "a reason").code == 0
        before = len(app.schedules.runs("often"))
        listed = project.call("schedules", "list", "--json")
        assert [each["state"] for each in listed.json] == ["paused"]
        assert project.call("schedules", "trigger", "often").code == 0
        assert project.call("schedules", "audit").code == 0
        assert project.call("schedules", "cancel", "often").code == 0
        assert len(app.schedules.runs("often")) <= before + 2  # one by hand, one that was under way
    assert _tables(project.file) == (0, True)
    assert _tables(project.root / "schedules.db") == (0, False)


def _add(a: int, b: int = 1) -> int:
    return a + b


def _tables(file: Path) -> tuple[int, bool]:
    """Return how many schedules a file has, and whether it has jobs."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(file)) as connection:
        [schedules] = connection.execute("SELECT count(*) FROM schedules").fetchone()
        [jobs] = connection.execute("SELECT count(*) FROM jobs").fetchone()
        return schedules, jobs > 0

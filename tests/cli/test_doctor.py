"""`nuvom doctor`: each thing that can be wrong, with its remedy and the exit code."""

from __future__ import annotations

import os
import socket
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from nuvom import Nuvom
from nuvom._task import task_rows
from nuvom.cli import checks
from nuvom.scheduler.crowding import MOST_OPEN
from nuvom.stores.sqlite.ledger import SqliteLedger
from nuvom.stores.values import WorkerInfo
from tests.cli.conftest import Answer, Project


def found(answer: Answer) -> dict[str, Any]:
    """The checks by name."""
    return {check["name"]: check for check in answer.json["checks"]}


def serve(app: Nuvom, *kinds: str, queues: tuple[str, ...] | None = None) -> None:
    """Let services live, whose tasks are known."""
    for kind in kinds:
        info = WorkerInfo(
            id=uuid4().hex, kind=kind, host=socket.gethostname(), pid=os.getpid(), version="1", queues=queues
        )
        app.store.workers.register(info)
    app.store.workers.remember_tasks(task_rows(app.registry))


def test_all_is_well_beside_services_that_live(project: Project, app: Nuvom) -> None:
    serve(app, "worker", "scheduler")
    answer = project.call("doctor")
    assert (answer.code, answer.err) == (0, "")
    lines = {line.split()[1]: line for line in answer.out.splitlines() if not line.startswith(" ")}
    assert {"store", "schema", "engine", "disk", "clock", "zones", "tasks", "services", "schedules"} <= lines.keys()
    assert all(line.startswith(("ok  ", "warn")) for line in lines.values())
    assert "2 tasks in" in lines["tasks"]
    assert "1 worker, 1 scheduler alive" in lines["services"]
    assert f"SQLite {sqlite3.sqlite_version}" in lines["engine"]


def test_json_has_each_check_with_its_level_and_remedy(project: Project, app: Nuvom) -> None:
    app.store.migrate()
    answer = project.call("doctor", "--json")
    assert (answer.code, answer.json["healthy"]) == (0, True)
    assert {check["level"] for check in answer.json["checks"]} <= {"ok", "warn", "fail"}
    assert found(answer)["services"] == {
        "name": "services",
        "level": "warn",
        "text": "0 workers, 0 schedulers alive",
        "remedy": "start them: `nuvom run` is one worker and one scheduler",
    }


def test_no_store_fails_and_none_is_made(project: Project) -> None:
    answer = project.call("doctor", "--json")
    assert (answer.code, answer.json["healthy"]) == (1, False)
    assert "there is no store at" in found(answer)["store"]["text"]
    assert found(answer)["tasks"]["level"] == "ok"
    assert not project.file.exists()


def test_a_file_that_is_no_database_fails_with_its_name(project: Project) -> None:
    project.file.parent.mkdir()
    project.file.write_text("a letter to my aunt, which is longer than the header of a database would have to be" * 9)
    answer = project.call("doctor", "--json")
    assert answer.code == 1
    assert "is not a SQLite database" in found(answer)["store"]["text"]


def test_tasks_that_cannot_be_imported_fail_and_the_rest_is_looked_at(project: Project, app: Nuvom) -> None:
    app.store.migrate()
    project.write("tasks.py", "1 / 0\n")
    answer = project.call("doctor", "--json")
    assert answer.code == 1
    assert "ZeroDivisionError" in found(answer)["tasks"]["text"]
    assert found(answer)["store"]["level"] == "ok"


def test_no_tasks_is_a_warning(project: Project, app: Nuvom) -> None:
    app.store.migrate()
    (project.root / "tasks.py").unlink()
    answer = project.call("doctor", "--json")
    assert (answer.code, found(answer)["tasks"]["level"]) == (0, "warn")


def test_due_schedules_without_a_scheduler_fail(project: Project, app: Nuvom) -> None:
    app.registry["tasks.add"].options(name="late").schedule(1, at=app.now() - timedelta(hours=1))
    serve(app, "worker")
    answer = project.call("doctor", "--json")
    assert answer.code == 1
    assert "late" in found(answer)["due"]["text"]
    assert "nuvom runscheduler" in found(answer)["due"]["remedy"]
    serve(app, "scheduler")
    assert project.call("doctor").code == 0


def test_schedules_of_a_task_that_no_worker_knows_fail(project: Project, app: Nuvom) -> None:
    app.task(name="gone")(lost).options(name="orphan").schedule(in_="1h")
    answer = project.call("doctor", "--json")
    assert answer.code == 1
    assert "orphan (task gone)" in found(answer)["unknown"]["text"]
    serve(app, "worker")
    assert project.call("doctor").code == 0


def lost() -> None: ...


def test_jobs_that_wait_in_a_queue_that_no_worker_serves_fail(project: Project, app: Nuvom) -> None:
    app.registry["tasks.fail"].delay("x")
    serve(app, "worker", "scheduler", queues=("default",))
    answer = project.call("doctor", "--json")
    assert answer.code == 1
    assert found(answer)["services"]["text"].endswith("jobs wait in queues that none serves: slow")


def test_quarantined_schedules_fail_with_their_notes(project: Project, app: Nuvom) -> None:
    app.registry["tasks.add"].options(name="broken").schedule(1, interval=60)
    app.store.migrate()
    with sqlite3.connect(project.file) as connection:
        connection.execute("UPDATE schedules SET state = 'quarantined', note = 'its zone is gone'")
    connection.close()
    answer = project.call("doctor", "--json")
    assert answer.code == 1
    assert found(answer)["quarantine"]["text"] == "1 schedule cannot be planned: broken (its zone is gone)"


def test_schedules_whose_runs_pile_up_are_a_warning(project: Project, app: Nuvom) -> None:
    for name in ("calm", "crowd"):
        app.registry["tasks.add"].options(name=name).schedule(1, interval=60)
        for _ in range(MOST_OPEN + (name == "crowd")):
            app.schedules.trigger(name)
    serve(app, "worker", "scheduler")
    answer = project.call("doctor", "--json")
    assert answer.code == 0
    assert found(answer)["crowded"]["level"] == "warn"
    assert found(answer)["crowded"]["text"] == "1 schedule with more than 10 open runs: crowd"


def test_schedules_are_not_asked_one_by_one_while_too_few_jobs_wait_for_any_to_be_crowded(
    project: Project, app: Nuvom, shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.registry["tasks.add"].options(name="calm").schedule(1, interval=60)
    for _ in range(MOST_OPEN):
        app.schedules.trigger("calm")
    asked: list[str] = []
    monkeypatch.setattr(SqliteLedger, "open_runs", lambda _, schedule_id, limit: asked.append(schedule_id) or 0)
    project.inside("doctor", "--app", shop)
    assert asked == []
    app.schedules.trigger("calm")
    project.inside("doctor", "--app", shop)
    assert len(asked) == 1


def test_failed_jobs_are_counted(project: Project, app: Nuvom) -> None:
    app.registry["tasks.fail"].delay("x")
    app.drain()
    answer = project.call("doctor", "--json")
    assert (found(answer)["failed jobs"]["level"], found(answer)["failed jobs"]["text"]) == ("warn", "1 job")


@pytest.mark.parametrize(
    ("version", "note"),
    [("3.40.1", True), ("3.51.2", True), ("3.51.3", False), ("3.52.0", False), ("4.0.0", False)],
)
def test_an_old_sqlite_is_noted_with_what_it_means(version: str, note: bool) -> None:
    assert ("can be damaged" in checks.engine("sqlite", version).text) is note


@pytest.mark.parametrize(("free", "level"), [(10 << 20, "fail"), (500 << 20, "warn"), (50 << 30, "ok")])
def test_a_disk_that_fills_is_told_before_it_is_full(tmp_path: Path, free: int, level: str) -> None:
    path = tmp_path / "jobs.db"
    path.touch()
    assert checks.disk(path, 4096, free).level == level


def test_another_release_of_the_systems_zones_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tzdata.zi").write_text("# version 1999z\nrest\n")
    monkeypatch.setattr("zoneinfo.TZPATH", (str(tmp_path),))
    check = checks.zone_data()
    assert check.level == "warn"
    assert "1999z is used" in check.text
    monkeypatch.setattr("zoneinfo.TZPATH", ())
    assert checks.zone_data().level == "ok"


def test_settings_that_cannot_be_used_are_a_wrong_use(project: Project) -> None:
    answer = project.call("doctor", NUVOM_LEASE="soon")
    assert (answer.code, answer.out) == (2, "")
    assert "NUVOM_LEASE='soon'" in answer.err

"""`nuvom schedules sync`, and what services say at their start of the schedules that code declares."""

from __future__ import annotations

import sqlite3
import subprocess

import pytest

from nuvom import Nuvom
from tests.cli.conftest import TASKS, Project
from tests.waiting import until

DECLARED = TASKS.replace(
    "@nuvom.task\ndef add",
    '@nuvom.cron("0 3 * * *", timezone_name="Europe/Paris", name="nightly", args=(1,))\n'
    '@nuvom.every("15m", kwargs={"a": 2})\n@nuvom.task\ndef add',
)
Services = list["subprocess.Popen[bytes]"]


@pytest.fixture
def declaring(project: Project) -> Project:
    project.write("tasks.py", DECLARED)
    return project


def synced(project: Project, *words: str) -> list[tuple[str, str]]:
    steps = project.call("schedules", "sync", "--json", *words).json["steps"]
    return [(step["name"], step["action"]) for step in steps]


def test_sync_shows_a_plan_and_stores_it(declaring: Project, app: Nuvom) -> None:
    answer = declaring.call("schedules", "sync")
    assert (answer.code, answer.err) == (0, "")
    head, often, nightly, *_, summary = answer.out.splitlines()
    assert head.split()[:3] == ["name", "action", "why"]
    assert often.split()[:5] == ["tasks.add", "create", "every", "15", "m"]
    assert nightly.startswith("nightly ")
    assert "03:00:00 CE" in nightly
    assert summary == "created tasks.add, nightly"
    assert {s.name: (s.origin, s.args, s.kwargs) for s in app.schedules.list()} == {
        "nightly": ("code", [1], {}),
        "tasks.add": ("code", [2], {}),
    }
    assert declaring.call("schedules", "sync").out.splitlines()[-1] == "nothing was changed"


def test_a_dry_run_exits_with_2_when_something_would_change_and_with_0_when_not(declaring: Project, app: Nuvom) -> None:
    app.store.migrate()
    answer = declaring.call("schedules", "sync", "--dry-run")
    assert answer.code == 2
    assert answer.out.splitlines()[-1] == "would create tasks.add, nightly"
    assert app.schedules.list() == []
    assert declaring.call("schedules", "sync").code == 0
    answer = declaring.call("schedules", "sync", "--dry-run")
    assert (answer.code, answer.out.splitlines()[-1]) == (0, "nothing to change")


def test_a_dry_run_makes_no_store(declaring: Project) -> None:
    answer = declaring.call("schedules", "sync", "--dry-run")
    assert answer.code == 1
    assert "there is no store at" in answer.err
    assert not declaring.file.exists()


def test_json_has_a_step_for_each_schedule_and_what_is_unfit(declaring: Project, app: Nuvom) -> None:
    app.task(name="gone")(lambda_like).options(name="orphan").schedule(interval=60)
    answer = declaring.call("schedules", "sync", "--json")
    assert answer.json["dry_run"] is False
    step = answer.json["steps"][1]
    assert {key: step[key] for key in ("action", "name", "task", "state", "parts", "overridden")} == {
        "action": "create",
        "name": "nightly",
        "task": "tasks.add",
        "state": "active",
        "parts": [],
        "overridden": [],
    }
    assert [each["reason"] for each in answer.json["unfit"]] == ["no worker knows its task gone"]
    assert "orphan would fail: no worker knows its task gone" in declaring.call("schedules", "sync").out


def lambda_like() -> None: ...


def test_what_calls_changed_is_shown_with_the_way_to_take_the_codes(declaring: Project, app: Nuvom) -> None:
    declaring.call("schedules", "sync")
    app.schedules.update("nightly", cron="0 5 * * *")
    answer = declaring.call("schedules", "sync", COLUMNS="200")
    assert "left as a call set it: times (--overwrite takes the code's)" in answer.out
    assert app.schedules.get("nightly").cron == "0 5 * * *"
    assert declaring.call("schedules", "sync", "--overwrite").out.splitlines()[-1] == "updated nightly"
    assert app.schedules.get("nightly").cron == "0 3 * * *"


def test_cancelled_ones_stay_so_until_they_are_revived_by_name(declaring: Project, app: Nuvom) -> None:
    declaring.call("schedules", "sync")
    app.schedules.cancel_all(task="tasks.add")
    assert synced(declaring) == [("tasks.add", "cancelled"), ("nightly", "cancelled")]
    assert "stays cancelled until --revive nightly" in declaring.call("schedules", "sync", COLUMNS="200").out
    assert synced(declaring, "--revive", "nightly", "--revive", "tasks.add") == [
        ("tasks.add", "create"),
        ("nightly", "create"),
    ]


def test_prune_ends_what_is_no_longer_declared(declaring: Project, app: Nuvom) -> None:
    declaring.call("schedules", "sync")
    declaring.write("tasks.py", TASKS)
    assert synced(declaring) == []
    answer = declaring.call("schedules", "sync", "--prune", "--dry-run", "--json")
    assert answer.code == 2
    assert {step["action"] for step in answer.json["steps"]} == {"prune"}
    assert declaring.call("schedules", "sync", "--prune").out.splitlines()[-1].startswith("pruned ")
    assert app.schedules.list() == []
    declaring.write("tasks.py", DECLARED)
    assert synced(declaring) == [("tasks.add", "create"), ("nightly", "create")]


def test_a_pause_is_shown_with_its_note(declaring: Project, app: Nuvom) -> None:
    declaring.call("schedules", "sync")
    app.schedules.pause("nightly", "holidays")
    assert "paused: holidays" in declaring.call("schedules", "sync", COLUMNS="200").out
    declaring.write("tasks.py", TASKS)
    out = declaring.call("schedules", "sync", "--prune", COLUMNS="200").out
    assert "no longer declared; resume it, or end it: nuvom schedules cancel nightly; paused: holidays" in out
    assert [s.name for s in app.schedules.list()] == ["nightly"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--revive", "nigthly"], 2, "did you mean 'nightly'?"),
        (["absent.py"], 2, "there is no file 'absent.py'"),
    ],
)
def test_what_was_said_wrongly_is_said_before_anything_is_stored(
    declaring: Project, words: list[str], code: int, message: str
) -> None:
    answer = declaring.call("schedules", "sync", *words)
    assert (answer.code, answer.out) == (code, "")
    assert message in " ".join(answer.err.split())
    assert not declaring.file.exists()


def test_a_declaration_that_is_wrong_is_told_with_its_line(project: Project) -> None:
    project.write("tasks.py", DECLARED.replace("0 3 * * *", "61 3 * * *"))
    answer = project.call("schedules", "sync")
    assert answer.code == 1
    assert 'nuvom.cron("61 3 * * *"' in answer.err
    assert "minute" in answer.err


def test_without_declarations_it_says_how_to_make_one(project: Project) -> None:
    answer = project.call("schedules", "sync")
    assert answer.code == 0
    assert "put @nuvom.cron(…) or @nuvom.every(…) above @task" in answer.err


def test_run_stores_what_is_declared_and_says_what_changed_in_a_line(
    declaring: Project, app: Nuvom, services: Services
) -> None:
    services.append(declaring.start("run", log="first"))
    until(lambda: "declared schedules: created tasks.add, nightly\n" in (declaring.root / "first").read_text())
    before = app.schedules.list()
    services.append(declaring.start("run", log="second"))
    until(lambda: "declared schedules: all as stored\n" in (declaring.root / "second").read_text())
    assert app.schedules.list() == before
    assert {schedule.origin for schedule in before} == {"code"}


def test_runworker_says_which_declared_schedules_are_not_stored_and_how_to_store_them(
    declaring: Project, app: Nuvom, services: Services
) -> None:
    services.append(declaring.start("runworker"))
    line = "not in the store yet, though the code declares them: tasks.add, nightly; store them: `nuvom schedules sync`"
    until(lambda: line in (declaring.root / "log").read_text())
    assert app.schedules.list() == []
    declaring.call("schedules", "sync")
    services.append(declaring.start("runworker", log="again"))
    until(lambda: len(app.workers.list()) == 2)
    assert "not in the store" not in (declaring.root / "again").read_text()


def test_doctor_fails_on_declared_schedules_that_are_not_stored(declaring: Project, app: Nuvom) -> None:
    app.store.migrate()
    answer = declaring.call("doctor", "--json")
    found = {check["name"]: check for check in answer.json["checks"]}
    assert (answer.code, found["declared"]["level"]) == (1, "fail")
    assert found["declared"]["text"] == "2 schedules declared in code and not in the store: tasks.add, nightly"
    assert "nuvom schedules sync" in found["declared"]["remedy"]
    declaring.call("schedules", "sync")
    assert declaring.call("doctor").code == 0


def test_doctor_fails_on_arguments_that_no_longer_fit_their_task(project: Project, app: Nuvom) -> None:
    app.registry["tasks.add"].options(name="stale").schedule(1, interval=60)
    project.write("tasks.py", TASKS.replace("a: int, b: int = 1", "b: int = 1, *, c: int"))
    answer = project.call("doctor", "--json")
    [found] = [check for check in answer.json["checks"] if check["name"] == "arguments"]
    assert (answer.code, found["level"]) == (1, "fail")
    assert "stale (tasks.add(): missing a required argument: 'c'" in found["text"]


NAIVE = DECLARED.replace("kwargs={", "starts_at=__import__('datetime').datetime(2030, 1, 1), kwargs={")


@pytest.mark.parametrize("words", [["schedules", "sync"], ["run"]], ids=" ".join)
def test_a_declaration_that_the_settings_forbid_is_refused(project: Project, words: list[str]) -> None:
    project.write("tasks.py", NAIVE)
    answer = project.call(*words, NUVOM_NAIVE="error")
    assert answer.code == 1
    assert "starts_at=datetime.datetime(2030, 1, 1, 0, 0): has no time zone, and NUVOM_NAIVE=error" in answer.err


def test_doctor_names_a_declaration_that_the_settings_forbid(project: Project, app: Nuvom) -> None:
    app.store.migrate()
    project.write("tasks.py", NAIVE)
    answer = project.call("doctor", "--json", NUVOM_NAIVE="error")
    [found] = [check for check in answer.json["checks"] if check["name"] == "declared"]
    assert (answer.code, found["level"], "NUVOM_NAIVE=error" in found["text"]) == (1, "fail", True)


def test_run_waits_for_a_store_that_is_locked_and_then_stores_what_is_declared(
    declaring: Project, app: Nuvom, services: Services
) -> None:
    app.store.migrate()
    lock = sqlite3.connect(declaring.file, isolation_level=None)
    try:
        lock.execute("BEGIN IMMEDIATE")
        process = declaring.start("run")
        services.append(process)
        until(lambda: "this process waits for it and goes on by itself" in (declaring.root / "log").read_text())
        assert process.poll() is None
    finally:
        lock.close()
    until(lambda: "declared schedules: created tasks.add, nightly\n" in (declaring.root / "log").read_text())
    assert len(app.schedules.list()) == 2

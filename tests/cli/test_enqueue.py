"""`nuvom jobs enqueue`: what its words mean, and where its task comes from."""

from __future__ import annotations

import pytest

from nuvom import Nuvom
from nuvom._task import task_rows
from tests.cli.conftest import Project


def test_words_are_json_where_they_parse_and_text_where_not(project: Project, shop: str) -> None:
    words = ["1", "2.5", "true", "null", '{"a": [1]}', "plain text", '"7"', "NaN", "01"]
    answer = project.inside("--app", shop, "jobs", "enqueue", "echo", *words, "--kwarg", "key=[1]", "--json")
    assert answer.json["args"] == [1, 2.5, True, None, {"a": [1]}, "plain text", "7", "NaN", "01"]
    assert answer.json["kwargs"] == {"key": [1]}


def test_enqueue_prints_the_id_and_nothing_else(project: Project, shop: str) -> None:
    answer = project.inside("jobs", "enqueue", "add", "1", "--kwarg", "b=2", "--app", shop)
    assert (answer.code, answer.err) == (0, "")
    assert project.inside("jobs", "show", answer.out.strip(), "--json").json["args"] == [1, 2]


def test_queue_priority_and_id_are_the_calls(project: Project, shop: str) -> None:
    words = ["--queue", "high", "--priority", "9", "--id", "order-1", "--json", "--app", shop]
    first = project.inside("jobs", "enqueue", "add", "1", *words).json
    assert (first["queue"], first["priority"], first["metadata"]) == ("high", 9, {"id": "order-1"})
    assert project.inside("jobs", "enqueue", "add", "1", *words).json["id"] == first["id"]
    assert project.inside("stats", "--json").json["queued"] == 1


def test_a_task_without_code_here_is_taken_as_workers_told(project: Project, app: Nuvom) -> None:
    (project.root / "tasks.py").unlink()
    app.store.workers.remember_tasks(task_rows(app.registry))
    answer = project.call("jobs", "enqueue", "tasks.fail", "far away", "--json")
    assert (answer.json["task"], answer.json["queue"]) == ("tasks.fail", "slow")


def test_the_projects_tasks_are_found_without_being_named(project: Project) -> None:
    answer = project.call("jobs", "enqueue", "tasks.add", "41", "--json")
    assert (answer.code, answer.json["args"]) == (0, [41])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["add", "x"], "add() parameter 'a': 'x' is not int"),
        (["add"], "add()"),
        (["add", "1", "2", "3"], "too many positional arguments"),
        (["add", "1", "--kwarg", "c=1"], "add()"),
        (["add", "1", "--kwarg", "b"], "'b' must be KEY=VALUE"),
        (["add", "1", "--kwarg", "=1"], "'=1' must be KEY=VALUE"),
        (["add", "--kwarg", "a=1", "--kwarg", "a=2"], "'a' is given twice"),
        (["add", "1", "--priority", "1001"], "priority=1001 must be between -1000 and 1000"),
        (["add", "1", "--priority", "high"], "--priority"),
        (["add", "1", "--queue", ""], "queue"),
        (["add", "1", "--id", "\x07"], "id"),
    ],
)
def test_what_does_not_fit_the_task_is_a_wrong_use(project: Project, shop: str, words: list[str], message: str) -> None:
    answer = project.inside("--app", shop, "jobs", "enqueue", *words)
    assert (answer.code, answer.out) == (2, "")
    assert message in answer.err
    assert not project.file.exists() or project.inside("stats", "--json").json["queued"] == 0


def test_an_unknown_task_is_named_with_those_that_are_near(project: Project) -> None:
    for said in ("add", "tasks.ad"):
        project.call("migrate")
        answer = project.call("jobs", "enqueue", said, "1")
        assert (answer.code, answer.out) == (1, "")
        assert answer.err.startswith(f"nuvom: no task {said!r} is known to this store; did you mean 'tasks.add'")


def test_the_code_can_be_named(project: Project) -> None:
    (project.root / "tasks.py").rename(project.root / "chores.py")
    assert project.call("jobs", "enqueue", "chores.add", "1", "--tasks", "chores.py").code == 0
    missing = project.call("jobs", "enqueue", "chores.add", "1", "--tasks", "nope.py")
    assert (missing.code, missing.err) == (2, "nuvom: there is no file 'nope.py' to take tasks from\n")


def test_code_that_cannot_be_read_is_shown_and_nothing_is_pushed(project: Project) -> None:
    project.write("tasks.py", "def broken(:\n")
    answer = project.call("jobs", "enqueue", "tasks.add", "1")
    assert answer.code == 1
    assert 'tasks.py", line 1' in answer.err
    assert not project.file.exists()

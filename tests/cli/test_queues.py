"""`nuvom queues list|pause|resume`, and what `jobs show` says of what is held."""

from __future__ import annotations

import pytest

from nuvom import Nuvom
from nuvom._job import TaskDefaults
from nuvom.testing.conformance.examples import a_job, a_worker, claimed, ids
from tests.cli.conftest import Project


@pytest.fixture
def app(app: Nuvom) -> Nuvom:
    """The app on a store that is there."""
    app.store.migrate()
    return app


def test_queues_alone_and_list_say_the_same(project: Project, app: Nuvom) -> None:
    app.registry["tasks.fail"].delay("x")
    alone = project.inside("queues", "--json").json
    assert alone == project.inside("queues", "list", "--json").json
    assert [queue["queue"] for queue in alone] == ["slow"]
    for words in (("--limit", "1"), ("list",), ()):
        header, row = project.inside("queues", *words).out.splitlines()
        assert (header.split()[0], row.split()[0]) == ("queue", "slow")


def test_a_queue_is_paused_shown_and_resumed(project: Project, app: Nuvom) -> None:
    assert project.inside("queues", "pause", "slow", "--note", "the printer burns").out == "queue slow is paused\n"
    [queue] = project.inside("queues", "--json").json
    assert (queue["paused"], queue["note"], bool(queue["since"])) == (True, "the printer burns", True)
    assert "(the printer burns)" in project.inside("queues").out
    assert project.inside("queues", "pause", "slow").out == "queue slow was paused already\n"
    assert project.inside("queues", "resume", "slow", "--json").json == {"queue": "slow", "paused": False}
    assert project.inside("queues", "resume", "slow").out == "queue slow was not paused\n"
    assert project.inside("queues", "--json").json == []


def test_pause_answers_in_json(project: Project, app: Nuvom) -> None:
    answer = project.inside("queues", "pause", "slow", "--json").json
    assert (answer["queue"], answer["paused"], answer["ready"]) == ("slow", True, 0)


def test_a_name_that_no_queue_has_is_refused(project: Project, app: Nuvom) -> None:
    answer = project.inside("queues", "pause", "")
    assert answer.code == 2
    assert "queue" in answer.err


def test_a_held_job_says_how_many_of_its_kind_run(project: Project, app: Nuvom) -> None:
    batch = [a_job(defaults=TaskDefaults(concurrency=2), kin="42") for _ in range(3)]
    app.store.jobs.push(batch)
    claimed(app.store, a_worker(app.store))
    shown = project.inside("jobs", "show", ids(batch)[2]).out
    assert "held: 2 of 2 of tasks.send:42 run" in shown
    fields = project.inside("jobs", "show", ids(batch)[2], "--json").json
    assert (fields["state"], fields["waits_for"], fields["flow"]) == ("held", "flow", "tasks.send:42")


def test_a_held_job_says_when_its_rate_lets_the_next_one_start(project: Project, app: Nuvom) -> None:
    batch = [a_job(defaults=TaskDefaults(rate="1/1h")) for _ in range(2)]
    app.store.jobs.push(batch)
    claimed(app.store, a_worker(app.store))
    shown = project.inside("jobs", "show", ids(batch)[1]).out
    assert "held: tasks.send has used up its rate of 1/1h; the next may start in 1 h" in shown

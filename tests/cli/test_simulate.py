"""`nuvom schedules simulate`: the year ahead in words and as JSON, and as a check that fails."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from nuvom import Nuvom
from tests.cli.conftest import Project


@pytest.fixture
def fleet(app: Nuvom) -> Iterator[Nuvom]:
    """Three nightly crons in Paris that a clock change touches, an interval with an end, and a pause."""
    add = app.registry["tasks.add"]
    for i in range(3):
        add.options(name=f"night-{i}").schedule(i, cron="30 2 * * *", timezone_name="Europe/Paris")
    # At a quarter to each hour: at no time of the day it shares a minute with the nights.
    now = datetime.now(UTC)
    quarter_to = now.replace(minute=45, second=0, microsecond=0)
    starts_at = quarter_to if quarter_to > now else quarter_to + timedelta(hours=1)
    add.options(name="limited", max_runs=10, starts_at=starts_at).schedule(2, interval=3600)
    app.registry["tasks.fail"].options(name="resting").schedule("x", interval=60)
    app.schedules.pause("resting")
    return app


SIMULATE = ("schedules", "simulate")


def test_people_read_runs_busiest_minutes_and_clock_changes(project: Project, fleet: Nuvom) -> None:
    answer = project.inside(*SIMULATE, "--for", "400d")
    lines = [line.rstrip() for line in answer.out.splitlines()]
    assert answer.code == 0
    assert "schedules    4 active schedules" in lines
    assert "not counted  1 paused" in lines
    assert "runs         1,210" in lines
    assert any(line.startswith("dropped") and "by starts_at, ends_at or max_runs" in line for line in lines)
    assert any(line.startswith("3     ") and "night-" in line for line in lines)
    assert any("night-0" in line and "02:30 does not exist on" in line for line in lines)


def test_json_has_every_schedule_and_what_was_left_out(project: Project, fleet: Nuvom) -> None:
    found = project.inside(*SIMULATE, "--for", "30d", "--top", "2", "--json").json
    assert found["runs"] == sum(schedule["runs"] for schedule in found["schedules"]) == 100
    assert {schedule["name"]: schedule["dropped"] for schedule in found["schedules"]}["limited"] == 30 * 24 - 10
    assert [herd["runs"] for herd in found["herds"]] == [3, 3]
    assert found["left_out"] == {"paused": 1}
    assert (found["unreadable"], found["failed"]) == ([], [])


def test_a_forecast_can_be_of_one_task(project: Project, fleet: Nuvom) -> None:
    fleet.schedules.resume("resting")
    found = project.inside(*SIMULATE, "--for", "1h", "--task", "tasks.fail", "--json").json
    assert [(schedule["name"], schedule["runs"]) for schedule in found["schedules"]] == [("resting", 60)]


def test_an_app_foretells_the_same(fleet: Nuvom) -> None:
    found = fleet.schedules.simulate("30d")
    assert found.runs == 100
    assert found.schedules[-1].name == "night-0"


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("herd=2", "--fail-on herd=2: 3 runs begin in the minute of "),
        ("anomaly", "clock changes touch 3 of 4 schedules, such as night-2, night-1, night-0"),
        ("anomaly=made_up", "clock changes touch 3 of 4 schedules"),
        ("dropped", " runs are taken away by bounds"),
    ],
)
def test_what_is_failed_on_is_said_with_exit_code_1(project: Project, fleet: Nuvom, what: str, message: str) -> None:
    for words in ((), ("--json",)):
        answer = project.inside(*SIMULATE, "--fail-on", what, *words)
        assert answer.code == 1
        assert message in answer.err
    assert message in answer.json["failed"][0]


@pytest.mark.parametrize("what", ["herd=3", "anomaly=twice", "unreadable"])
def test_what_is_not_so_does_not_fail(project: Project, fleet: Nuvom, what: str) -> None:
    answer = project.inside(*SIMULATE, "--fail-on", what)
    assert (answer.code, answer.err) == (0, "")


@pytest.mark.parametrize("what", ["herd", "herd=", "herd=-1", "herd=²", "anomaly=", "anomaly=odd", "dropped=1", "rain"])
def test_nothing_else_can_be_failed_on(project: Project, fleet: Nuvom, what: str) -> None:
    answer = project.inside(*SIMULATE, "--fail-on", what)
    assert answer.code == 2
    assert "one of herd=N, anomaly, anomaly=made_up" in " ".join(answer.err.split())


@pytest.mark.parametrize("length", ["banana", "0s", "4000d"])
def test_a_length_that_cannot_be_foretold_is_refused(project: Project, fleet: Nuvom, length: str) -> None:
    answer = project.inside(*SIMULATE, "--for", length)
    assert answer.code == 2
    assert "--for" in answer.err


def test_a_store_without_schedules_has_nothing_ahead(project: Project, app: Nuvom) -> None:
    assert app.schedules.simulate().runs == 0
    assert project.inside(*SIMULATE, "--json").json["schedules"] == []

"""`nuvom schedules`: on the schedule's own clock, in order, and how it ran."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from nuvom import Nuvom
from tests.cli.conftest import Project


@pytest.fixture
def fleet(app: Nuvom) -> Nuvom:
    """A cron in Paris, an interval of an hour and a one-off."""
    add = app.registry["tasks.add"]
    add.options(name="night").schedule(1, cron="0 3 * * *", timezone_name="Europe/Paris")
    add.options(name="hourly").schedule(2, interval=3600)
    add.options(name="remind-42").schedule(3, b=4, in_=timedelta(minutes=10))
    return app


def test_schedules_list_json_is_one_array_newest_first(project: Project, fleet: Nuvom) -> None:
    found = project.inside("schedules", "list", "--json").json
    assert [schedule["name"] for schedule in found] == ["remind-42", "hourly", "night"]
    assert (found[0]["args"], found[0]["kwargs"], found[0]["schedule_type"]) == ([3, 4], {}, "one_off")
    assert found[2]["next_run"] == fleet.schedules.get("night").next_run.isoformat()


def test_schedules_list_shows_the_next_run_on_the_schedules_own_clock(project: Project, fleet: Nuvom) -> None:
    out = project.inside("schedules", "list").out
    [night] = [line for line in out.splitlines() if line.startswith("night")]
    assert re.search(r"in \d+ \w.* 03:00:00 CES?T \(Europe/Paris\)", night)
    [hourly] = [line for line in out.splitlines() if line.startswith("hourly")]
    assert re.search(r"in (59 m|1 h).* UTC .*every 1 h", hourly)


def test_schedules_list_counts_the_open_runs(project: Project, fleet: Nuvom) -> None:
    for _ in range(12):
        fleet.schedules.trigger("hourly")
    found = {each["name"]: each["open_runs"] for each in project.inside("schedules", "list", "--json").json}
    assert found["hourly"] == 12
    assert found["night"] == 0
    [hourly] = [line for line in project.inside("schedules", "list").out.splitlines() if line.startswith("hourly")]
    assert hourly.split()[-1] == "12"


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["--name", "remind-*"], ["remind-42"]),
        (["--task", "tasks.fail"], []),
        (["--state", "paused"], []),
        (["--limit", "1"], ["remind-42"]),
    ],
)
def test_schedules_list_takes_filters_and_a_limit(
    project: Project, fleet: Nuvom, words: list[str], names: list[str]
) -> None:
    assert [s["name"] for s in project.inside("schedules", "list", "--json", *words).json] == names


def test_schedules_show_finds_a_name_an_id_and_the_beginning_of_an_id(project: Project, fleet: Nuvom) -> None:
    night = fleet.schedules.get("night")
    for key in ("night", night.id, night.id[:8]):
        assert project.inside("schedules", "show", key, "--json").json == night.to_dict()
    shown = project.inside("schedules", "show", "night").out
    assert re.search(r"next run +.* 03:00:00 CES?T \(Europe/Paris\), in ", shown)
    assert re.search(r"in UTC +.* 0[12]:00:00 UTC", shown)


def test_schedules_next_lists_the_runs_of_all_in_order(project: Project, fleet: Nuvom) -> None:
    coming = project.inside("schedules", "next", "--for", "150m", "--json").json
    assert [run["schedule_name"] for run in coming if run["schedule_name"] != "night"] == [
        "remind-42",
        "hourly",
        "hourly",
    ]
    times = [datetime.fromisoformat(run["run_at"]) for run in coming]
    assert times == sorted(times)
    assert times[-1] < datetime.now(UTC) + timedelta(minutes=150)


def test_schedules_next_of_one_gives_as_many_runs_as_asked(project: Project, fleet: Nuvom) -> None:
    coming = project.inside("schedules", "next", "hourly", "3", "--json").json
    times = [datetime.fromisoformat(run["run_at"]) for run in coming]
    assert times[0] == fleet.schedules.get("hourly").next_run
    assert [later - earlier for earlier, later in pairwise(times)] == [timedelta(hours=1)] * 2
    assert project.inside("schedules", "next", "remind-42", "3").out.count("remind-42") == 1


def test_schedules_next_of_a_quick_one_costs_no_more_than_its_limit(project: Project, fleet: Nuvom) -> None:
    fleet.registry["tasks.add"].options(name="quick").schedule(1, interval=0.1)
    assert len(project.inside("schedules", "next", "--for", "3650d", "--limit", "50", "--json").json) == 50


def test_schedules_runs_is_the_ledger_with_lateness_and_the_jobs_outcome(project: Project, app: Nuvom) -> None:
    app.registry["tasks.fail"].options(name="backup").schedule("no tape", in_=0)
    app.drain()
    [run] = project.inside("schedules", "runs", "backup", "--json").json
    assert (run["outcome"], run["job_status"]) == ("dispatched", "failed")
    assert 0 <= run["lateness"] < 60
    assert run["job_id"] == app.jobs.list()[0].id
    out = project.inside("schedules", "runs", "backup").out
    assert all(word in out for word in ("dispatched", "failed", run["job_id"], "late by"))


def test_a_schedule_that_was_never_due_has_no_runs(project: Project, fleet: Nuvom) -> None:
    assert project.inside("schedules", "runs", "night", "--json").json == []
    assert project.inside("schedules", "runs", "night").err == "night was never due so far\n"


def test_cancel_ends_a_schedule_and_says_when_there_is_none(project: Project, fleet: Nuvom) -> None:
    assert project.inside("schedules", "cancel", "night").out == "cancelled 1 schedule\n"
    assert fleet.schedules.get("night", None) is None
    answer = project.inside("schedules", "cancel", "night")
    assert answer.code == 1
    assert answer.err.startswith("nuvom: schedule 'night' was cancelled;")


def test_bulk_cancel_of_schedules_is_counted_and_confirmed(project: Project, fleet: Nuvom) -> None:
    fleet.registry["tasks.add"].options(name="remind-43").schedule(3, in_="1h")
    answer = project.inside("schedules", "cancel", "--name", "remind-*")
    assert (answer.code, answer.err) == (2, "nuvom: cancel 2 schedules? say so with --yes; nothing was done\n")
    assert project.inside("schedules", "cancel", "--name", "remind-*", "--yes", "--json").json == {"cancelled": 2}
    assert len(fleet.schedules.list()) == 2


@pytest.mark.parametrize("command", ["show", "next", "runs", "cancel"])
def test_an_unknown_schedule_is_named_with_those_that_are_near(project: Project, fleet: Nuvom, command: str) -> None:
    answer = project.inside("schedules", command, "nihgt")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err == "nuvom: no schedule 'nihgt'; did you mean 'night'?\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["list", "--state", "asleep"], "'asleep' is no state; one of active, paused"),
        (["next", "--for", "banana"], "'banana' is not a duration"),
        (["next", "--for", "999999999999d"], "--for"),
        (["next", "night", "0"], "[N]"),
        (["cancel"], "name one schedule"),
        (["cancel", "night", "--name", "*"], "name one schedule"),
    ],
)
def test_a_wrong_use_is_refused(project: Project, fleet: Nuvom, words: list[str], message: str) -> None:
    answer = project.inside("schedules", *words)
    assert (answer.code, answer.out) == (2, "")
    assert message.strip("[]") in answer.err
    assert len(fleet.schedules.list()) == 3

"""`nuvom schedules why` and `audit`: an answer to read, one for programs, and an exit code."""

from __future__ import annotations

import re

import pytest

from nuvom import Nuvom
from tests.cli.conftest import Project


@pytest.fixture
def ran(app: Nuvom) -> Nuvom:
    app.registry["tasks.fail"].options(name="backup").schedule("no tape", in_=0)
    app.registry["tasks.add"].options(name="report", queue="reports").schedule(1, in_=0)
    app.registry["tasks.add"].options(name="night").schedule(1, cron="0 3 * * *", timezone_name="Europe/Paris")
    return app


def test_why_follows_a_run_to_its_failure(project: Project, ran: Nuvom) -> None:
    ran.drain()
    answer = project.inside("schedules", "why", "backup")
    assert (answer.code, answer.err) == (0, "")
    first, second = answer.out.splitlines()
    assert re.fullmatch(r"backup: 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{3})? UTC", first)
    assert re.match(r"dispatched \d\d:\d\d:\d\d.*, failed .*: ValueError: no tape; see `nuvom jobs show ", second)


def test_why_exits_with_1_where_it_did_not_run(project: Project, ran: Nuvom) -> None:
    answer = project.inside("schedules", "why", "report")
    assert answer.code == 1
    assert "not dispatched yet: no scheduler is alive; start one: `nuvom runscheduler`" in answer.out
    ahead = project.inside("schedules", "why", "night", "tomorrow", "03:00", "--json")
    assert (ahead.code, ahead.json["ran"], ahead.json["verdict"]) == (1, False, "ahead")
    assert ahead.json["timezone_name"] == "Europe/Paris"


def test_why_names_the_queue_that_nobody_serves(project: Project, ran: Nuvom) -> None:
    from nuvom.scheduler.plan import plan
    from nuvom.stores.values import WorkerInfo

    ran.store.schedules.apply(plan(ran.store.schedules.due(ran.now(), 10), ran.now()))
    ran.store.workers.register(WorkerInfo(id="w", kind="worker", host="h", pid=1, version="1", queues=("mail",)))
    answer = project.inside("schedules", "why", "report")
    assert (answer.code, "still queued: no worker serves queue `reports`" in answer.out) == (1, True)


def test_why_is_one_object_for_programs(project: Project, ran: Nuvom) -> None:
    ran.drain()
    found = project.inside("schedules", "why", "report", "last", "--json").json
    assert (found["ran"], found["verdict"], found["schedule_name"]) == (True, "succeeded", "report")
    assert (found["occurrence"]["outcome"], found["job"]["result"]) == ("dispatched", 2)


def test_why_refuses_what_is_no_time_and_escapes_what_steers_a_terminal(project: Project, ran: Nuvom) -> None:
    answer = project.inside("schedules", "why", "night", "soonish")
    assert (answer.code, answer.out) == (2, "")
    assert "'soonish' is no time; write last, next, now, 03:00" in answer.err
    ran.registry["tasks.fail"].options(name="evil").schedule("\x1b[31m", in_=0)
    ran.drain()
    assert "\x1b" not in project.inside("schedules", "why", "evil").out


def test_audit_of_a_good_ledger_exits_with_0(project: Project, ran: Nuvom) -> None:
    ran.drain()
    answer = project.inside("schedules", "audit")
    assert (answer.code, answer.err) == (0, "")
    assert re.search(r"missing +0\ndoubled +0\nunexplained +0\n", answer.out)
    report = project.inside("schedules", "audit", "backup", "--since", "30d", "--json").json
    assert (report["clean"], report["expected"], report["findings"]) == (True, 1, [])


def test_audit_lists_what_it_finds_and_exits_with_1(project: Project, ran: Nuvom) -> None:
    ran.drain()
    ledger: object = ran.store.ledger
    with ledger._database.write(durable=True) as connection:  # type: ignore[attr-defined]
        connection.execute("DELETE FROM occurrences")
    answer = project.inside("schedules", "audit", "backup")
    assert answer.code == 1
    assert re.search(r"missing +1\ndoubled +0\nunexplained +1\n", answer.out)
    assert re.search(r"backup +20\d\d-.* UTC +missing +no row says what became of it", answer.out)
    report = project.inside("schedules", "audit", "backup", "--json")
    assert (report.code, report.json["missing"], report.json["findings"][0]["fault"]) == (1, 1, "missing")
    assert project.inside("schedules", "audit", "--since", "2031-01-01", "--json").json["clean"]


def test_audit_refuses_a_since_that_is_no_time(project: Project, ran: Nuvom) -> None:
    answer = project.inside("schedules", "audit", "--since", "long ago")
    assert (answer.code, "'long ago' is no time" in answer.err) == (2, True)

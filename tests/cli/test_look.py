"""`nuvom queues`, `workers`, `stats`, `health` and `migrate`."""

from __future__ import annotations

import os
import socket
import sqlite3
from contextlib import closing
from uuid import uuid4

import pytest

from nuvom import Nuvom
from nuvom._job import Progress, Report
from nuvom.cli.picture import MOST_QUEUES
from nuvom.stores.values import Claim, WorkerInfo
from nuvom.testing.conformance.examples import HOUR, a_job, pushed
from tests.cli.conftest import Project
from tests.waiting import until


def live(app: Nuvom, kind: str, host: str | None = None) -> str:
    """A process with a lease."""
    info = WorkerInfo(
        id=uuid4().hex, kind=kind, host=host or socket.gethostname(), pid=os.getpid(), version="1", queues=("a", "b")
    )
    app.store.workers.register(info)
    return info.id


def test_stats_json_has_a_count_for_each_status_at_its_top(project: Project, app: Nuvom) -> None:
    app.registry["tasks.add"].map([(1,), (2,)])
    app.registry["tasks.fail"].delay("x")
    stats = project.inside("stats", "--json").json
    statuses = ("queued", "running", "succeeded", "failed", "cancelled", "expired")
    assert [stats[status] for status in statuses] == [3, 0, 0, 0, 0, 0]
    assert {queue["queue"]: queue["ready"] for queue in stats["queues"]} == {"default": 2, "slow": 1}
    assert (stats["workers"], stats["schedulers"]) == (0, 0)
    assert project.inside("stats").out.splitlines()[0].split() == ["queued", "3"]


def test_queues_lists_what_waits(project: Project, app: Nuvom) -> None:
    app.registry["tasks.fail"].delay("x")
    [queue] = project.inside("queues", "--json").json
    assert (queue["queue"], queue["ready"], queue["running"]) == ("slow", 1, 0)
    assert "slow" in project.inside("queues").out


def test_workers_lists_processes_newest_first(project: Project, app: Nuvom) -> None:
    first, second = live(app, "worker"), live(app, "scheduler")
    found = project.inside("workers", "--json").json
    assert [(worker["id"], worker["kind"], worker["alive"]) for worker in found] == [
        (second, "scheduler", True),
        (first, "worker", True),
    ]
    assert found[1]["queues"] == ["a", "b"]
    assert len(project.inside("workers", "--json", "--limit", "1").json) == 1
    assert first in project.inside("workers").out


def test_stats_say_for_each_queue_what_waits_how_long_and_what_ended_lately(project: Project, app: Nuvom) -> None:
    app.registry["tasks.add"].map([(1,), (2,)])
    app.registry["tasks.fail"].delay("x")
    app.drain()
    app.registry["tasks.add"].delay(3)
    pushed(app.store, run_at=app.now() + HOUR)
    until(lambda: project.inside("stats", "--json").json["queues"][0]["oldest_age"] > 0)
    default, slow = project.inside("stats", "--json").json["queues"]
    assert {name: default[name] for name in ("queue", "ready", "delayed", "held", "running")} == {
        "queue": "default", "ready": 1, "delayed": 1, "held": 0, "running": 0,
    }  # fmt: skip
    assert (default["per_minute"], default["succeeded_last_minute"], default["failed_last_hour"]) == (2, 2, 0)
    assert 0 < default["oldest_age"] < 60
    ended = ("per_minute", "succeeded_last_minute", "failed_last_minute", "failed_last_hour", "oldest_age")
    assert (slow["queue"], *(slow[name] for name in ended)) == ("slow", 1, 0, 1, 1, None)
    head, first, second = project.inside("stats").out.splitlines()[-3:]
    assert head.split() == "queue ready delayed held running oldest per minute failed 1m failed 1h".split()
    assert (first.split()[:5], first.split()[-3:]) == (["default", "1", "1", "0", "0"], ["2", "0", "0"])
    assert (second.split()[0], second.split()[-3:]) == ("slow", ["1", "1", "1"])


def test_stats_name_the_queues_that_are_paused(project: Project, app: Nuvom) -> None:
    app.registry["tasks.fail"].delay("x")
    app.queues.pause("slow", "the printer is away")
    [slow] = project.inside("stats", "--json").json["queues"]
    assert (slow["queue"], slow["paused"], slow["ready"]) == ("slow", True, 1)
    assert project.inside("stats").out.splitlines()[-1].startswith("slow (paused)  1 ")


def test_stats_and_top_show_the_queues_with_the_most_jobs_and_say_how_many_more_there_are(
    project: Project, app: Nuvom
) -> None:
    names = [f"q{number:03}" for number in range(MOST_QUEUES + 2)]
    app.store.jobs.push([a_job(queue=name) for name in (*names, names[-1])])
    lines = project.inside("stats").out.splitlines()
    assert lines[-1] == "and 2 queues with no more jobs than these; all of them: nuvom stats --json"
    assert [line.split()[0] for line in lines[-1 - MOST_QUEUES : -1]] == [*names[: MOST_QUEUES - 1], names[-1]]
    assert [queue["queue"] for queue in project.inside("stats", "--json").json["queues"]] == names
    frame = project.inside("top", "--once").out
    assert "and 2 queues with no more jobs than these" in frame
    assert names[-2] not in frame


def working(app: Nuvom) -> tuple[str, str]:
    """A process that runs a job which said how far it is; returns the ids of both."""
    worker = live(app, "worker")
    handle = app.registry["tasks.add"].delay(1)
    [job] = app.job_store.claim(Claim(worker, 10))
    progress = Progress(40, 100, "reading", app.now())
    app.job_store.report(worker, [Report(job.ref, job.attempt, progress)])
    return worker, handle.id


def test_workers_say_what_each_process_runs_and_how_far_it_is(project: Project, app: Nuvom) -> None:
    idle = live(app, "scheduler")
    worker, job_id = working(app)
    app.registry["tasks.add"].delay(2)
    found = {process["id"]: process for process in project.inside("workers", "--json").json}
    assert found[idle]["jobs"] == []
    [job] = found[worker]["jobs"]
    assert (job["id"], job["task"], job["queue"], job["attempt"]) == (job_id, "tasks.add", "default", 1)
    assert (job["progress"]["done"], job["progress"]["total"], job["progress"]["note"]) == (40, 100, "reading")
    assert job["started_at"]
    line = project.inside("workers").out.splitlines()[-1]
    assert line.startswith(f"{job_id}  tasks.add  1 ")
    assert line.rstrip().endswith(f"{socket.gethostname()}:{os.getpid()}  40/100 (40%) reading")


def test_running_jobs_are_listed_without_the_others(project: Project, app: Nuvom) -> None:
    _, job_id = working(app)
    app.registry["tasks.add"].delay(2)
    [job] = project.inside("jobs", "list", "--status", "running", "--json").json
    assert job["id"] == job_id
    assert project.inside("jobs", "list", "--status", "running", "--task", "tasks.fail", "--json").json == []


def test_health_asks_for_a_service_on_this_host(project: Project, app: Nuvom) -> None:
    live(app, "worker")
    live(app, "scheduler", host="elsewhere")
    assert project.inside("health").out == "ok: the store answers\n"
    assert project.inside("health", "--worker").code == 0
    answer = project.inside("health", "--worker", "--scheduler")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err == f"nuvom: no scheduler lives on {socket.gethostname()}; 1 on other hosts\n"


def test_health_json_says_what_lives(project: Project, app: Nuvom) -> None:
    live(app, "worker")
    assert project.inside("health", "--worker", "--json").json["worker"] == 1
    answer = project.inside("health", "--scheduler", "--json")
    assert (answer.code, answer.json["healthy"], answer.json["scheduler"]) == (1, False, 0)


def test_health_can_ask_that_no_job_waits_too_long(project: Project, app: Nuvom) -> None:
    pushed(app.store, queue="mail", run_at=app.now() - HOUR)
    pushed(app.store, run_at=app.now() + HOUR)
    assert project.inside("health", "--longest-wait", "2h").out == "ok: the store answers\n"
    answer = project.inside("health", "--longest-wait", "30m")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err == "nuvom: jobs wait for more than 30m in mail; see `nuvom stats` and `nuvom workers`\n"
    said = project.inside("health", "--longest-wait", "30m", "--json")
    assert (said.code, said.json["healthy"], said.json["late_queues"]) == (1, False, ["mail"])
    assert project.inside("health", "--longest-wait", "soon").code == 2
    app.queues.pause("mail")
    assert project.inside("health", "--longest-wait", "30m").code == 0, "those are meant to wait"


def test_migrate_makes_the_store_and_then_has_nothing_to_do(project: Project) -> None:
    first = project.inside("migrate", "--json").json
    assert project.file.exists()
    assert (first["applied"][0], first["schema"]) == ("0001_core", len(first["applied"]))
    assert project.inside("migrate", "--json").json["applied"] == []
    assert "nothing to do" in project.inside("migrate").out


def test_migrate_says_what_it_would_do_and_makes_nothing(project: Project) -> None:
    said = project.inside("migrate", "--dry-run")
    assert (said.code, said.err) == (0, "")
    assert "0001_core" in said.out
    assert project.inside("migrate", "--dry-run", "--json").json["pending"][0] == "0001_core"
    assert not project.file.exists()


def test_the_sql_of_migrate_makes_what_migrate_makes(project: Project) -> None:
    script = project.inside("migrate", "--sql")
    assert (script.code, script.err) == (0, "")
    assert not project.file.parent.exists()
    project.file.parent.mkdir()
    with closing(sqlite3.connect(project.file)) as connection:
        connection.executescript(script.out)
        by_hand = connection.execute("SELECT sql FROM sqlite_schema ORDER BY name").fetchall()
    assert "nothing to do" in project.inside("migrate").out
    assert "lacks nothing" in project.inside("migrate", "--sql").out
    project.file.unlink()
    project.inside("migrate")
    with closing(sqlite3.connect(project.file)) as connection:
        assert connection.execute("SELECT sql FROM sqlite_schema ORDER BY name").fetchall() == by_hand


def test_where_nobody_else_may_make_tables_the_command_is_named(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUVOM_AUTO_MIGRATE", "no")
    refused = project.inside("jobs", "enqueue", "tasks.add", "1")
    assert (refused.code, project.file.exists()) == (1, False)
    assert "NUVOM_AUTO_MIGRATE is off: run `nuvom migrate`" in refused.err
    project.file.parent.mkdir()
    project.file.touch()
    assert "lacks tables of this release: run `nuvom migrate`" in project.inside("stats").err
    assert project.inside("migrate").code == 0
    assert project.inside("jobs", "enqueue", "tasks.add", "1").code == 0

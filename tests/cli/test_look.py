"""`nuvom queues`, `workers`, `stats`, `health` and `migrate`."""

from __future__ import annotations

import os
import socket
from uuid import uuid4

from nuvom import Nuvom
from nuvom.stores.values import WorkerInfo
from tests.cli.conftest import Project, quiet_cpu


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


def test_health_costs_less_than_three_tenths_of_a_second_of_cpu(project: Project, app: Nuvom) -> None:
    live(app, "worker")
    assert quiet_cpu(project, "health", "--worker") < 0.3


def test_migrate_makes_the_store_and_then_has_nothing_to_do(project: Project) -> None:
    first = project.inside("migrate", "--json").json
    assert project.file.exists()
    assert (first["applied"][0], first["schema"]) == ("0001_core", len(first["applied"]))
    assert project.inside("migrate", "--json").json["applied"] == []
    assert "nothing to do" in project.inside("migrate").out

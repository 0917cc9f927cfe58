"""Twenty processes that start at once on one file and say the same schedules: each is there once, and none moves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import pytest

from nuvom import Nuvom, ScheduleEnvelope

pytestmark = pytest.mark.timeout(300)  # forty processes import Nuvom, beside whatever else runs here

PROCESSES = 20
MANY = 50
STARTING = dedent("""
    import sys
    from nuvom import Nuvom, every

    app = Nuvom(sys.argv[1])

    @app.task(name="tick")
    def tick(number: int = 0) -> None: ...

    for n in range(50):
        every(3600 + n, name=f"declared-{n}", args=(n,))(tick)

    print("ready", flush=True)
    sys.stdin.read()
    changed = len(app.schedules.sync().changes)
    for n in range(50):
        tick.options(name=f"named-{n}").schedule(n, interval=3600 + n)
        tick.schedule(n, cron=f"{n} 3 * * *", timezone_name="Europe/Paris")
    print(changed)
    app.close()
""")


class Swarm(NamedTuple):
    """What twenty processes left behind: schedules by id, and how many each stored of those that are declared."""

    schedules: dict[str, ScheduleEnvelope]
    changed: list[int]
    errors: str


def start(url: str) -> Swarm:
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", STARTING, url],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(PROCESSES)
    ]  # fmt: skip
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.communicate()
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    answers = [process.communicate(timeout=250) for process in processes]
    with Nuvom(url) as app:
        stored = {schedule.id: schedule for schedule in app.schedules.list(limit=10 * MANY)}
    return Swarm(stored, [int(out or -1) for out, _ in answers], "".join(err for _, err in answers))


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder: Path = tmp_path_factory.mktemp("starting")
    return f"sqlite:///{folder}/nuvom.db"


@pytest.fixture(scope="module")
def first(url: str) -> Swarm:
    return start(url)


def test_twenty_processes_that_say_the_same_names_make_each_once_without_an_error(first: Swarm) -> None:
    assert first.errors == ""
    named = [schedule.name for schedule in first.schedules.values() if (schedule.name or "").startswith("named-")]
    assert sorted(named, key=str) == sorted(f"named-{n}" for n in range(MANY))


def test_twenty_processes_that_make_the_same_unnamed_calls_make_each_once(first: Swarm) -> None:
    assert sorted(s.args[0] for s in first.schedules.values() if s.name is None) == list(range(MANY))


def test_twenty_syncs_at_once_store_each_declaration_once(first: Swarm) -> None:
    declared = [schedule for schedule in first.schedules.values() if schedule.origin == "code"]
    assert sorted(schedule.args[0] for schedule in declared) == list(range(MANY))
    assert sum(first.changed) == MANY


def test_none_is_changed_by_those_who_say_it_after_the_first(first: Swarm) -> None:
    assert len(first.schedules) == 3 * MANY
    assert all(schedule.updated_at == schedule.created_at for schedule in first.schedules.values())


def test_a_restart_of_all_moves_no_next_run(first: Swarm, url: str) -> None:
    again = start(url)
    assert again.errors == ""
    assert again.changed == [0] * PROCESSES
    assert again.schedules == first.schedules

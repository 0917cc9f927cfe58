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
    from nuvom import Nuvom, StoreBusy, every

    app = Nuvom(sys.argv[1])

    @app.task(name="tick")
    def tick(number: int = 0) -> None: ...

    for n in range(50):
        every(3600 + n, name=f"declared-{n}", args=(n,))(tick)

    def told(call):
        # A disk that is busy with other tests may keep one of twenty waiting for longer than a caller waits.
        while True:
            try:
                return call()
            except StoreBusy:
                pass

    print("ready", flush=True)
    sys.stdin.read()
    changed = len(told(app.schedules.sync).changes)
    for n in range(50):
        told(lambda: tick.options(name=f"named-{n}").schedule(n, interval=3600 + n))
        told(lambda: tick.schedule(n, cron=f"{n} 3 * * *", timezone_name="Europe/Paris"))
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


def test_what_twenty_processes_say_at_their_start_is_there_once_and_a_restart_moves_nothing(tmp_path: Path) -> None:
    """One test and not one for each kind: forty processes are enough."""
    url = f"sqlite:///{tmp_path}/nuvom.db"
    first = start(url)
    assert first.errors == ""
    stored = first.schedules.values()
    assert sorted(s.args[0] for s in stored if (s.name or "").startswith("named-")) == list(range(MANY))
    assert sorted(s.args[0] for s in stored if s.name is None) == list(range(MANY))
    assert sorted(s.args[0] for s in stored if s.origin == "code") == list(range(MANY))
    assert len(stored) == 3 * MANY
    assert 0 < sum(first.changed) <= MANY
    assert all(schedule.updated_at == schedule.created_at for schedule in stored)
    again = start(url)
    assert again.errors == ""
    assert again.changed == [0] * PROCESSES
    assert again.schedules == first.schedules

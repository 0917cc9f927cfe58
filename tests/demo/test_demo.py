"""The demo as a new user starts it: real services, really killed, and nothing left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import psutil
import psycopg
import pytest
import redis

from nuvom import ScheduleEnvelope, ScheduleType

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "json_backend"
DEMO = [sys.executable, "-m", "nuvom", "demo"]


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    """Where the demo makes its folder; no process that works in there may outlive the test."""
    yield tmp_path
    for process in living(tmp_path):
        process.kill()


def living(scratch: Path) -> list[psutil.Process]:
    """The processes of the demos of this test: each carries its TMPDIR."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("TMPDIR") == str(scratch) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def nobody_left(scratch: Path) -> bool:
    """Whether all of them end: what was sent a SIGKILL needs a moment."""
    deadline = time.monotonic() + 5
    while living(scratch) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not living(scratch)


def environment(scratch: Path) -> dict[str, str]:
    """The variables of somebody whose project uses another store: the demo must not touch it."""
    return {**os.environ, "TMPDIR": str(scratch), "NUVOM_URL": "sqlite:////nowhere/at/all.db", "NO_COLOR": "1"}


@pytest.mark.timeout(300)  # on a busy machine its processes start slowly
@pytest.mark.parametrize(
    ("place", "servers"),
    [
        ("one fresh SQLite file", {}),
        ("one fresh SQLite file", {"NUVOM_SCHEDULER": "backend"}),
        ("one fresh schema in PostgreSQL", {"NUVOM_URL": "postgres_server"}),
        ("one fresh prefix on Redis", {"NUVOM_URL": "redis_server"}),
        (
            "one fresh prefix on Redis for jobs and one fresh schema in PostgreSQL for schedules",
            {"NUVOM_URL": "redis_server", "NUVOM_SCHEDULER": "postgres_server"},
        ),
    ],
)
def test_the_demo_accounts_for_everything_and_cleans_up(
    scratch: Path, place: str, servers: dict[str, str], request: pytest.FixtureRequest
) -> None:
    found = {name: request.getfixturevalue(server) for name, server in servers.items()}
    backend = next((each for each in found.values() if isinstance(each, Backend)), None)
    urls = {name: each for name, each in found.items() if isinstance(each, str)}
    variables = environment(scratch) | (backend.variables if backend else urls)
    cwd = backend.project if backend else scratch
    done = subprocess.run(DEMO, cwd=cwd, env=variables, capture_output=True, text=True, timeout=240, check=False)
    assert f"share {place}. They" in done.stdout
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    assert len(re.findall(r"KILL -9 +(worker|scheduler) \d", done.stdout)) == 3
    assert re.search(r"again +slow .*attempt 2, \d+\.\d s after the kill", done.stdout)
    assert re.search(r"skip +report +due .*: a run is still open", done.stdout)
    assert re.search(r"coalesce +cron +due .*: a newer one is due", done.stdout)
    assert re.search(r"catch up +tick +due .* s late, on worker \d", done.stdout)
    assert re.search(r"failed +hung +timeout: it ran for longer than its timeout of 1 s", done.stdout)
    assert re.search(r"failed +poison +crash: 2 processes died while they ran it", done.stdout)
    assert re.search(r"good +20 of 20 succeeded, 0 crashes were charged to them", done.stdout)
    total = re.search(r"^total +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) ", done.stdout, re.MULTILINE)
    assert total
    due, run, skipped, coalesced, missed, doubled, caught_up, again = map(int, total.groups())
    assert due == run + skipped + coalesced
    assert due > 10
    assert min(skipped, coalesced, caught_up, again) >= 1
    assert (missed, doubled) == (0, 0)
    assert_answered(done.stdout)
    assert "Everything is accounted for" in done.stdout
    assert list(scratch.iterdir()) == []
    assert nobody_left(scratch)
    assert [left_behind(each) for each in urls.values()] == [[]] * len(urls)
    assert ("The schedules are in mine:Backend, which has five methods" in done.stdout) == (backend is not None)
    assert backend is None or json.loads(backend.file.read_text()) == {}, "the demo cancels what it scheduled"


class Backend(NamedTuple):
    """A project whose own class keeps its schedules: the example backend, with a file that is not the demo's."""

    project: Path
    file: Path

    @property
    def variables(self) -> dict[str, str]:
        return {"NUVOM_SCHEDULER": "mine:Backend", "PYTHONPATH": str(EXAMPLE)}


@pytest.fixture
def backend(tmp_path_factory: pytest.TempPathFactory) -> Backend:
    project = tmp_path_factory.mktemp("project")
    (project / "pyproject.toml").touch()
    file = project / "kept.json"
    (project / "mine.py").write_text(
        "from json_backend import JsonBackend\n"
        "class Backend(JsonBackend):\n"
        f"    def __init__(self): super().__init__({str(file)!r})\n"
    )
    return Backend(project, file)


def test_a_backend_that_holds_schedules_is_refused_and_left_as_it_is(
    scratch: Path, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(EXAMPLE)
    from json_backend import JsonBackend

    at = datetime(2030, 1, 1, tzinfo=UTC)
    JsonBackend(backend.file).enqueue(
        ScheduleEnvelope(
            id="x", name="billing", task="t", schedule_type=ScheduleType.ONE_OFF, at=at, next_nominal=at, next_run=at
        )
    )
    before = backend.file.read_bytes()
    variables = environment(scratch) | backend.variables
    done = subprocess.run(DEMO, cwd=backend.project, env=variables, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "nuvom: NUVOM_SCHEDULER='mine:Backend' holds schedules (the earliest is billing), and the demo would run them: "
        "give it an empty backend\n"
    )
    assert backend.file.read_bytes() == before
    assert list(scratch.iterdir()) == []


def test_a_backend_that_cannot_be_loaded_is_said_and_nothing_is_left(scratch: Path) -> None:
    variables = environment(scratch) | {"NUVOM_SCHEDULER": "nowhere:Backend"}
    done = subprocess.run(DEMO, cwd=scratch, env=variables, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("nuvom: NUVOM_SCHEDULER='nowhere:Backend': there is no module 'nowhere'")
    assert list(scratch.iterdir()) == []


def left_behind(url: str) -> Sequence[object]:
    """Return what is named like a demo's own place on a server."""
    if url.startswith("redis"):
        with closing(redis.Redis.from_url(url)) as client:
            return list(client.scan_iter("{nuvom_demo*"))
    with closing(psycopg.connect(url)) as connection:
        return connection.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'nuvom_demo%'").fetchall()


def assert_answered(said: str) -> None:
    """`why` was asked about a skipped time, a coalesced one and one that was caught up, and answered each."""
    answers = dict(re.findall(r"^\$ nuvom schedules why (\w+) .*\n((?:  .+\n)+)", said, re.MULTILINE))
    assert "not run (skipped overlap): overlap=skip: an earlier run was still open" in answers["report"]
    assert "not run (coalesced): catch_up=latest runs the newest of those due together" in answers["cron"]
    assert "late, succeeded" in answers["tick"]
    assert [re.findall(r"exit code \d", answers[name]) for name in ("report", "cron", "tick")] == [
        ["exit code 1"],
        ["exit code 1"],
        ["exit code 0"],
    ]


@pytest.mark.parametrize(
    ("number", "moment"),
    [(signal.SIGTERM, "worker 2: "), (signal.SIGINT, "KILL -9"), (signal.SIGTERM, "nobody schedules now")],
)
def test_a_demo_that_is_interrupted_leaves_nothing_behind(scratch: Path, number: signal.Signals, moment: str) -> None:
    with subprocess.Popen(DEMO, env=environment(scratch), stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout
        assert any(moment in line for line in demo.stdout)
        demo.send_signal(number)
        assert demo.wait(30) == 128 + number
    assert list(scratch.iterdir()) == []
    assert nobody_left(scratch)


def test_its_folder_is_kept_where_that_is_asked_for(scratch: Path) -> None:
    command = [*DEMO, "--keep"]
    with subprocess.Popen(command, env=environment(scratch), stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout
        assert any("worker 2: " in line for line in demo.stdout)
        demo.send_signal(signal.SIGTERM)
        said = demo.stdout.read()
    [folder] = scratch.iterdir()
    assert f"Kept: {folder}" in said
    assert (folder / "demo.db").is_file()
    assert nobody_left(scratch)


def test_a_demo_that_nobody_reads_on_leaves_nothing_behind(scratch: Path) -> None:
    with subprocess.Popen(DEMO, env=environment(scratch), stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout
        assert any("worker 2: " in line for line in demo.stdout)
        demo.stdout.close()
        demo.wait(30)
    assert list(scratch.iterdir()) == []
    assert nobody_left(scratch)


def test_a_service_that_does_not_start_is_a_failure_that_shows_its_log(scratch: Path) -> None:
    with subprocess.Popen(DEMO, env=environment(scratch), stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout
        pid = next(int(found[1]) for line in demo.stdout if (found := re.search(r"worker 1: .*pid (\d+)", line)))
        os.killpg(pid, signal.SIGKILL)
        said = demo.stdout.read()
        assert demo.wait(30) == 1
    assert "worker 1 ended by itself with exit code -9" in said
    assert "the end of worker-1.log" in said
    [folder] = scratch.iterdir()
    assert f"kept in {folder}" in said
    assert (folder / "demo.db").is_file()
    assert nobody_left(scratch)


def test_a_store_of_ones_own_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nuvom", "--url", "sqlite:///x.db", "demo"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "--url: the demo makes a store and tasks of its own" in done.stderr

"""Every bench at a tiny size, with real services: it finds its figures and leaves nothing behind."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from bench.__main__ import main, measured
from bench.catalogue import BENCHES, ONLY_BY_NAME
from bench.postgres.everything import PARTS as POSTGRES
from bench.redis.everything import PARTS as REDIS

ROOT = Path(__file__).resolve().parents[2]
TINY = 0.001

FIGURES = {
    "enqueue": {"enqueue-single", "enqueue-bulk"},
    "drain": {"drain-1", "drain-2"},
    "latency": {"latency-p50", "latency-p99", "latency-call-p50", "idle-cpu-worker", "idle-cpu-scheduler"},
    "herd": {"herd-p50", "herd-p99"},
    "plan": {"plan"},
    "dispatch": {"dispatch"},
    "million": {"million-next-due", "million-cpu", "million-rss"},
    "claim": {"claim-among-many"},
    "held": {"claim-beside-held", "claim-limited"},
    "async": {"async"},
    "start": {"import", "help", "health"},
    "cron": {"cron-often-utc", "cron-often-paris", "cron-weekly-utc", "cron-weekly-paris", "cron-new"},
    "postgres enqueue": {"pg-enqueue-single", "pg-enqueue-bulk"},
    "postgres notify": {"pg-notify"},
    "postgres drain": {"pg-drain-1", "pg-drain-2"},
    "postgres latency": {
        "pg-latency-p50", "pg-latency-p99", "pg-latency-call-p50",
        "pg-idle-cpu-worker", "pg-idle-queries-worker", "pg-idle-cpu-scheduler", "pg-idle-queries-scheduler",
    },
    "postgres herd": {"pg-herd-p50", "pg-herd-p99"},
    "postgres dispatch": {"pg-dispatch", "pg-dispatch-2"},
    "postgres million": {"pg-million-next-due", "pg-million-cpu", "pg-million-rss"},
    "postgres claim": {"pg-claim-among-many", "pg-claim-analyzed"},
    "redis enqueue": {"redis-enqueue-single", "redis-enqueue-bulk"},
    "redis drain": {"redis-drain-1", "redis-drain-2"},
    "redis latency": {
        "redis-latency-p50", "redis-latency-p99", "redis-latency-call-p50",
        "redis-idle-cpu-worker", "redis-idle-cpu-scheduler",
    },
    "redis herd": {"redis-herd-p50", "redis-herd-p99"},
    "redis dispatch": {"redis-dispatch"},
    "redis million": {"redis-million-next-due", "redis-million-cpu", "redis-million-rss"},
    "redis claim": {"redis-claim-among-many"},
    "redis memory": {"redis-memory-job", "redis-memory-schedule"},
}  # fmt: skip
MAY_BE_NOTHING = {"idle-cpu-worker", "idle-cpu-scheduler", "million-cpu", "import"}
MAY_BE_NOTHING |= {f"{engine}-{name}" for engine in ("pg", "redis") for name in MAY_BE_NOTHING}
MAY_BE_NOTHING |= {"pg-idle-queries-worker", "pg-idle-queries-scheduler"}
MAY_BE_NOTHING |= {"pg-latency-p50", "redis-latency-p50"}  # a job may start before the call that pushed it returns
PARTS = {f"postgres {part}": bench for part, bench in POSTGRES.items()}
PARTS |= {f"redis {part}": bench for part, bench in REDIS.items()}


def test_the_list_of_figures_here_is_complete() -> None:
    assert set(FIGURES) == set(BENCHES) - {"postgres", "redis"} - ONLY_BY_NAME | set(PARTS)


@pytest.mark.parametrize("name", FIGURES)
def test_a_bench_finds_its_figures_and_leaves_nothing_behind(
    name: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = request.getfixturevalue(f"{name.split(maxsplit=1)[0]}_server") if name in PARTS else ""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = psutil.Process().children()
    measuring = PARTS[name](server, TINY) if server else measured([name], TINY)
    found = {figure.name: figure for figure in measuring}
    assert set(found) == FIGURES[name]
    assert [each for each, figure in found.items() if figure.nuvom <= 0 and each not in MAY_BE_NOTHING] == []
    assert [each for each, figure in found.items() if figure.raw is not None and figure.raw <= 0] == []
    assert list(tmp_path.iterdir()) == []
    assert psutil.Process().children() == before  # the server of the tests is one of them, and its sessions come and go
    left = [process.name() for process in psutil.Process().children(recursive=True)]
    assert [process for process in left if process not in ("postgres", "valkey-server")] == []


def test_the_command_prints_json_of_the_benches_that_were_named() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "start", "enqueue", "--json", "--scale", str(TINY)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert list(json.loads(done.stdout)) == ["import", "help", "health", "enqueue-single", "enqueue-bulk"]


def test_the_command_prints_a_line_for_each_figure(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["start", "--scale", "0.1"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["figure", "import", "help", "health"]


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["--scale", "0"], ["--scale", "-1"], ["--scale", "nan"], ["--what"]]
)
def test_the_command_refuses_what_it_does_not_know(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert arguments[-1] in capsys.readouterr().err

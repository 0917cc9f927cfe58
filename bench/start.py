"""What it costs to begin: `import nuvom`, `nuvom --help`, and a probe's `nuvom health`, in CPU time."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.figures import Figure, at_most
from bench.stage import environment
from bench.timing import in_turns

TURNS = 7


def start(scale: float) -> Iterator[Figure]:
    turns = max(1, int(TURNS * min(scale, 1.0)))
    python = [sys.executable, "-c"]
    with_nuvom, bare = in_turns(lambda: _cpu([*python, "import nuvom"]), lambda: _cpu([*python, "pass"]), turns)
    yield Figure(
        name="import",
        nuvom=1_000 * (with_nuvom - bare),
        raw=1_000 * bare,
        unit="ms",
        target=at_most(60),
        what="CPU of `import nuvom`, without the bare interpreter's; raw: that",
    )
    script = str(Path(sys.executable).with_name("nuvom"))
    helped, bare = in_turns(lambda: _cpu([script, "--help"]), lambda: _cpu([*python, "pass"]), turns)
    yield Figure(
        name="help",
        nuvom=helped,
        raw=bare,
        unit="s",
        target=at_most(0.25),
        what="CPU of `nuvom --help`; raw: bare Python",
    )
    with tempfile.TemporaryDirectory() as folder:
        probe = [script, "--url", f"sqlite:///{folder}/nuvom.db"]
        _cpu([*probe, "migrate"])
        asked, bare = in_turns(lambda: _cpu([*probe, "health"]), lambda: _cpu([*python, "pass"]), turns)
    yield Figure(
        name="health",
        nuvom=asked,
        raw=bare,
        unit="s",
        target=at_most(0.3),
        what="CPU of `nuvom health`; raw: bare Python",
    )


def _cpu(command: Sequence[str]) -> float:
    """The CPU seconds of a process from its start to its end (wait4(2))."""
    process = subprocess.Popen(command, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command} ended with exit code {process.returncode}")
    return usage.ru_utime + usage.ru_stime

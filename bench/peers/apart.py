"""Peers apart: each is installed in an environment of its own for as long as it is measured there."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.figures import Figure, share
from bench.stage import environment

INSTALLING = 600.0  # seconds
MEASURING = 900.0


class Peer(NamedTuple):
    """A queue: how people call it, what pip calls it, and the settings at which it is measured."""

    name: str
    packages: tuple[str, ...]
    settings: str

    @property
    def module(self) -> str:
        return f"bench.peers.with_{self.name.lower()}"


class LeftOut(Exception):
    """A peer cannot be measured here; says why in one line."""


def measured(peer: Peer, url: str, jobs: int, *more: str) -> dict[str, float]:
    """Install a peer, with more packages, and let it measure itself on a server.

    Raises:
        LeftOut: it cannot be had, or fails.
    """
    with tempfile.TemporaryDirectory(prefix="nuvom-peer-") as folder:
        python = _installed([*peer.packages, *more], Path(folder))
        return said(_run([python, "-m", peer.module, url, str(jobs)], MEASURING))


def figures(peer: Peer, ours: Mapping[str, float], theirs: Mapping[str, float], times: float) -> Iterator[Figure]:
    """Ours beside theirs: draining, which is to be `times` as fast, and pushing by single calls and by a thousand."""
    for part, what in (
        ("drain", "no-op jobs, one worker process"),
        ("single", "one call a job"),
        ("bulk", "1,000 by a call"),
    ):
        yield Figure(
            name=f"peer-{peer.name.lower()}-{part}",
            nuvom=ours[part],
            raw=theirs[part],
            unit="/s",
            target=share(times) if part == "drain" else None,
            what=f"{what}; raw: {peer.name}, {peer.settings}",
        )


def said(done: subprocess.CompletedProcess[str]) -> dict[str, float]:
    """What a peer's process found: the last line of what it printed.

    Raises:
        LeftOut: it failed, or what it printed is no finding.
    """
    if done.returncode:
        raise LeftOut(reason(done.stderr) or f"exit code {done.returncode}")
    try:
        found = json.loads(done.stdout.splitlines()[-1])
        return {part: float(found[part]) for part in ("drain", "single", "bulk")}
    except (IndexError, KeyError, TypeError, ValueError):
        raise LeftOut(f"it printed {done.stdout[-100:]!r}") from None


def reason(errors: str) -> str:
    """The line of pip's or Python's errors that says what is wrong."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    of_pip = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return (of_pip or lines or [""])[-1]


def _installed(packages: Sequence[str], folder: Path) -> str:
    """Make an environment of the peer's own and return its Python."""
    python = str(folder / "bin" / "python")
    for command in (
        [sys.executable, "-m", "venv", str(folder)],
        [python, "-m", "pip", "install", "--quiet", *packages],
    ):
        done = _run(command, INSTALLING)
        if done.returncode:
            raise LeftOut(reason(done.stderr) or reason(done.stdout))
    return python


def _run(command: Sequence[str], seconds: float) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise LeftOut(f"it took longer than {seconds:.0f} s") from None

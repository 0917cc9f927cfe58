"""What the acts of the demo share: its store, its processes, the tasks' file, and the waiting that shows what runs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from nuvom._app import Nuvom
from nuvom.cli.demo.account import Run
from nuvom.cli.demo.interruptions import Interruptions
from nuvom.cli.demo.screen import Screen
from nuvom.cli.demo.services import Service

_GLANCE = 0.02  # seconds between two looks


class DemoFailed(Exception):
    """The story cannot go on; the message says what did not happen."""


@dataclass(slots=True)
class Stage:
    """What the acts share."""

    app: Nuvom
    url: str
    folder: Path
    screen: Screen
    interruptions: Interruptions
    services: list[Service] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)  # lines of the tasks' file that were read
    killed_at: float | None = None  # when the worker was killed, in seconds since 1970
    _read: int = 0
    _homes: dict[int, str] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        """The file that the tasks write."""
        return self.folder / "runs.jsonl"

    def wait(self, done: Callable[[], bool], within: float, what: str) -> None:
        """Show what runs until `done`; raises DemoFailed when that takes longer, or when a service ended."""
        if not self.passes(done, within):
            raise DemoFailed(f"{what}: not within {within:.0f} s")

    def passes(self, done: Callable[[], bool], within: float) -> bool:
        """Show what runs until `done`; False when that takes longer than `within` seconds."""
        deadline = time.monotonic() + within
        while not done():
            if time.monotonic() > deadline:
                return False
            self.look()
            time.sleep(_GLANCE)
        self.look()
        return True

    def go_on(self, seconds: float) -> None:
        """Show what runs for some time."""
        end = time.monotonic() + seconds
        self.passes(lambda: time.monotonic() >= end, seconds + 1)

    def look(self) -> None:
        """Show the runs since the last look."""
        self.interruptions.check()
        for service in self.services:
            if not service.stopping and service.ended() is not None:
                raise DemoFailed(f"{service.name} ended by itself with exit code {service.ended()}")
        for run in self._new_runs():
            self.runs.append(run)
            self.screen.run(run, self._home(run.pid), self.killed_at)

    def _new_runs(self) -> list[Run]:
        if not self.file.exists():
            return []
        with self.file.open("rb") as file:
            file.seek(self._read)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        return [_parsed(line) for line in whole.splitlines()]

    def _home(self, pid: int) -> str:
        if pid not in self._homes:
            holders = [service.name for service in self.services if service.holds(pid)]
            self._homes[pid] = holders[0] if holders else f"process {pid}"
        return self._homes[pid]


def _parsed(line: bytes) -> Run:
    said = json.loads(line)
    nominal = said.pop("nominal")
    return Run(
        **said | {"started": datetime.fromtimestamp(said["started"], UTC)},
        nominal=datetime.fromisoformat(nominal) if nominal else None,
    )

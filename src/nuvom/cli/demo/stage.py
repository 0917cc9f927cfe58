"""What the acts of the demo share: store, processes, the tasks' file, and the waiting that shows what happens."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nuvom._app import Nuvom
from nuvom._schedule import Occurrence, OccurrenceOutcome
from nuvom.cli.demo.evidence import Gap, Promise, Run
from nuvom.cli.demo.interruptions import Interruptions
from nuvom.cli.demo.screen import Screen
from nuvom.cli.demo.services import Service

_GLANCE = 0.02  # seconds between two looks at the tasks' file
_LEDGER = 0.2  # seconds between two looks at the ledger
_NEWEST = 100  # rows of a schedule that a look at the ledger sees


class DemoFailed(Exception):
    """The story cannot go on; the message says what did not happen."""


@dataclass(slots=True)
class Stage:
    """What the acts share."""

    app: Nuvom
    variables: Mapping[str, str]  # for who works on its store
    folder: Path
    screen: Screen
    interruptions: Interruptions
    services: list[Service] = field(default_factory=list)
    schedules: list[Promise] = field(default_factory=list)  # those whose ledger is looked at
    dropped: list[Occurrence] = field(default_factory=list)  # rows of those that were not run, as they were seen
    killed_at: datetime | None = None  # when the worker was killed
    gap: Gap | None = None  # when no scheduler was alive
    _runs: dict[tuple[str, int, int], list[Run]] = field(default_factory=dict)
    _looked: float = 0.0
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
        for said in self._new_lines():
            self._note(said)
        if time.monotonic() > self._looked + _LEDGER:
            self._looked = time.monotonic()
            self._look_at_ledger()

    @property
    def runs(self) -> list[Run]:
        """What was read of the tasks' file."""
        return [run for runs in self._runs.values() for run in runs]

    def _look_at_ledger(self) -> None:
        for promise in self.schedules:
            rows = self.app.schedules.runs(promise.schedule_id, limit=_NEWEST)[::-1]
            for outcome in (OccurrenceOutcome.COALESCED, OccurrenceOutcome.SKIPPED_OVERLAP):
                if found := [row for row in rows if row.outcome is outcome and row not in self.dropped]:
                    self.dropped += found
                    self.screen.dropped(promise.title, outcome, [row.nominal for row in found])

    def _note(self, said: dict[str, Any]) -> None:
        """Take in a start, and show it, or the end of one that was taken in before."""
        runs = self._runs.setdefault((said["job"], said["attempt"], said["pid"]), [])
        if "ended" in said:
            ended = datetime.fromtimestamp(said["ended"], UTC)
            runs[-1] = replace(runs[-1], ended=ended)
            return
        nominal = said["nominal"] and datetime.fromisoformat(said["nominal"])
        run = Run(**{**said, "nominal": nominal, "started": datetime.fromtimestamp(said["started"], UTC)})
        runs.append(run)
        caught_up = self.gap is not None and self.gap.holds(run.nominal)
        self.screen.run(run, self._home(run.pid), self.killed_at, caught_up=caught_up)

    def _new_lines(self) -> list[dict[str, Any]]:
        if not self.file.exists():
            return []
        with self.file.open("rb") as file:
            file.seek(self._read)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        return [json.loads(line) for line in whole.splitlines()]

    def _home(self, pid: int) -> str:
        if pid not in self._homes:
            holders = [service.name for service in self.services if service.holds(pid)]
            self._homes[pid] = holders[0] if holders else f"process {pid}"
        return self._homes[pid]

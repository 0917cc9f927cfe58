"""A project, and distributions with entry points installed beside it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.conftest import project

__all__ = ["Installed", "installed", "project"]

BACKEND = """
from dataclasses import replace
from pathlib import Path


class Memory:
    made = []
    begins = None  # called where one is made, if a test wants to know

    def __init__(self, said=None):
        if Memory.begins is not None:
            Memory.begins()
        self.said, self.kept, self.closed = said, {}, 0
        Memory.made.append(self)

    @classmethod
    def from_url(cls, url, settings):
        return cls((url, settings))

    def enqueue(self, envelope):
        self.kept[envelope.id] = envelope
        return envelope

    def get(self, schedule_id):
        return self.kept.get(schedule_id)

    def due(self, now, limit):
        found = [each for each in self.kept.values() if each.next_run and each.next_run <= now]
        return sorted(found, key=lambda each: each.next_run)[:limit]

    def reschedule(self, schedule_id, next_run):
        stored = self.kept.get(schedule_id)
        if stored and stored.next_run < next_run:
            self.kept[schedule_id] = replace(stored, next_run=next_run, next_nominal=next_run)

    def cancel(self, schedule_id):
        return self.kept.pop(schedule_id, None) is not None

    def close(self):
        self.closed += 1
"""


@dataclass
class Installed:
    """A folder in which distributions are installed."""

    folder: Path

    def module(self, name: str, text: str) -> None:
        (self.folder / f"{name}.py").write_text(text)

    def distribution(self, name: str, version: str, **groups: Mapping[str, str]) -> None:
        """Install a distribution; `groups` are its entry points, as `schedulers={"name": "module:Class"}`."""
        info = self.folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        lines = [
            line
            for group, plugins in groups.items()
            for line in (f"[nuvom.{group}]", *(f"{plugin} = {path}" for plugin, path in plugins.items()), "")
        ]
        (info / "entry_points.txt").write_text("\n".join(lines))


@pytest.fixture
def installed(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installed]:
    """Where distributions are found by this process and by those that it starts; their modules go with the test."""
    folder = tmp_path_factory.mktemp("installed")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
    known = set(sys.modules)
    yield Installed(folder)
    for name in set(sys.modules) - known:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
            del sys.modules[name]

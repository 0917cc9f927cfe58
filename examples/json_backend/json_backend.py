"""A scheduler backend in one JSON file: changed under a lock, synced to disk, and renamed into place.

NUVOM_SCHEDULER=json_backend:JsonBackend          schedules.json in the working directory
NUVOM_SCHEDULER=json:///var/schedules.json        where it is installed; the path begins at the project's folder
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from nuvom import ScheduleEnvelope
from nuvom.plugins import Settings


class JsonBackend:
    """The founding five methods over a file that always is whole. Each call reads it, so any process may change it."""

    nuvom_protocol = 1

    def __init__(self, path: Path | str = "schedules.json") -> None:
        self._file = Path(path).absolute()

    @classmethod
    def from_url(cls, url: str, settings: Settings) -> JsonBackend:
        """Return the backend of json:///relative or json:////absolute."""
        scheme, _, path = url.partition(":///")
        if scheme != "json" or not path:
            raise ValueError("write json:///schedules.json or json:////an/absolute/path.json")
        return cls((settings.root or Path.cwd()) / path)

    def enqueue(self, envelope: ScheduleEnvelope) -> ScheduleEnvelope:
        """Store an envelope; the same id again replaces."""
        with self._changing() as kept:
            kept[envelope.id] = envelope
        return envelope

    def get(self, schedule_id: str) -> ScheduleEnvelope | None:
        """Return the envelope of an id."""
        return self._read().get(schedule_id)

    def due(self, now: datetime, limit: int) -> list[ScheduleEnvelope]:
        """Return at most `limit` envelopes with next_run <= now, the earliest first."""
        moments = [(each.next_run, each.id, each) for each in self._read().values() if each.next_run is not None]
        return [envelope for next_run, _, envelope in sorted(moments, key=lambda m: m[:2]) if next_run <= now][:limit]

    def reschedule(self, schedule_id: str, next_run: datetime) -> None:
        """Move the next run forward, never back."""
        with self._changing() as kept:
            stored = kept.get(schedule_id)
            if stored and stored.next_run and next_run > stored.next_run:
                kept[schedule_id] = replace(stored, next_run=next_run, next_nominal=next_run)

    def cancel(self, schedule_id: str) -> bool:
        """Remove a schedule; False when there was none."""
        with self._changing() as kept:
            return kept.pop(schedule_id, None) is not None

    def _read(self) -> dict[str, ScheduleEnvelope]:
        try:
            stored = json.loads(self._file.read_bytes())
        except FileNotFoundError:
            return {}
        return {schedule_id: ScheduleEnvelope.from_dict(fields) for schedule_id, fields in stored.items()}

    @contextmanager
    def _changing(self) -> Iterator[dict[str, ScheduleEnvelope]]:
        # The lock goes with the descriptor, so a process that is killed holds none; threads open one each.
        with self._file.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            kept = self._read()
            before = dict(kept)
            yield kept
            if kept != before:
                self._write(kept)

    def _write(self, kept: dict[str, ScheduleEnvelope]) -> None:
        new = self._file.with_suffix(".new")
        with new.open("w") as file:
            json.dump({schedule_id: envelope.to_dict() for schedule_id, envelope in kept.items()}, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._file)  # whoever reads finds the old file or the new one, never a part
        folder = os.open(self._file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # the name is on disk, too
        finally:
            os.close(folder)

"""The founding guide on backends of one's own: five methods, three types, several schedulers, the plugin system."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from nuvom import Nuvom, ScheduleEnvelope
from tests.plugins.conftest import Installed, installed
from tests.waiting import until

__all__ = ["installed"]


def tick() -> None: ...


class FiveMethods:
    """A scheduler backend of one's own, with the founding methods only."""

    stored: dict[str, ScheduleEnvelope] = {}  # noqa: RUF012  the one place, as a table would be

    def enqueue(self, envelope: ScheduleEnvelope) -> ScheduleEnvelope:
        self.stored[envelope.id] = envelope
        return envelope

    def get(self, schedule_id: str) -> ScheduleEnvelope | None:
        return self.stored.get(schedule_id)

    def due(self, now: datetime, limit: int) -> list[ScheduleEnvelope]:
        due = [envelope for envelope in self.stored.values() if envelope.next_run and envelope.next_run <= now]
        return sorted(due, key=lambda envelope: str(envelope.next_run))[:limit]

    def reschedule(self, schedule_id: str, next_run: datetime) -> None:
        from dataclasses import replace

        stored = self.stored.get(schedule_id)
        if stored is not None and stored.next_run is not None and next_run > stored.next_run:
            self.stored[schedule_id] = replace(stored, next_run=next_run, next_nominal=next_run)

    def cancel(self, schedule_id: str) -> bool:
        return self.stored.pop(schedule_id, None) is not None


class TestExtensibility:
    def test_a_backend_with_the_five_methods_works_with_all_three_types(self, tmp_path: Path) -> None:
        FiveMethods.stored = {}
        url = f"sqlite:////{tmp_path}/jobs.db"
        with Nuvom(url, scheduler="tests.test_extending_guide:FiveMethods") as own:
            task = own.task(tick)
            once = task.schedule(in_=timedelta(seconds=0.05))
            every = task.options(name="every").schedule(interval=0.1)
            with pytest.warns(UserWarning, match="seconds first"):
                cron = task.schedule(cron="* * * * * *")
            own.drain(until=own.now() + timedelta(seconds=2.2))
            assert len(own.jobs.list(schedule_id=once.id)) == 1
            assert FiveMethods.stored.keys() == {every.id, cron.id}
            for envelope in (every, cron):
                ran = [row.nominal for row in own.schedules.runs(envelope.id) if row.outcome == "dispatched"]
                assert len(ran) >= 2
                assert len(own.jobs.list(schedule_id=envelope.id)) == len(ran) == len(set(ran))
            assert own.schedules.cancel("every") is True
            assert own.schedules.cancel("every") is False
            assert FiveMethods.stored.keys() == {cron.id}

    def test_it_is_fully_compatible_with_the_plugin_system(self, tmp_path: Path, installed: Installed) -> None:
        FiveMethods.stored = {}
        installed.distribution("guide-backend", "1.0", schedulers={"guide": f"{__name__}:FiveMethods"})
        with Nuvom(f"sqlite:////{tmp_path}/jobs.db", scheduler="guide") as own:
            envelope = own.task(tick).schedule(interval=300)
            assert FiveMethods.stored.keys() == {envelope.id}

    def test_several_instances_of_the_scheduler_service_share_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        example = Path(__file__).parents[1] / "examples" / "json_backend"
        (tmp_path / "pyproject.toml").write_text('[tool.nuvom]\nscheduler = "json_backend:JsonBackend"\n')
        monkeypatch.chdir(tmp_path)
        monkeypatch.syspath_prepend(example)
        monkeypatch.setenv("PYTHONPATH", str(example), prepend=os.pathsep)
        monkeypatch.setenv("NUVOM_URL", f"sqlite:////{tmp_path}/jobs.db")
        with Nuvom() as own:
            ticking = own.task(tick).options(catch_up="all").schedule(interval=0.2)
            once = own.task(tick).schedule(in_=timedelta(seconds=0.1))
            command = [sys.executable, "-m", "nuvom", "runscheduler"]
            services = [subprocess.Popen(command) for _ in range(2)]
            try:
                until(lambda: sum(service.kind == "scheduler" for service in own.workers.list()) == 2)
                until(lambda: len(own.schedules.runs(ticking.id)) >= 5 and own.schedules.get(once.id, None) is None)
            finally:
                for service in services:
                    service.send_signal(signal.SIGTERM)
                assert [service.wait(timeout=10) for service in services] == [0, 0]
            rows = own.schedules.runs(ticking.id, limit=1_000)
            assert (
                len(own.jobs.list(schedule_id=ticking.id, limit=1_000)) == len(rows) == len({r.nominal for r in rows})
            )
            assert len(own.jobs.list(schedule_id=once.id)) == 1

"""For tests of code that uses Nuvom: an app in memory whose time stands still until a test moves it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from nuvom import _default
from nuvom._app import Nuvom
from nuvom._duration import Duration, to_timedelta
from nuvom._job import Job, JobStatus
from nuvom._schedule import ScheduleEnvelope
from nuvom._task import Task
from nuvom.testing.clock import VirtualClock

__all__ = ["Memory", "VirtualClock", "memory"]


class Memory:
    """What a test sees of the app in memory."""

    def __init__(self, app: Nuvom, clock: VirtualClock) -> None:
        self.app = app
        self.clock = clock

    def now(self) -> datetime:
        """Return the time, which stands still between the test's own steps."""
        return self.clock.now()

    def run_due(self) -> int:
        """Dispatch the schedules that are due and run the jobs that are ready; returns how many jobs were run."""
        return self.app.drain()

    def advance(self, duration: Duration) -> int:
        """Let time pass and run what becomes due on the way, each at its own time; returns how many jobs were run."""
        return self.app.drain(until=self.now() + to_timedelta(duration, "duration"))

    def jobs(
        self, *, task: Task[..., Any, Any] | str | None = None, status: JobStatus | str | None = None
    ) -> list[Job]:
        """Return the jobs so far, oldest first."""
        return self.app.jobs.list(task=task, status=status, limit=1_000_000)[::-1]

    def schedules(self, *, task: Task[..., Any, Any] | str | None = None) -> list[ScheduleEnvelope]:
        """Return the schedules, oldest first."""
        return self.app.schedules.list(task=task, limit=1_000_000)[::-1]


@contextmanager
def memory(app: Nuvom | None = None, *, now: datetime | None = None) -> Iterator[Memory]:
    """Swap an app's store for one in memory while the `with` lasts; jobs run only when the test says so.

    Args:
        app: The app, by default the one behind `@task`.
        now: What time it is at first; by default the host's time.
    """
    app = _default.app if app is None else app
    clock = VirtualClock(now or datetime.now(UTC))
    with app.swapped("memory://", clock):
        yield Memory(app, clock)

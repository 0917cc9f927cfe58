"""Where a bench takes place: a temporary folder, a store in it, and real services on that store."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench import tasks
from bench.timing import until
from nuvom import Nuvom
from nuvom._clock import SYSTEM_CLOCK

ROOT = Path(__file__).resolve().parents[1]
STARTING = 60.0  # seconds
STOPPING = 20.0


@dataclass(frozen=True, slots=True)
class Stage:
    """A folder, and the app of `bench.tasks` on a store: in it, unless it is on a server."""

    folder: Path
    app: Nuvom
    url: str

    @property
    def database(self) -> Path:
        """The file of a store that has one."""
        return _file(self.folder)

    def live(self, kind: str) -> list[int]:
        """The pids of the processes of a kind that hold a lease."""
        return [worker.pid for worker in self.app.store.workers.list() if worker.kind == kind and worker.alive]

    @contextmanager
    def worker(self, processes: int = 1, options: Sequence[str] = ()) -> Iterator[psutil.Process]:
        """A `nuvom runworker` that is ready for jobs."""
        command = ["--app", "bench.tasks:app", "runworker", "--processes", str(processes), *options]
        with self._service(command, "worker", processes) as service:
            yield service

    @contextmanager
    def scheduler(self, *, among: int = 1) -> Iterator[psutil.Process]:
        """A `nuvom runscheduler` that serves, as the last of so many."""
        with self._service(["runscheduler"], "scheduler", among) as service:
            yield service

    @contextmanager
    def _service(self, command: Sequence[str], kind: str, processes: int) -> Iterator[psutil.Process]:
        log = self.folder / f"{kind}.log"
        with log.open("wb") as output:
            service = subprocess.Popen(
                [sys.executable, "-m", "nuvom", "--url", self.url, *command, "--log-level", "warning"],
                cwd=self.folder,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            until(lambda: _ended(service, log) or len(self.live(kind)) == processes, f"a {kind} that serves", STARTING)
            yield psutil.Process(service.pid)
            service.terminate()
            service.wait(STOPPING)
        finally:
            _end_group(service)


@contextmanager
def stage(url: str = "") -> Iterator[Stage]:
    """Set up a fresh folder, and a store in it if no other is named; everything in it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="nuvom-bench-") as folder:
        place = Stage(Path(folder), tasks.app, url or f"sqlite:///{_file(Path(folder))}")
        with tasks.app.swapped(place.url, SYSTEM_CLOCK):
            yield place


def _file(folder: Path) -> Path:
    return folder / "nuvom.db"


def environment() -> dict[str, str]:
    """The caller's variables without the settings of a project of theirs, and with the way to `bench`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NUVOM_")}
    return {**kept, "PYTHONPATH": str(ROOT)}


def _ended(service: subprocess.Popen[bytes], log: Path) -> bool:
    if service.poll() is None:
        return False
    raise RuntimeError(f"a service ended with exit code {service.returncode}:\n{log.read_text(errors='replace')}")


def _end_group(service: subprocess.Popen[bytes]) -> None:
    if service.poll() is None:
        os.killpg(service.pid, signal.SIGKILL)
        service.wait()

"""Real services for tests: a supervisor in a process of its own, and ways to look at what its jobs did."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from nuvom import Nuvom
from nuvom._ids import new_id
from nuvom._job import Job, NewJob
from nuvom.stores.base import Store
from nuvom.stores.values import WorkerInfo

PROGRAM = """
import json, sys
from nuvom._app import Nuvom
from nuvom.worker import logs
from nuvom.worker.child import ChildSpec
from nuvom.worker.supervisor import Supervisor

config = json.loads(sys.argv[1])
logs.show()
app = Nuvom(**config["settings"])
children = [ChildSpec(kind, config) for kind in config["kinds"]]
lease = app.settings.lease.total_seconds()
Supervisor(children, lambda: app.open(busy_timeout=None), lease=lease, grace=config["grace"],
    max_memory=config.get("max_memory")).run()
"""


def until(true: Callable[[], Any], what: str, seconds: float = 30.0) -> Any:
    """Poll until something is true; fails saying what did not come about."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := true():
            return value
        time.sleep(0.01)
    raise AssertionError(f"not within {seconds} s: {what}")


class Site:
    """A folder with tasks and, unless it is elsewhere, a store."""

    def __init__(self, folder: Path, tasks: str, *, lease: float = 2.0, url: str = "") -> None:
        self.folder = folder
        self.url = url or f"sqlite:///{folder}/jobs.db"
        self.lease = lease
        (folder / "tasks.py").write_text(
            f"import nuvom, os, pathlib, signal, sys, time\nHERE = pathlib.Path({str(folder)!r})\n{tasks}"
        )
        self.app = Nuvom(self.url, lease=lease)

    @property
    def store(self) -> Store:
        """The store."""
        return self.app.store

    def push(self, task: str, *arguments: object, **options: Any) -> str:
        """Push a job; returns its id."""
        import orjson

        job = NewJob(id=new_id(self.store.now()), task=task, arguments=orjson.dumps([arguments, {}]), **options)
        return self.store.jobs.push([job])[0].id

    def job(self, job_id: str) -> Job:
        """Read a job."""
        job = self.store.jobs.get(job_id)
        assert job is not None
        return job

    def final(self, job_id: str, seconds: float = 30.0) -> Job:
        """Wait until a job is final."""
        job = self.store.jobs.wait_final(job_id, seconds)
        assert job is not None
        assert job.status.final, f"{job.status} after {seconds} s"
        return job

    def workers(self) -> list[WorkerInfo]:
        """Return the live workers."""
        return [worker for worker in self.store.workers.list() if worker.alive and worker.kind == "worker"]

    def serve(self, *kinds: str, environment: Mapping[str, str] | None = None, **config: Any) -> Service:
        """Start a service: one worker unless said otherwise."""
        return Service(self, kinds or ("worker",), config, environment or {})

    def lines(self, name: str) -> list[str]:
        """Return the lines that tasks wrote to a file."""
        file = self.folder / name
        return file.read_text().splitlines() if file.exists() else []


class Service:
    """A supervisor in a process of its own."""

    def __init__(
        self, site: Site, kinds: tuple[str, ...], config: dict[str, Any], environment: Mapping[str, str]
    ) -> None:
        import json

        self.site = site
        whole = {
            "settings": {"url": site.url, "lease": site.lease},
            "targets": [str(site.folder / "tasks.py")],
            "root": str(site.folder),
            "kinds": kinds,
            "threads": 4,
            "async_concurrency": 10,
            "grace": 5.0,
            **config,
        }
        self.log = site.folder / f"service-{len(list(site.folder.glob('service-*')))}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, json.dumps(whole)],
                cwd=site.folder,
                stdin=subprocess.DEVNULL,
                stderr=log,
                env={**os.environ, **environment},
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            sys.stderr.write(self.said())
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def said(self) -> str:
        """Return its log."""
        return self.log.read_text()

    def pids(self) -> set[int]:
        """Return the pids of its live children that hold a lease."""
        import psutil

        children = {child.pid for child in psutil.Process(self.process.pid).children()}
        return children & {worker.pid for worker in self.site.workers()}

    def pid(self, other_than: int = 0) -> int:
        """Wait for its one child and return its pid."""
        pids = until(lambda: self.pids() - {other_than}, "a child holds a lease")
        assert len(pids) == 1
        return int(pids.pop())

    def signal(self, number: signal.Signals) -> None:
        """Send its supervisor a signal."""
        self.process.send_signal(number)

    def ended(self, seconds: float) -> int:
        """Wait until it has ended; returns the exit code."""
        return self.process.wait(seconds)

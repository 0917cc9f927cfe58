"""`nuvom runworker` and `nuvom runscheduler` as processes on a server, and a caller that does not give up."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Self

from nuvom._job import NewJob
from nuvom.errors import StoreUnavailable
from nuvom.stores.base import Store
from nuvom.stores.registry import open_store
from nuvom.testing.conformance.examples import a_job
from tests.waiting import until

TASKS = """
import time
from pathlib import Path
import nuvom

HERE = Path(__file__).parent

def note(name, text):
    with open(HERE / name, "a") as file:
        file.write(f"{text}\\n")

@nuvom.task(name="count")
def count(number: int = 0) -> dict:
    job = nuvom.current_job()
    note("ran", job.id)
    return {"attempt": job.attempt}

@nuvom.task(name="slow")
def slow(seconds: float) -> dict:
    job = nuvom.current_job()
    note("began", job.id)
    time.sleep(seconds)
    note("ended", job.id)
    return {"attempt": job.attempt}
"""
AWAY, BACK = "the store is away", "the store is back after"
STUCK, DISPATCHING = "cannot dispatch, trying again", "dispatching again after"
DEAF, HEARING = "wake-ups do not come", "wake-ups come again after"


class Service:
    """A command of `nuvom` that serves, in a process of its own."""

    def __init__(self, place: Place, command: str, url: str, options: Mapping[str, str]) -> None:
        self.command = command
        self.log = place.folder / f"{command}-{len(list(place.folder.glob(f'{command}-*')))}.log"
        targets = ["tasks.py"] if command == "runworker" else []
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "nuvom", command, *targets, "--url", url],
                cwd=place.folder,
                env={**os.environ, "NUVOM_LEASE": str(place.lease), **options},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def said(self) -> str:
        """What it has said."""
        return self.log.read_text()

    def told(self, sentence: str) -> int:
        """How often it said something."""
        return self.said().count(sentence)

    def waits_for(self, pattern: str, timeout: float = 20.0) -> None:
        """Wait until it says something."""
        until(lambda: re.search(pattern, self.said()), timeout=timeout)

    @property
    def lives(self) -> bool:
        """Whether its supervisor has not ended."""
        return self.process.poll() is None

    def end(self) -> None:
        """Kill it and all its processes."""
        if self.lives:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Place:
    """A folder with tasks, and services that run there.

    Args:
        folder: where.
        url: of the store as services see it.
        direct: of the store as tests see it.
        lease: seconds.
    """

    def __init__(self, folder: Path, url: str, direct: str, *, lease: float = 2.0) -> None:
        self.folder = folder
        self.url = url
        self.direct = direct
        self.lease = lease
        self.services: list[Service] = []
        (folder / "tasks.py").write_text(TASKS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for service in self.services:
            service.end()
            print(f"--- {service.log.name}\n{service.said()}")  # shown where the test failed

    def start(self, *commands: str, url: str | None = None, **options: str) -> list[Service]:
        """Start services; `options` are environment variables."""
        started = [Service(self, command, url or self.url, options) for command in commands]
        self.services += started
        return started

    def lines(self, name: str) -> list[str]:
        """The lines that tasks wrote to a file."""
        file = self.folder / name
        return file.read_text().splitlines() if file.exists() else []

    def ready(self, store: Store) -> None:
        """Wait until each service holds a lease."""
        until(lambda: sum(each.alive for each in store.workers.list()) >= len(self.services))


class Pusher:
    """A caller that pushes one batch after the other, and repeats with the same ids what failed or may have."""

    def __init__(self, url: str, batch: int) -> None:
        self._url = url
        self._batch = batch
        self.accepted: list[str] = []
        self.failures: list[StoreUnavailable] = []
        self.longest = 0.0  # seconds that a call took
        self._ended = threading.Event()

    def run(self) -> None:
        """Push until `end`."""
        with closing(open_store(self._url)) as store:
            while not self._ended.wait(0.02):
                self._push(store, [a_job(task="count") for _ in range(self._batch)])

    def _push(self, store: Store, jobs: list[NewJob]) -> None:
        while not self._ended.is_set():
            began = time.monotonic()
            try:
                store.jobs.push(jobs)
                self.accepted += [job.id for job in jobs]
                return
            except StoreUnavailable as error:
                self.failures.append(error)
                self._ended.wait(0.05)
            finally:
                self.longest = max(self.longest, time.monotonic() - began)

    def end(self) -> None:
        """Stop after the call that is under way."""
        self._ended.set()


@contextmanager
def pushing(url: str, *, batch: int = 1) -> Iterator[Pusher]:
    """Push in a thread meanwhile."""
    pusher = Pusher(url, batch)
    thread = threading.Thread(target=pusher.run)
    thread.start()
    try:
        yield pusher
    finally:
        pusher.end()
        thread.join()

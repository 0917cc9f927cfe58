"""`./run soak clocks [LIBRARY]`: `nuvom run` under a wall clock that is stepped while it runs, accounted for after.

libfaketime is a library that is loaded before all others; Debian has it as the package `faketime`. LIBRARY is its file,
by default the one that the system or the Python package `libfaketime` has.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

from nuvom import Nuvom
from nuvom._job import Job
from nuvom._schedule import ScheduleEnvelope
from nuvom.stores.values import JobFilter
from tests.accounts import wrong
from tests.waiting import until

TASKS = """
import nuvom

@nuvom.task
def note(seconds: float = 0.0) -> None:
    import time
    from pathlib import Path
    with (Path(__file__).parent / "ran").open("a") as ran:
        print(nuvom.current_job().id, file=ran)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.05)
"""
# libfaketime (0.9.12 too) takes the monotonic deadline of clock_nanosleep, which time.sleep gives it, for a wall time.
SITE = """
import select, time

time.sleep = lambda seconds: select.select([], [], [], seconds) and None
"""
PHASE = 6.0  # real seconds between two steps
LEASE = 5.0
MINUTES, HOURS, DAY = 60, 3600, 86_400
FOLDERS = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/opt/homebrew/lib")


def main(library: str | None = None) -> int:
    """Run it; 0 if everything is accounted for, 1 if not, 2 without libfaketime."""
    found = find_library() if library is None else library
    if found is None:
        print("no libfaketime: install it (apt-get install faketime) or name its file", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(Path(folder), found)
        problems = soak.problems()
        if problems:
            print(soak.log.read_text())
    for problem in problems[:50]:
        print(f"WRONG: {problem}")
    print(f"{len(problems)} promises broken" if problems else "every occurrence is accounted for")
    return int(bool(problems))


def find_library() -> str | None:
    """Return the file of libfaketime, the one for threads first."""
    for name in ("libfaketimeMT.so.1", "libfaketime.so.1", "libfaketimeMT.1.dylib", "libfaketime.1.dylib"):
        for folder in FOLDERS:
            for path in Path(folder).glob(f"**/faketime/{name}"):
                return str(path)
    package = find_spec("libfaketime")
    places = package.submodule_search_locations if package is not None else None
    return next((str(path) for place in places or () for path in Path(place).glob("**/libfaketime.so.1")), None)


def note(seconds: float = 0.0) -> None:
    """Stand in for the task of the services."""


class Soak:
    """A folder with tasks and a store, the services on them, and the wall clock that they see."""

    def __init__(self, folder: Path, library: str) -> None:
        self.folder = folder
        self.offset = folder / "offset"
        self.log = folder / "log"
        self.app = Nuvom(f"sqlite:///{folder}/jobs.db", lease=LEASE)
        self.latest = datetime.now(UTC)
        (folder / "tasks.py").write_text(TASKS)
        (folder / "site").mkdir()
        (folder / "site" / "sitecustomize.py").write_text(SITE)
        preload = "DYLD_INSERT_LIBRARIES" if sys.platform == "darwin" else "LD_PRELOAD"
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(folder / "site"),
            preload: library,
            "DYLD_FORCE_FLAT_NAMESPACE": "1",
            "FAKETIME_TIMESTAMP_FILE": str(self.offset),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",  # its name in older releases
        }

    def problems(self) -> list[str]:
        """Step the clock of services at work; returns which promises were broken."""
        with closing(self.app):
            schedules = self.scheduled()
            self.set(0)
            with self.services() as process:
                before = self.alive()
                self.steps(process)
                after = self.alive()
            problems = [f"the leases of {before - after} were lost"] if before != after else []
            problems += self.told(5)
            for envelope in schedules:
                stored = self.app.store.schedules.get(envelope.id)
                since = envelope.times_since
                assert since is not None
                ended = replace(envelope, next_nominal=None, next_run=None)
                problems += wrong(self.app.store.ledger, stored or ended, since, self.latest)
            return problems + self.jobs_wrong()

    def scheduled(self) -> list[ScheduleEnvelope]:
        """Schedule one of each kind."""
        task = self.app.task(name="tasks.note")(note)
        return [
            task.options(name="each second").schedule(interval=1),
            task.options(name="alone", overlap="skip").schedule(1.5, interval=1),
            task.options(name="waits", overlap="queue_one").schedule(0.5, interval=2),
            task.options(name="spread", jitter=2).schedule(interval=5),
            task.options(name="in time", catch_up="skip", grace=2).schedule(interval=3),
            task.options(name="cron").schedule(cron="*/2 * * * *"),
            task.options(name="hourly", catch_up="all").schedule(cron="0 * * * *", timezone_name="Asia/Kolkata"),
            task.options(name="once").schedule(in_=15),
            task.options(name="running").schedule(4 * PHASE, in_=1),
        ]

    def set(self, seconds: int) -> None:
        """Set the services' wall clock to so many seconds ahead of the host's."""
        whole = self.folder / "offset.new"
        whole.write_text(f"{seconds:+d}\n")
        whole.replace(self.offset)  # nobody reads half of it

    def steps(self, process: subprocess.Popen[bytes]) -> None:
        """Step the clock on and back, and suspend the host for eight hours."""
        for seconds in (0, 5 * MINUTES, 0, 6 * MINUTES, DAY, 6 * MINUTES, DAY + 7 * MINUTES):
            self.show(seconds)
            self.set(seconds)
            self.pass_time(seconds)
        os.killpg(process.pid, signal.SIGSTOP)
        asleep = DAY + 7 * MINUTES + 8 * HOURS
        self.show(asleep)
        self.set(asleep)
        time.sleep(1)  # the monotonic clock stands still while a host is suspended; here it goes on a little
        os.killpg(process.pid, signal.SIGCONT)
        self.pass_time(asleep)

    def show(self, seconds: int) -> None:
        print(f"the wall clock is {timedelta(seconds=seconds)} ahead", flush=True)

    def pass_time(self, seconds: int) -> None:
        """Let the services work; what came due a second before the end must be dispatched by then."""
        time.sleep(PHASE)
        self.latest = max(self.latest, datetime.now(UTC) + timedelta(seconds=seconds - 1))

    @contextmanager
    def services(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run `nuvom run` until it has ended in an orderly way."""
        url = f"sqlite:///{self.folder}/jobs.db"
        command = [sys.executable, "-m", "nuvom", "run", "tasks.py", "--url", url]
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env={**self.environment, "NUVOM_LEASE": str(LEASE)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            try:
                until(lambda: len(self.alive()) == 2)
                yield process
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(60)

    def alive(self) -> set[str]:
        """Return the worker and the scheduler that hold a lease."""
        return {worker.id for worker in self.app.workers.list() if worker.alive}

    def told(self, least: int) -> list[str]:
        """Check that the scheduler said that its clock was stepped."""
        lines = [line for line in self.log.read_text().splitlines() if "the wall clock moved by" in line]
        print(*lines, sep="\n")
        return [] if len(lines) >= least else [f"the scheduler told of {len(lines)} steps: {self.log.read_text()}"]

    def jobs_wrong(self) -> list[str]:
        """Check that each job was run once, without a crash."""
        jobs = list(self.jobs())
        ran = Counter((self.folder / "ran").read_text().split())
        print(f"{len(jobs)} jobs, {sum(ran.values())} runs")
        problems = [f"{ran[job.id]} runs of {job}" for job in jobs if ran[job.id] != job.status.final]
        problems += [f"its worker was lost: {job}" for job in jobs if job.crashes or job.suspect]
        doubled = Counter((job.schedule_id, job.scheduled_for) for job in jobs)
        return problems + [f"{key} has {count} jobs" for key, count in doubled.items() if count > 1]

    def jobs(self) -> Iterator[Job]:
        page = self.app.store.jobs.list(JobFilter(), 1_000)
        while page:
            yield from page
            page = self.app.store.jobs.list(JobFilter(), 1_000, page[-1].id)

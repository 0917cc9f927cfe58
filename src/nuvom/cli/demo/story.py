"""What happens in the demo, act by act: start, schedule, kill, recover, stop, account."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from nuvom._app import Nuvom
from nuvom._handle import JobHandle
from nuvom._job import JobStatus
from nuvom._schedule import ScheduleEnvelope
from nuvom.cli.demo import services, tasks
from nuvom.cli.demo.account import Account, Evidence, Promise, account, every_second, every_third_second
from nuvom.cli.demo.services import LEASE, Service
from nuvom.cli.demo.stage import DemoFailed, Stage

PROCESSES = 2  # of each worker: a job that was lost once runs alone in its process, and the other one goes on
ONCE_IN = timedelta(seconds=2)
SLOW = 3.0  # seconds that the slow job takes
PATIENCE = 30.0  # seconds for what takes one or two when the machine is not busy
SETTLING = 10.0  # seconds for what is due to end in; what is off then stays off


@dataclass(frozen=True, slots=True)
class Scheduled:
    """The three schedules as they were stored, and what is off with them already."""

    once: ScheduleEnvelope
    second: ScheduleEnvelope
    third: ScheduleEnvelope
    problems: tuple[str, ...]

    def promises(self, until: datetime) -> tuple[Promise, ...]:
        """Return when each is due up to `until`, by arithmetic that shares nothing with Nuvom's triggers."""
        starts = [moment or until for moment in (self.once.at, self.second.anchor, self.third.created_at)]
        due = ((starts[0],), every_second(starts[1], until), every_third_second(starts[2], until))
        kept = zip((self.once, self.second, self.third), due, strict=True)
        return tuple(Promise(title=e.name or e.id, schedule_id=e.id, due=times) for e, times in kept)


def play(stage: Stage) -> Account:
    """Run the whole story; returns its account.

    Raises:
        DemoFailed: something did not happen in time.
        Interrupted: somebody wants it to end.
    """
    schedulers, workers = _start(stage)
    scheduled = _schedule(stage)
    stage.go_on(ONCE_IN.total_seconds() + 0.2)
    slow = _kill_worker(stage, workers)
    stage.go_on(1.5)
    _kill(stage, schedulers[0], "the other one goes on alone")
    stage.wait(slow.done, LEASE + SLOW + PATIENCE, "the slow job was not run again")
    stage.go_on(1.0)
    return _settle(stage, scheduled, slow, schedulers, workers)


def _start(stage: Stage) -> tuple[list[Service], list[Service]]:
    stage.app.now()  # makes the file, so that four processes need not
    stage.screen.event("store", stage.url)
    file = str(Path(tasks.__file__).resolve())
    kinds = {"scheduler": ["runscheduler"], "worker": ["runworker", file, "--processes", str(PROCESSES)]}
    for kind, arguments in kinds.items():
        for number in (1, 2):
            service = Service(f"{kind} {number}", [*arguments, "--url", stage.url], stage.folder)
            stage.services.append(service)
            shown = " ".join(arguments).replace(file, Path(file).name)
            stage.screen.event("start", f"{service.name}: nuvom {shown} --url … (pid {service.pid})")
    stage.wait(lambda: _ready(stage.app), PATIENCE, "the services did not come up")
    stage.screen.event("ready", "all four are up")
    return stage.services[:2], stage.services[2:]


def _ready(app: Nuvom) -> bool:
    kinds = [worker.kind for worker in app.workers.list() if worker.alive]
    return kinds.count("scheduler") == 2 and kinds.count("worker") == 2 * PROCESSES


def _schedule(stage: Stage) -> Scheduled:
    file = str(stage.file)
    # Away from the cron's seconds: whether one that falls into the call itself is due could not be told from outside.
    stage.passes(lambda: 0.1 < time.time() % 3 < 2.5, 3)
    before = datetime.now(UTC)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that six fields begin with seconds is what is wanted here
        once = tasks.note.options(name="one-off").schedule(file, in_=ONCE_IN)
        second = tasks.note.options(name="interval 1 s", catch_up="all").schedule(file, interval=1)
        third = tasks.note.options(name="cron */3 s", catch_up="all").schedule(file, cron="*/3 * * * * *")
    after = datetime.now(UTC)
    stage.screen.event("schedule", f"one-off      note.schedule(file, in_=timedelta(seconds={ONCE_IN.seconds}))")
    stage.screen.event("schedule", "interval 1 s note.schedule(file, interval=1)")
    stage.screen.event("schedule", 'cron */3 s   note.schedule(file, cron="*/3 * * * * *")')
    starts = {"one-off": once.at and once.at - ONCE_IN, "interval": second.anchor, "cron": third.created_at}
    wrong = [
        f"the {kind} counts from {start}, but it was asked for between {before} and {after}"
        for kind, start in starts.items()
        if start is None or not before <= start <= after
    ]
    return Scheduled(once, second, third, tuple(wrong))


def _kill_worker(stage: Stage, workers: list[Service]) -> JobHandle[str]:
    """Start the slow job and, while it runs, kill the worker that holds it, supervisor and all."""
    slow = tasks.slow.delay(str(stage.file), SLOW)
    stage.screen.event("delay", f"slow job     slow.delay(file, {SLOW:.0f}), which takes {SLOW:.0f} s")
    stage.wait(lambda: any(run.job == slow.id for run in stage.runs), PATIENCE, "the slow job did not start")
    stage.go_on(1.0)
    holder = slow.refresh().worker
    pid = next((worker.pid for worker in stage.app.workers.list() if worker.id == holder), 0)
    victim = next((worker for worker in workers if worker.holds(pid)), None)
    if victim is None:
        raise DemoFailed(f"no worker holds the slow job: it is {slow.status()}")
    stage.killed_at = time.time()
    _kill(stage, victim, f"it holds the slow job; its lease of {LEASE:.0f} s must run out first")
    return slow


def _kill(stage: Stage, victim: Service, why: str) -> None:
    victim.kill()
    stage.screen.event("KILL -9", f"{victim.name} and all its processes: {why}")


def _settle(
    stage: Stage, scheduled: Scheduled, slow: JobHandle[str], schedulers: list[Service], workers: list[Service]
) -> Account:
    """Let what is due by now end, stop everything in an orderly way, and account for it."""
    until = datetime.now(UTC)
    stage.passes(lambda: not _found(stage, scheduled, slow, until).problems, SETTLING)
    wrong = list(scheduled.problems)
    stage.screen.event("stop", "SIGTERM to the scheduler, then to the worker")
    wrong += services.stop(schedulers)
    stage.passes(lambda: _idle(stage.app), SETTLING)
    wrong += services.stop(workers)
    if not wrong:
        stage.screen.event("stopped", "all that was not killed, with exit code 0")
    stage.look()
    found = _found(stage, scheduled, slow, until)
    return Account(lines=found.lines, problems=(*wrong, *found.problems))


def _idle(app: Nuvom) -> bool:
    counts = app.jobs.counts()
    return not counts[JobStatus.QUEUED] and not counts[JobStatus.RUNNING]


def _found(stage: Stage, scheduled: Scheduled, slow: JobHandle[str], until: datetime) -> Account:
    promises = scheduled.promises(datetime.now(UTC))
    rows = [row for promise in promises for row in stage.app.schedules.runs(promise.schedule_id, limit=1_000)]
    jobs = stage.app.jobs.list(limit=1_000)
    stage.look()  # after the jobs: a job that is over has written its line
    return account(promises, slow.id, Evidence(occurrences=rows, jobs=jobs, runs=stage.runs, until=until))

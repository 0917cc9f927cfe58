"""What happens in the demo, act by act: start, schedule, kill, recover, leave alone, catch up, stop, account, ask."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from subprocess import TimeoutExpired

from nuvom._app import Nuvom
from nuvom._handle import JobHandle
from nuvom._job import JobStatus
from nuvom._schedule import Occurrence, OccurrenceOutcome
from nuvom.cli.demo import services, tasks
from nuvom.cli.demo.account import SLOW, Account, account
from nuvom.cli.demo.evidence import Evidence, Gap, Promise
from nuvom.cli.demo.misbehaving import Misbehaved, misbehave
from nuvom.cli.demo.promised import CRON, REPORTS, TICK, Scheduled, schedule
from nuvom.cli.demo.questions import ask, ill_answered, questions
from nuvom.cli.demo.services import LEASE, Service
from nuvom.cli.demo.stage import DemoFailed, Stage

PROCESSES = 2  # of each worker: a job that was lost once runs alone in its process, and the other one goes on
SLOWNESS = 3.0  # seconds that the slow job takes
PATIENCE = 60.0  # seconds for what takes one or two when the machine is not busy
SETTLING = 20.0  # seconds for what is due to end in; what is off then stays off


def play(stage: Stage) -> Account:
    """Run the whole story; returns its account.

    Raises:
        DemoFailed: something did not happen in time.
        Interrupted: somebody wants it to end.
    """
    schedulers, workers = _start(stage)
    scheduled = schedule(stage)
    stage.schedules = [promise for promise in scheduled.promises(datetime.now(UTC)) if promise.newest]
    stage.wait(lambda: _skipped(stage), PATIENCE, f"{REPORTS} was never skipped")
    slow = _kill_worker(stage, workers)
    stage.go_on(1.0)
    _kill(stage, schedulers[0], "the other one goes on alone")
    stage.wait(lambda: _attempts(stage, slow) > 1, LEASE + PATIENCE, "the slow job was not started again")
    bad = _leave_alone(stage, scheduled, schedulers, slow)
    return _settle(stage, scheduled, slow, bad, schedulers, workers)


def _skipped(stage: Stage) -> bool:
    return any(row.outcome is OccurrenceOutcome.SKIPPED_OVERLAP for row in stage.dropped)


def _attempts(stage: Stage, job: JobHandle[str]) -> int:
    return sum(run.job == job.id for run in stage.runs)


def _leave_alone(stage: Stage, scheduled: Scheduled, schedulers: list[Service], slow: JobHandle[str]) -> Misbehaved:
    """Kill the last scheduler, let jobs misbehave until each schedule has missed two times, and start a new one."""

    def missed(title: str, gap: Gap) -> list[datetime]:
        [promise] = [each for each in scheduled.promises(gap.end) if each.title == title]
        return [due for due in promise.due if gap.holds(due)]

    def lasts() -> Gap:
        return Gap(began, datetime.now(UTC))

    _kill(stage, schedulers[1], "nobody schedules now")
    began = datetime.now(UTC)
    stage.wait(slow.done, SLOWNESS + PATIENCE, "the slow job did not end")  # a bad one would take it along
    bad = misbehave(stage)
    often = (TICK, CRON, REPORTS)
    stage.wait(lambda: all(len(missed(title, lasts())) > 1 for title in often), PATIENCE, "the times did not pass")
    stage.gap = gap = lasts()
    service = _service(stage, "scheduler 3", ["runscheduler"])
    schedulers.append(service)
    times = missed(TICK, gap)
    stage.wait(
        lambda: {run.nominal for run in stage.runs if run.what == TICK}.issuperset(times),
        PATIENCE,
        f"what {TICK} missed was not caught up",
    )
    stage.go_on(1.0)
    return bad


def _start(stage: Stage) -> tuple[list[Service], list[Service]]:
    stage.app.store.migrate()  # makes the tables, so that four processes need not
    stage.screen.event("store", stage.app.store.url)
    file = str(Path(tasks.__file__).resolve())
    kinds = {"scheduler": ["runscheduler"], "worker": ["runworker", file, "--processes", str(PROCESSES)]}
    for kind, arguments in kinds.items():
        for number in (1, 2):
            _service(stage, f"{kind} {number}", arguments)
    stage.wait(lambda: _ready(stage.app), PATIENCE, "the services did not come up")
    stage.screen.event("ready", "all four are up")
    return stage.services[:2], stage.services[2:]


def _service(stage: Stage, name: str, arguments: list[str]) -> Service:
    service = Service(name, arguments, stage.folder, stage.variables)
    stage.services.append(service)
    shown = " ".join(Path(each).name for each in arguments)
    stage.screen.event("start", f"{name}: nuvom {shown} …, pid {service.pid}")
    return service


def _ready(app: Nuvom) -> bool:
    kinds = [worker.kind for worker in app.workers.list() if worker.alive]
    return kinds.count("scheduler") == 2 and kinds.count("worker") == 2 * PROCESSES


def _kill_worker(stage: Stage, workers: list[Service]) -> JobHandle[str]:
    """Start the slow job and, while it runs, kill the worker that holds it, supervisor and all."""
    slow = tasks.slow.delay(str(stage.file), SLOWNESS)
    stage.screen.event("delay", f"{SLOW:<7} slow.delay(file, {SLOWNESS:.0f}), which takes {SLOWNESS:.0f} s")
    stage.wait(lambda: _attempts(stage, slow) > 0, PATIENCE, "the slow job did not start")
    stage.go_on(0.4)
    # Between two reports, if there is such a moment soon: one that is lost as well is run again, but later.
    stage.passes(lambda: all(run.ended for run in stage.runs if run.what == REPORTS), 1.0)
    holder = slow.refresh().worker
    pid = next((worker.pid for worker in stage.app.workers.list() if worker.id == holder), 0)
    victim = next((worker for worker in workers if worker.holds(pid)), None)
    if victim is None:
        raise DemoFailed(f"no worker holds the slow job: it is {slow.status()}")
    _kill(stage, victim, f"it holds the slow job, {LEASE:.0f} s more at most")
    stage.killed_at = datetime.now(UTC)
    return slow


def _kill(stage: Stage, victim: Service, why: str) -> None:
    victim.kill()
    stage.screen.event("KILL -9", f"{victim.name}, all of it: {why}")


def _settle(
    stage: Stage,
    scheduled: Scheduled,
    slow: JobHandle[str],
    bad: Misbehaved,
    schedulers: list[Service],
    workers: list[Service],
) -> Account:
    """Let what is due by now end, stop everything in an orderly way, account for it, and ask about some of it."""
    until = datetime.now(UTC)
    stage.passes(lambda: not _found(stage, scheduled, slow, bad, until).problems, SETTLING)
    wrong = [*scheduled.problems, *bad.problems()]
    stage.screen.event("stop", "SIGTERM to the scheduler, then to the worker")
    wrong += services.stop(schedulers)
    stage.passes(lambda: _idle(stage.app), SETTLING)
    wrong += services.stop(workers)
    if not wrong:
        stage.screen.event("stopped", "all that was not killed, with exit code 0")
    stage.look()
    found = _found(stage, scheduled, slow, bad, until)
    wrong += _asked(stage, scheduled.promises(datetime.now(UTC)))
    return replace(found, problems=(*wrong, *found.problems))


def _idle(app: Nuvom) -> bool:
    counts = app.jobs.counts()
    return not counts[JobStatus.QUEUED] and not counts[JobStatus.RUNNING]


def _asked(stage: Stage, promises: Sequence[Promise]) -> Iterator[str]:
    """Ask why, as people do, and show the answers; yields what is wrong with them."""
    assert stage.gap  # noqa: S101  # the story is over
    for question in questions(promises, _rows(stage.app, promises), stage.gap):
        try:
            answer = ask(question, stage.variables, stage.folder)
        except TimeoutExpired as late:
            raise DemoFailed(f"`nuvom schedules why` gave no answer within {late.timeout:.0f} s") from None
        stage.screen.say(f"\n{answer}")
        stage.look()
        yield from ill_answered(answer)


def _rows(app: Nuvom, promises: Iterable[Promise]) -> list[Occurrence]:
    return [row for promise in promises for row in app.schedules.runs(promise.schedule_id, limit=1_000)]


def _found(stage: Stage, scheduled: Scheduled, slow: JobHandle[str], bad: Misbehaved, until: datetime) -> Account:
    promises = scheduled.promises(datetime.now(UTC))
    rows = _rows(stage.app, promises)
    jobs = stage.app.jobs.list(limit=1_000)
    stage.look()  # after the jobs: a job that is over has written its line
    assert stage.gap  # noqa: S101
    assert stage.killed_at  # noqa: S101
    evidence = Evidence(
        occurrences=rows,
        jobs=jobs,
        runs=stage.runs,
        until=until,
        gap=stage.gap,
        others=bad.ids,
        killed_at=stage.killed_at,
    )
    return account(promises, slow.id, evidence)

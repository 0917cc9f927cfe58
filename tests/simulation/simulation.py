"""One seed from its draw to its verdict: the world is set up, things go wrong, then they stop and all must drain."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from random import Random
from typing import Any, cast

from nuvom.errors import StoreUnavailable
from nuvom.stores.base import Store
from nuvom.stores.paired.store import PairedStore
from nuvom.stores.values import JobFilter, ScheduleFilter
from tests.simulation.actors import Caller, app_on, scheduler, worker
from tests.simulation.defects import watched_logs
from tests.simulation.faults import CALM, Chance, SeenStore
from tests.simulation.kernel import SECOND, Broken, Kernel, Process, Time
from tests.simulation.opening import opened
from tests.simulation.scenario import Scenario, draw
from tests.simulation.split import SeenPair, SplitWatcher
from tests.simulation.watcher import Watcher

START = datetime(2026, 3, 1, 11, 59, 57, tzinfo=UTC)
LIMIT = 40_000  # events of one seed
RESTART = (0.1, 1.0, 4.0)  # seconds until a supervisor starts another process
DAY = 86_400.0  # seconds


@dataclass
class Report:
    """What happened under one seed."""

    seed: int
    store: str
    failure: str | None = None
    details: str = ""
    trace: list[str] = field(default_factory=list)
    events: int = 0
    switches: int = 0
    seconds: float = 0.0  # of virtual time
    crashes: int = 0
    pauses: int = 0
    unknown: int = 0
    dispatched: int = 0
    jobs: int = 0
    stale: int = 0


def simulate(seed: int, store: str = "memory", *, trace: bool = False) -> Report:
    """Run a seed; the same one gives the same events, whatever else the machine does."""
    random = Random(seed)
    kernel = Kernel(Time(START), random, LIMIT)
    kernel.trace = [] if trace else None
    scenario = draw(random)
    report = Report(seed, store)
    with opened(store, kernel.clock, scenario.lease) as (shared, another), watched_logs(kernel):
        split = isinstance(shared, PairedStore)
        watcher = (SplitWatcher if split else Watcher)(kernel, cast("Any", shared), scenario.lease)
        world = World(kernel, scenario, watcher, another)
        try:
            world.run()
            watcher.audit()
        except (Broken, AssertionError) as error:
            report.failure = str(error)
            report.details = kernel.details
    report.trace = kernel.trace or []
    report.events, report.switches, report.seconds = kernel.events, kernel.switches, kernel.elapsed / SECOND
    report.crashes, report.pauses, report.unknown = kernel.crashes, world.chance.pauses, world.chance.unknown
    report.dispatched, report.jobs, report.stale = watcher.dispatched, len(watcher.jobs.jobs), watcher.stale
    return report


class World:
    """The processes of one seed, and what happens to them from outside."""

    def __init__(self, kernel: Kernel, scenario: Scenario, watcher: Watcher, another: Callable[[], Store]) -> None:
        self.kernel = kernel
        self.scenario = scenario
        self.watcher = watcher
        self.another = another
        self.store = watcher.store
        self.chance = Chance(kernel, scenario.odds)
        self.number = 0
        self.callers: list[Process] = []
        kernel.ended = self.replace

    def run(self) -> None:
        """Set up, let go, and wait until it is over."""
        for _ in range(self.scenario.schedulers):
            self.start_service("scheduler")
        for _ in range(self.scenario.workers):
            self.start_service("worker")
        for number in range(self.scenario.callers):
            self.start_caller(number + 1)
        self.kernel.start("host", self.host)
        self.kernel.run()

    def start_service(self, kind: str, after: float = 0.0) -> Process:
        """Start a scheduler or a worker."""
        serve = {"scheduler": scheduler, "worker": worker}[kind]
        seed = self.kernel.random.getrandbits(32)
        return self.start(kind, lambda process, store: serve(process, store, self.chance, self.scenario, seed), after)

    def start_caller(self, number: int) -> None:
        """Start somebody who calls."""
        seed = self.kernel.random.getrandbits(32)
        self.callers.append(
            self.start("caller", lambda process, store: Caller(process, store, self.scenario, number, seed).run(), 0.0)
        )

    def start(self, kind: str, body: Callable[[Process, SeenStore], None], after: float) -> Process:
        """Start a process with a store of its own."""
        self.number += 1

        def live(process: Process) -> None:
            self.kernel.note(process, "starts")
            body(process, self.seen(process, self.another()))
            self.kernel.note(process, "ends")

        return self.kernel.start(f"{kind}-{self.number}", live, after)

    def seen(self, process: Process, store: Store) -> SeenStore:
        """Return a store as a process sees it."""
        if isinstance(store, PairedStore):
            return cast("SeenStore", SeenPair(process, store, self.chance, self.watcher.watch))
        return SeenStore(process, store, self.chance, self.watcher.watch)

    def replace(self, process: Process) -> None:
        """Do what a supervisor does when a process is gone: start another, and perhaps tell the store at once."""
        kind = process.name.partition("-")[0]
        if kind in ("scheduler", "worker"):
            self.start_service(kind, self.kernel.random.choice(RESTART))
        if process.ids and process.doomed and self.kernel.random.random() < self.scenario.released:
            self.start("supervisor", lambda _, store: released(store, process.ids[-1]), 0.05)

    # The host, from outside

    def host(self, process: Process) -> None:
        """Let things happen while callers call; then end all faults and wait until everything is done."""
        for _ in range(self.scenario.troubles):
            process.sleep(self.kernel.random.uniform(0.0, 2 * self.scenario.between * self.scenario.calls))
            self.trouble(process)
        self.wait_for(
            process, lambda: not any(p in self.kernel.processes for p in self.callers), "callers come to an end"
        )
        self.chance.odds = replace(CALM, late=max(2.0, 0.4 * self.scenario.lease))
        self.kernel.note(process, "from now on nothing goes wrong")
        self.wait_for(process, self.caught_up, "what is due is dispatched")
        app, _ = app_on(0, self.seen(process, self.store))
        for envelope in self.store.schedules.list(ScheduleFilter(), 1_000):
            app.schedules.cancel(envelope.id)
        self.wait_for(process, self.drained, "all jobs end")
        self.kernel.finish()

    def trouble(self, process: Process) -> None:
        """Let something happen from outside."""
        random, kernel = self.kernel.random, self.kernel
        services = [p for p in kernel.processes if p.name.startswith(("scheduler", "worker")) and not p.doomed]
        what = random.choice(("kill", "kill", "stop", "step", "step", "reboot"))
        if what == "step":
            self.set_clock(process)
        elif what == "reboot":
            for other in services:
                kernel.kill(other)
            kernel.note(process, "the host boots anew")
            kernel.clock.reboot()
            self.watcher.jobs.reboot()
        elif services and what == "kill":
            kernel.kill(random.choice(services))
        elif services:
            chosen = random.choice(services)
            kernel.note(chosen, "is told to stop")
            chosen.stop()

    def set_clock(self, process: Process) -> None:
        """Set the wall clock forward or back; a day is taken back again."""
        far, choose = self.scenario.far, self.kernel.random.choice
        step = choose((1.0, -1.0)) * (DAY if far else choose((7.0, self.scenario.jump)))
        for seconds in (step, -step) if far else (step,):
            self.kernel.note(process, f"the wall clock is set by {seconds:+g} s")
            self.kernel.clock.step(seconds)
            process.sleep(3.0 if far else 0.1)

    def wait_for(self, process: Process, condition: Callable[[], bool], what: str) -> None:
        """Sleep until something is true; virtual time in which nothing changed is a failure."""
        patience = 20 * self.scenario.lease + 60.0
        seen, since = "", self.kernel.elapsed
        while not condition():
            now = self.progress()
            if now != seen:
                seen, since = now, self.kernel.elapsed
            elif self.kernel.elapsed - since > patience * SECOND:
                self.kernel.fail(f"nothing happens any more, and still it is not so that {what}: {seen}")
            process.sleep(1.0)

    def progress(self) -> str:
        """Say how far everything is."""
        jobs = sorted((j.state, j.attempt, j.defers, j.crashes, j.id[-6:]) for j in self.watcher.jobs.jobs.values())
        return str([job for job in jobs if job[0] not in ("succeeded", "failed", "cancelled")])

    def caught_up(self) -> bool:
        """Whether nothing is due."""
        return not self.store.schedules.due(self.kernel.clock.now(), 1)

    def drained(self) -> bool:
        """Whether every job is final; a wall clock that was set back is set on where jobs wait for nothing else."""
        left = [job for job in self.store.jobs.list(JobFilter(), 10_000) if not job.status.final]
        delayed = [job.run_at for job in left if job.state == "delayed"]
        if delayed and all(job.state in ("delayed", "held") for job in left):
            ahead = (min(delayed) - self.kernel.clock.now()).total_seconds()
            if ahead > 20.0:
                self.kernel.note(None, f"the wall clock is set by {ahead:+g} s, to the next job")
                self.kernel.clock.step(ahead)
        return not left


def released(store: SeenStore, worker_id: str) -> None:
    """Tell the store that a process died, as its supervisor does when it sees it."""
    with suppress(StoreUnavailable):
        store.workers.release(worker_id, "killed")

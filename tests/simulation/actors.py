"""The processes of a simulation: the real services and real callers, each with a store of its own."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import cache
from random import Random
from typing import Any, cast
from uuid import UUID

from nuvom._app import Nuvom
from nuvom._schedule import Overlap
from nuvom._task import Task
from nuvom.errors import ScheduleChanged, ScheduleNotFound, StoreUnavailable
from nuvom.scheduler.service import SchedulerService, SchedulerSettings
from nuvom.stores.base import Store
from nuvom.stores.values import Retention
from nuvom.worker.runner import Runner
from nuvom.worker.settings import WorkerSettings
from tests.simulation.faults import Bell, Chance, SeenStore
from tests.simulation.hands import FEW, FEW_AT_ONCE, SimulatedHands, act
from tests.simulation.kernel import Process
from tests.simulation.plans import CRONS
from tests.simulation.scenario import Scenario

_LONG = timedelta(days=3650)
KEEP = Retention(jobs=_LONG, failed=_LONG, occurrences=_LONG, frequent=_LONG)
NAMES = ("a", "b", "c")
TRIES = 20  # of one call whose fate is unknown


@cache
def app_of(number: int) -> tuple[Nuvom, tuple[Task[..., Any, Any], ...]]:
    """Return the app of a caller, which lives as long as this interpreter: only its store is another each time."""
    app = Nuvom("memory://")
    app.settings  # noqa: B018  # read once
    return app, (app.task(act), app.task(name=FEW, concurrency=FEW_AT_ONCE)(act))


def app_on(number: int, store: SeenStore) -> tuple[Nuvom, tuple[Task[..., Any, Any], ...]]:
    """Return an app and its tasks, from now on with this store."""
    app, tasks = app_of(number)
    app._store = cast("Store", store)
    app.__dict__.pop("backend", None)  # it was that of another run
    return app, tasks


def scheduler(process: Process, store: SeenStore, chance: Chance, scenario: Scenario, seed: int) -> None:
    """Serve until stopped."""
    settings = SchedulerSettings(first=scenario.first, batch=scenario.batch, lease=scenario.lease, keep=KEEP)
    service = SchedulerService(
        cast("Store", store), settings=settings, clock=process.kernel.read_clock, random=Random(seed)
    )
    stop = Bell(process, chance)

    def end() -> None:
        stop.set()
        service.wake()

    process.stop = end
    service.run(cast("Any", stop))


def worker(process: Process, store: SeenStore, chance: Chance, scenario: Scenario, seed: int) -> None:
    """Work until stopped."""
    settings = WorkerSettings(threads=scenario.threads, lease=scenario.lease, keep=KEEP)
    _, tasks = app_of(0)
    runner = Runner(
        cast("Store", store),
        {task.name: task for task in tasks},
        settings,
        clock=process.kernel.read_clock,
        random=Random(seed),
        hands=lambda world: SimulatedHands(world, process, scenario.threads, scenario.lease),
        registered=process.ids.append,
        beats=True,
    )
    runner._bell = cast("Any", Bell(process, chance))
    process.stop = lambda: runner.stop(scenario.grace)
    runner.run()
    runner.close()


class Caller:
    """Does what users do, at times of its own; a call whose fate is unknown is repeated with the same id."""

    def __init__(self, process: Process, store: SeenStore, scenario: Scenario, number: int, seed: int) -> None:
        self.process = process
        self.scenario = scenario
        self.random = Random(seed)
        self.app, self.tasks = app_on(number, store)
        self.made: list[str] = []  # keys of schedules

    def run(self) -> None:
        """Act again and again, until there was enough."""
        actions: list[Callable[[], Callable[[], object]]] = [
            self.delay,
            self.delay,
            self.one_off,
            self.one_off,
            self.interval,
            self.interval,
            self.cron,
            self.cron,
            self.unnamed,
            self.cancel,
            self.update,
            self.retry,
            self.pause,
            self.resume,
            self.resume,
            self.trigger,
            self.backfill,
            self.change,
        ]
        for _ in range(self.scenario.calls):
            self.process.sleep(self.random.uniform(0.0, self.scenario.between))
            self.repeated(self.random.choice(actions)())

    def repeated(self, call: Callable[[], object]) -> None:
        """Make a call until its fate is known, as `StoreUnavailable` tells its callers to."""
        for _ in range(TRIES):
            try:
                with suppress(ScheduleNotFound, ScheduleChanged, ValueError, TypeError):  # what callers are told
                    call()
                return
            except StoreUnavailable:
                self.process.sleep(0.2)

    @property
    def task(self) -> Task[..., Any, Any]:
        """One of the tasks."""
        return self.random.choice(self.tasks)

    # Each chooses what to do and returns the call, which can be repeated.

    def delay(self) -> Callable[[], object]:
        """Push a job, or one that was pushed before."""
        options = self.task.options(id=self.new_id(), retries=self.random.choice((0, 1, 3)), **self.job_options())
        script = self.script(("s", "s", "rs", "rrs", "r", "ls", "ws", "ds", "dds", "rds", "sd", "d"))
        return lambda: options.delay(script)

    def retry(self) -> Callable[[], object]:
        """Run a job again that may be final."""
        job_id = self.new_id()
        return lambda: self.app.store.jobs.retry(job_id)

    def one_off(self) -> Callable[[], object]:
        """Schedule something once, by an id or by a name."""
        late = self.random.choice((-5.0, 0.0, 1.0, 3.0, 10.0))
        at = self.app.now() + timedelta(seconds=late)
        key: dict[str, Any] = {"id": self.new_id()} if self.random.random() < 0.5 else {"name": self.name()}
        self.made.append(next(iter(key.values())))
        options, script = self.task.options(**key), self.script(("s", "rs", "ds"))
        return lambda: options.schedule(script, at=at)

    def interval(self) -> Callable[[], object]:
        """Schedule something every few seconds, under a name that may be taken."""
        return self.recurring({"interval": self.scenario.unit * self.random.choice((1, 2, 3))})

    def cron(self) -> Callable[[], object]:
        """Schedule something by cron, under a name that may be taken."""
        fitting = [text for text, length in CRONS.items() if length >= self.scenario.unit]
        return self.recurring({"cron": self.random.choice(fitting[:3])})

    def recurring(self, times: dict[str, Any]) -> Callable[[], object]:
        """Return the call for a recurring schedule with a name."""
        name = self.name()
        self.made.append(name)
        options, script = self.task.options(name=name, **self.policies()), self.script(("s", "s", "rs", "ds", "ws"))
        return lambda: options.schedule(script, **times)

    def policies(self) -> dict[str, Any]:
        """Return policies of a recurring schedule."""
        unit, now, choose = self.scenario.unit, self.app.now(), self.random.choice
        overlap = choose((None, *Overlap))
        late = timedelta(seconds=unit * choose((1, 2, 3)))
        return {
            "overlap": overlap,
            "catch_up": choose((None, "latest", "first", "skip", *(("all",) if overlap in (None, "allow") else ()))),
            "grace": choose((None, None, None, unit / 2, unit * 3)),
            "jitter": choose((None, None, unit * 0.6)),
            "max_runs": choose((None, None, None, None, 1, 3)),
            "starts_at": choose((None, None, None, None, now + late)),
            "ends_at": choose((None, None, None, None, now + 2 * late)),
        }

    def pause(self) -> Callable[[], object]:
        """Pause a schedule."""
        key = self.key()
        return lambda: self.app.schedules.pause(key, "a reason")

    def resume(self) -> Callable[[], object]:
        """Let a schedule go on that may be paused."""
        key = self.key()
        return lambda: self.app.schedules.resume(key)

    def trigger(self) -> Callable[[], object]:
        """Run a schedule by hand; the same request again is the same run."""
        key, request = self.key(), self.random.choice(("one", "two", "three"))
        return lambda: self.app.schedules.trigger(key, request)

    def backfill(self) -> Callable[[], object]:
        """Run a part of a schedule's past."""
        key, request = self.key(), self.random.choice(("one", "two"))
        end = self.app.now()
        start, again = end - timedelta(seconds=self.scenario.unit * 3), self.random.random() < 0.3
        return lambda: self.app.schedules.backfill(key, start, end, again=again, request=request)

    def change(self) -> Callable[[], object]:
        """Change a schedule, unless somebody else does."""
        key = self.key()
        changes = self.random.choice(({"interval": self.scenario.unit * 2}, {"grace": 3}, {"overlap": "skip"}))
        return lambda: self.app.schedules.update(key, **changes)

    def unnamed(self) -> Callable[[], object]:
        """Schedule something whose content is its identity."""
        script, length = self.random.choice("s"), self.scenario.unit * self.random.choice((1, 2))
        task = self.task
        return lambda: task.schedule(script, interval=length)

    def cancel(self) -> Callable[[], object]:
        """Cancel a schedule, which may be over."""
        key = self.key()
        return lambda: self.app.schedules.cancel(key)

    def update(self) -> Callable[[], object]:
        """Read a schedule, think, and write it back changed: others may have changed it meanwhile."""
        key, think = self.key(), self.random.choice((0.0, 0.5))

        def call() -> None:
            envelope = self.app.schedules.get(key)
            if think:
                self.process.sleep(think)
            self.app.store.schedules.update(replace(envelope, metadata={"seen": "yes"}))

        return call

    def job_options(self) -> dict[str, Any]:
        """Return options that change how a job is taken."""
        return {
            "max_crashes": self.random.choice((None, None, 0, 1)),
            "priority": self.random.choice((None, None, 5)),
            "queue": self.random.choice((None, None, "other")),
            "unique": self.random.choice((None, None, None, "queued", "done", "10s")),
        }

    def new_id(self) -> str:
        """Return one of a few ids, so that some are used again."""
        return str(UUID(int=self.random.randint(1, 12), version=4))

    def name(self) -> str:
        """Return one of a few names, so that most are taken."""
        return self.random.choice(NAMES)

    def key(self) -> str:
        """Return a name or id under which there may be a schedule."""
        return self.random.choice(self.made[-4:] or NAMES)

    def script(self, choices: tuple[str, ...]) -> str:
        """Return what a job does; few kill their process, for each costs a lease."""
        chosen = self.random.choice(choices)
        if "d" in chosen and self.random.random() > self.scenario.deadly:
            return "s"
        return chosen

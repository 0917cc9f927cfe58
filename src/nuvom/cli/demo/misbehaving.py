"""Jobs that misbehave: each costs itself an error that says what it did, and the good ones beside it nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nuvom._handle import JobHandle
from nuvom._job import Job, JobStatus
from nuvom.cli.demo import tasks
from nuvom.cli.demo.stage import Stage

GOOD = 20
PATIENCE = 60.0  # seconds for what takes two or three when the machine is not busy


@dataclass(frozen=True, slots=True)
class Misbehaved:
    """The jobs, as they ended."""

    poison: Job
    hung: Job
    good: tuple[Job, ...]

    @property
    def ids(self) -> frozenset[str]:
        """The ids of all of them."""
        return frozenset(job.id for job in (self.poison, self.hung, *self.good))

    def problems(self) -> Iterator[str]:
        """Yield what is not as it was promised."""
        for name, job, kind in (("poison", self.poison, "crash"), ("hung", self.hung, "timeout")):
            found = job.error.kind if job.error else "no error"
            if job.status is not JobStatus.FAILED or found != kind:
                yield f"the job {name} is {job.status} ({found}), it must have failed ({kind})"
        for job in self.good:
            if job.status is not JobStatus.SUCCEEDED or job.errors or job.crashes:
                charged = f"{job.errors} errors and {job.crashes} crashes"
                yield f"a good job is {job.status}, with {charged} that are not its own"


def misbehave(stage: Stage) -> Misbehaved:
    """Push bad jobs among good ones, and show how each ends."""
    half = GOOD // 2
    handles: list[JobHandle[Any]] = tasks.good.map([()] * half)
    poison = tasks.poison.options(max_crashes=1).delay()
    hung = tasks.hung.delay()
    handles += tasks.good.map([()] * (GOOD - half))
    stage.screen.event("delay", "poison  poison.delay(), which ends the process that runs it")
    stage.screen.event("delay", f"hung    hung.delay(), which hangs in C and has timeout={tasks.LIMIT:g}")
    stage.screen.event("delay", f"good    {GOOD} good jobs, before them and after them")
    for name, handle in (("hung", hung), ("poison", poison)):
        stage.wait(handle.done, PATIENCE, f"the job {name} did not end")
        job = handle.refresh()
        stage.screen.event(job.status, f"{name:<7} {job.error.kind}: {job.error.message}" if job.error else name)
    stage.wait(lambda: all(handle.done() for handle in handles), PATIENCE, "the good jobs did not end")
    good = tuple(handle.refresh() for handle in handles)
    stage.screen.event("good", _told(good))
    return Misbehaved(poison.refresh(), hung.refresh(), good)


def _told(good: Sequence[Job]) -> str:
    done = sum(job.status is JobStatus.SUCCEEDED for job in good)
    again = sum(job.attempt - 1 for job in good)
    beside = f"; {again} began again because a process died" if again else ""
    crashes = sum(job.crashes for job in good)
    return f"{done} of {len(good)} succeeded, {crashes} crashes were charged to them{beside}"

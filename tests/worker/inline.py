"""Runners without threads and without waiting: a job runs when its outcome is asked for, and a virtual clock moves."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from random import Random
from typing import Any

from nuvom._app import Nuvom
from nuvom._ids import new_id
from nuvom._job import ClaimedJob, Job, NewJob
from nuvom._task import Definition, Task
from nuvom.stores.base import Store
from nuvom.stores.registry import open_store
from nuvom.testing.clock import VirtualClock
from nuvom.worker.execution import World, execute, execute_async
from nuvom.worker.lanes import Done, Work
from nuvom.worker.runner import Runner
from nuvom.worker.settings import WorkerSettings

START = datetime(2026, 1, 1, tzinfo=UTC)


class Inline:
    """Hands that run one job a call, in the calling thread; while `blocked`, none begins."""

    def __init__(self, world: World, most: int) -> None:
        self._world = world
        self._most = most
        self._queue: deque[Work] = deque()
        self._begun: deque[Work] = deque()
        self.blocked = False
        self.seconds = 0.001  # what each job says that it took

    def give(self, work: Sequence[Work], *, short: bool) -> None:
        self._queue.extend(work)
        while self.blocked and self._queue and len(self._begun) < self._most:
            self._begun.append(self._queue.popleft())

    def busy(self) -> bool:
        """Whether there is a job to run."""
        return bool(self._begun or self._queue) and not self.blocked

    def collect(self, *, is_async: bool) -> list[Done]:
        waiting = self._begun or self._queue
        if self.blocked or not waiting or waiting[0][1].is_async is not is_async:
            return []
        job, task, _ = waiting.popleft()
        if task.is_async:
            return [(asyncio.run(execute_async(job, task, self._world)), self.seconds)]
        return [(execute(job, task, self._world), self.seconds)]

    def load(self, *, is_async: bool) -> int:
        return sum(task.is_async is is_async for _, task, _ in (*self._queue, *self._begun))

    def waiting(self) -> int:
        return len(self._queue)

    def low(self) -> bool:
        return not self._queue

    def take_back(self, claimed_before: float) -> list[ClaimedJob]:
        taken = [job for job, _, claimed_at in self._queue if claimed_at < claimed_before]
        self._queue = deque(work for work in self._queue if work[2] >= claimed_before)
        return taken

    def ask_to_stop(self, wanted: Collection[tuple[int | str, int]]) -> list[ClaimedJob]:
        taken = [job for job, _, _ in self._queue if (job.ref, job.attempt) in wanted]
        self._queue = deque(work for work in self._queue if work[0] not in taken)
        return taken

    def sleep(self, wait: Callable[[float], bool], seconds: float) -> bool:
        return False if self.busy() else wait(seconds)

    def submit(self, coroutine: Coroutine[Any, Any, None]) -> Future[None]:
        done: Future[None] = Future()
        done.set_result(asyncio.run(coroutine))
        return done

    def close(self, timeout: float) -> bool:
        return not self._begun


class Stage:
    """A store, in memory by default, a virtual clock, and runners on both."""

    def __init__(self, url: str = "memory://") -> None:
        self.clock = VirtualClock(START)
        self.store: Store = open_store(url, clock=self.clock, lease=30.0)

    def runner(
        self,
        functions: Mapping[str, Callable[..., Any]],
        store: Store | None = None,
        elsewhere: Callable[[], Store] | None = None,
        **settings: Any,
    ) -> tuple[Runner, Inline]:
        """Return a worker of these tasks, and its hands."""
        app = Nuvom("memory://")
        tasks = {name: Task(app, function, name, Definition()) for name, function in functions.items()}
        chosen = WorkerSettings(**{"threads": 2, **settings})
        made: list[Inline] = []

        def hands(world: World) -> Inline:
            made.append(Inline(world, chosen.threads))
            return made[0]

        runner = Runner(
            store or self.store,
            tasks,
            chosen,
            clock=self.clock,
            random=Random(7),
            hands=hands,
            wait=self.wait,
            beats=True,
            elsewhere=elsewhere,
        )
        return runner, made[0]

    def wait(self, seconds: float) -> bool:
        """Let time pass."""
        self.clock.advance(seconds)
        return False

    def push(self, task: str, **options: Any) -> str:
        """Push a job; returns its id."""
        job = NewJob(id=new_id(self.store.now()), task=task, arguments=b"[[],{}]", **options)
        return self.store.jobs.push([job])[0].id

    def job(self, job_id: str) -> Job:
        """Read a job."""
        job = self.store.jobs.get(job_id)
        assert job is not None
        return job

    def go(self, *runners: tuple[Runner, Inline], seconds: float = 0.0) -> None:
        """Let runners work by turns until nothing is left to do, and `seconds` of virtual time have passed."""
        end = self.clock.monotonic() + seconds
        for _ in range(20_000):
            pauses = [runner.step() for runner, _ in runners if not runner.ended]
            if not pauses:
                return
            if min(pauses) == 0 or any(hands.busy() for _, hands in runners):
                continue
            left = end - self.clock.monotonic()
            if left <= 0 and min(pauses) > 0.01:
                return
            # The clock counts microseconds: less would not move it.
            self.clock.advance(max(1e-6, min(*pauses, left if left > 0 else 1.0)))
        raise AssertionError("the runners never come to rest")

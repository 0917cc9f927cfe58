"""Hands that run jobs in virtual time: what a job does is written in its arguments, one letter for each attempt."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Collection, Coroutine, Sequence
from concurrent.futures import Future
from typing import Any

from nuvom import RetryLater, current_job
from nuvom._job import ClaimedJob
from nuvom.worker.execution import World, execute
from nuvom.worker.lanes import Done, Work
from tests.simulation.kernel import SECOND, Process

# The last letter counts for all further attempts.
SUCCEED, RAISE, LATER, DIE, LONG = "srldw"
FEW, FEW_AT_ONCE = "few", 2  # the task of which not all may run at once


def act(script: str) -> dict[str, Any]:
    """What both tasks do: what the script says for this attempt."""
    attempt = current_job().attempt
    step = step_of(script, attempt)
    if step == RAISE:
        raise RuntimeError(f"attempt {attempt}")
    if step == LATER:
        raise RetryLater(in_=2)
    return {"attempt": attempt}


def step_of(script: str, attempt: int) -> str:
    """Return what an attempt does, counted from 1."""
    return script[min(attempt, len(script)) - 1]


class SimulatedHands:
    """Runs at most `most` jobs at once; each takes virtual time, and one that dies takes its process along."""

    def __init__(self, world: World, process: Process, most: int, lease: float) -> None:
        self._world = world
        self._process = process
        self._most = most
        self._lease = lease
        self._queue: deque[Work] = deque()
        self._begun: list[tuple[int, int, Work]] = []  # when it ends and how long it took, in microseconds

    def give(self, work: Sequence[Work], *, short: bool) -> None:
        self._queue.extend(work)
        self._begin()

    def collect(self, *, is_async: bool) -> list[Done]:
        now = self._process.kernel.elapsed
        if is_async or not self._begun or self._begun[0][0] > now:
            return []
        done: list[Done] = []
        while self._begun and self._begun[0][0] <= now:
            _, took, (job, task, _) = self._begun.pop(0)
            if _step(job) == DIE:
                self._process.crash(f"while it runs job {job.id[-6:]}, attempt {job.attempt}")
            done.append((execute(job, task, self._world), took / SECOND))
        self._begin()
        return done

    def load(self, *, is_async: bool) -> int:
        return 0 if is_async else len(self._queue) + len(self._begun)

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
        if not self._begun:
            return wait(seconds)
        left = (self._begun[0][0] - self._process.kernel.elapsed) / SECOND
        return False if left <= 0 else wait(min(seconds, left))

    def submit(self, coroutine: Coroutine[Any, Any, None]) -> Future[None]:
        raise NotImplementedError("no job here is a coroutine")

    def close(self, timeout: float) -> bool:
        return not self._begun

    def _begin(self) -> None:
        kernel = self._process.kernel
        while self._queue and len(self._begun) < self._most:
            work = self._queue.popleft()
            long = _step(work[0]) == LONG
            took = int(SECOND * (self._lease * 1.5 if long else kernel.random.choice((0.001, 0.05, 0.7))))
            self._begun.append((kernel.elapsed + took, took, work))
            self._begun.sort(key=lambda each: each[0])


def _step(job: ClaimedJob) -> str:
    (script,), _ = json.loads(job.arguments)
    return step_of(script, job.attempt)

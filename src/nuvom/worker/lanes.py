"""Jobs that wait for hands, and what came of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

from nuvom._job import ClaimedJob, Outcome, Verdict
from nuvom.worker.error_text import describe
from nuvom.worker.execution import Prepared

T = TypeVar("T")

# Bare tuples: they are made for each job, and a named one costs five times as much.
Work = tuple[ClaimedJob, Prepared, float]  # a claimed job, its task, when it was claimed (monotonic)
Done = tuple[Outcome, float]  # an outcome, and the seconds that it took


class Lane:
    """Jobs that wait for one kind of hand, and what came of them; both ends of a deque are safe to use by threads."""

    def __init__(self) -> None:
        self.inbox: deque[Work] = deque()
        self.outbox: deque[Done] = deque()
        self.load: int = 0

    def give(self, work: Sequence[Work]) -> None:
        """Queue jobs."""
        self.load += len(work)
        self.inbox.extend(work)

    def collect(self) -> list[Done]:
        """Return what ended."""
        done = drained(self.outbox)
        self.load -= len(done)
        return done

    def take_back(self, wanted: Callable[[Work], bool]) -> list[ClaimedJob]:
        """Return the jobs that still wait and are wanted."""
        waiting = drained(self.inbox)
        taken = [work[0] for work in waiting if wanted(work)]
        self.inbox.extend(work for work in waiting if not wanted(work))
        self.load -= len(taken)
        return taken


def drained(queue: deque[T]) -> list[T]:
    """Take everything out of a queue."""
    items: list[T] = []
    add, take = items.append, queue.popleft
    try:
        while True:
            add(take())
    except IndexError:
        return items


def corrupt(job: ClaimedJob, error: BaseException) -> Outcome:
    """Say that a job's own row (its options) cannot be read: the task's errors never come here."""
    return Outcome(job, Verdict.FAILED, None, describe(error, "corrupt"))

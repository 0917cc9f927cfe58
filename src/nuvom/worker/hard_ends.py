"""When a job ends together with its process: a child announces it, its supervisor keeps the time.

Only another process can do that: a child may be blocked in C code that lets no thread of it run.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from nuvom._current import Running
from nuvom._job import Holding, JobError, Outcome, Verdict
from nuvom.worker.link import Message
from nuvom.worker.stopping import COOPERATION, Fate, too_long

SOON = 0.35  # seconds before an end in which the successor of the process starts: that takes about as long
LATE = 1.0  # seconds: whoever looks later than this after an end was stopped, and the child perhaps with it

_Key = tuple[int | str, int]


class HardEnd(NamedTuple):
    """A job, when its process is ended for it (monotonic seconds), and what is recorded then."""

    job: Holding
    at: float
    fate: Fate
    reached: bool = False  # by the stop, which the job did not follow

    def outcome(self, now: datetime) -> Outcome:
        """Return what is recorded of it; `now` is the store's clock."""
        verdict, again, retries, limit = self.fate
        if verdict is Verdict.CANCELLED:
            message = f"it was asked to stop and did not within {COOPERATION:g} s, so its process was replaced"
            return Outcome(self.job, verdict, None, JobError("cancelled", "nuvom.JobCancelled", message))
        how = "went on although it was stopped" if self.reached else "did not yield"
        error = JobError("timeout", "nuvom.JobTimedOut", f"{too_long(limit)} and {how}, so its process was replaced")
        return Outcome(
            self.job, verdict, None, error, None if again is None else now + timedelta(seconds=again), retries
        )


class HardEnds:
    """The jobs of one child that may have to be ended together with it; pure, times are monotonic seconds."""

    def __init__(self) -> None:
        self._ends: dict[_Key, HardEnd] = {}

    def hear(self, message: Message, now: float) -> None:
        """Take what a child says of its jobs."""
        if "watch" in message:
            job, seconds, (verdict, *fate) = message["watch"]
            self._watch(HardEnd(Holding(*job), now + seconds, Fate(Verdict(verdict), *fate)))
        elif "extend" in message:
            ref, attempt, seconds = message["extend"]
            if (end := self._ends.get((ref, attempt))) is not None:
                self._ends[ref, attempt] = end._replace(at=now + seconds, reached=True)
        elif "forget" in message:
            self._ends.pop(tuple(message["forget"]), None)

    def next(self) -> float:
        """Return the earliest end."""
        return min((end.at for end in self._ends.values()), default=float("inf"))

    def due(self, now: float) -> list[HardEnd]:
        """Return the jobs whose end has come; those that are long past it get a moment to say that they have ended."""
        for key, end in self._ends.items():
            if end.at < now - LATE:
                self._ends[key] = end._replace(at=now + LATE)
        return [end for end in self._ends.values() if end.at <= now]

    def _watch(self, end: HardEnd) -> None:
        key = end.job.ref, end.job.attempt
        before = self._ends.get(key)
        self._ends[key] = end if before is None else end._replace(at=min(end.at, before.at))


class Announcer:
    """The warden of a child: it tells the supervisor.

    Args:
        say: sends a message; from any thread.
    """

    def __init__(self, say: Callable[..., None]) -> None:
        self._say = say

    def watch(self, running: Running, seconds: float, fate: Fate) -> None:
        """Announce when a job ends at the latest."""
        job = running.job
        holding = Holding(job.ref, job.id, job.attempt, job.queue, job.key, job.flow)
        self._say(watch=[holding, seconds, fate])

    def extend(self, running: Running, seconds: float) -> None:
        """Announce that a job is ending, and until when."""
        self._say(extend=[running.job.ref, running.job.attempt, seconds])

    def forget(self, running: Running) -> None:
        """Announce that a job has ended."""
        self._say(forget=[running.job.ref, running.job.attempt])

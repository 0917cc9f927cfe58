"""What to claim and when: how much there is room for, which tasks to pass over, how soon to look again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from nuvom._clock import Clock
from nuvom._crashpoint import reached
from nuvom._job import ClaimedJob
from nuvom.errors import StoreUnavailable
from nuvom.stores.base import JobStore
from nuvom.stores.values import Claim, Order
from nuvom.worker.execution import Prepared
from nuvom.worker.hands import Hands
from nuvom.worker.pace import MAX_CLAIM, Pace
from nuvom.worker.settings import WorkerSettings
from nuvom.worker.unknown import UnknownTasks

LOOK = 0.001  # seconds between looks for ready jobs, at least
FAIR_EVERY = 10
_SHARE = 20  # a look may take a twentieth of the time
_DEAR = 0.02  # seconds of a look after which even who is told of jobs waits: there is much to pass over
_LONGEST = 1.0  # seconds without a look: one that seemed to take a minute met a process that was stopped meanwhile
_NEVER = float("inf")


class Claimed(NamedTuple):
    """What a try gave; `again` is after how many seconds to try anew unless something happens before."""

    jobs: list[ClaimedJob]
    again: float
    fruitless: bool = False  # there was something, and it could not be claimed


class Claims:
    """Claims of one process; times are monotonic seconds."""

    def __init__(
        self,
        store: JobStore,
        tasks: Mapping[str, Prepared],
        unknown: UnknownTasks,
        hands: Hands,
        settings: WorkerSettings,
        clock: Clock,
    ) -> None:
        self._store = store
        self._unknown = unknown
        self._hands = hands
        self._settings = settings
        self._clock = clock
        kinds = {task.is_async for task in tasks.values()} or {False}
        self._names = {kind: tuple(name for name, task in tasks.items() if task.is_async is kind) for kind in kinds}
        self._tasks = tasks
        self._plain = 0.5  # which share of the claimed jobs was plain lately
        self._full = 0  # claims that took all they asked for: only behind those does anything wait
        self._fruitless = 0
        self._more = True  # a claim is likely to find something
        self._announced = False
        self.count: int = 0  # jobs that were claimed
        self.look_at: float = 0.0
        self._rested_at = 0.0  # the same where somebody says that there is something
        self.pace: Pace = Pace()
        # The fate of a claim is unknown: the store may count jobs as ours that we do not have.
        self.doubtful: bool = False

    def hint(self) -> None:
        """Claim without a look: jobs were made ready just now."""
        self._more = True

    @property
    def likely(self) -> bool:
        """Whether the next claim is likely to find something."""
        return self._more

    def forget(self) -> None:
        """Begin anew, as if nothing had been looked at so far."""
        self._more, self._fruitless, self.look_at, self._rested_at = True, 0, 0.0, 0.0

    def announce(self) -> None:
        """Claim next time without a look: somebody says that there is something."""
        self._announced = True

    def take(self, worker: str, now: float) -> Claimed:
        """Claim jobs if there is room for them and something is ready."""
        limit, passed_over = self.room(now)
        if limit <= 0:
            return Claimed([], _NEVER)
        if not self._more:
            look_at = self._rested_at if self._announced else self.look_at
            if now < look_at:
                return Claimed([], look_at - now)
            # A poll looks first: to read, it needs no lock that others want.
            if not self._announced and not self._look(passed_over):
                return Claimed([], _NEVER)
        announced, self._announced = self._announced, False
        order = Order.FAIR if self._full % FAIR_EVERY == FAIR_EVERY - 1 else Order.BEST
        jobs = self._claim(self._wanted(worker, limit, passed_over, order))
        self._more = len(jobs) == limit
        self._full += self._more
        if not jobs and announced and not self._look(passed_over):
            return Claimed([], _NEVER)
        self._learn(jobs)
        # There was something: a suspect, or our lease ran out, or others were faster. Ask less and less often.
        self._fruitless = 0 if jobs else min(self._fruitless + 1, 8)
        self._rested_at = now + LOOK * 2**self._fruitless
        self.look_at = max(self.look_at, self._rested_at)
        # A batch that others had locked is not an empty queue: look once more before sleeping.
        return Claimed(jobs, 0.0 if self._more else self.look_at - now, not jobs)

    def suspects_ready(self) -> bool:
        """Read whether a suspect waits."""
        return self._store.has_suspects(self._settings.queues, self._settings.ready_by)

    def take_suspect(self, worker: str, now: float) -> list[ClaimedJob]:
        """Claim one suspect."""
        return self._claim(self._wanted(worker, 1, self._unknown.excluded(now), Order.SUSPECT))

    def _look(self, passed_over: tuple[str, ...]) -> bool:
        began = self._clock.monotonic()
        self._more = self._store.has_ready(self._settings.queues, passed_over, self._settings.ready_by)
        ended = self._clock.monotonic()
        # With a million jobs to pass over a look is dear, and is not soon repeated.
        self.look_at = ended + min(max(LOOK, _SHARE * (ended - began)), _LONGEST)
        self._rested_at = self.look_at if ended - began > _DEAR else ended + LOOK
        return self._more

    def _wanted(self, worker: str, limit: int, passed_over: tuple[str, ...], order: Order) -> Claim:
        return Claim(worker, limit, self._settings.queues, passed_over, order, self._settings.ready_by)

    def _claim(self, claim: Claim) -> list[ClaimedJob]:
        reached("worker.claim")
        try:
            jobs = self._store.claim(claim)
        except StoreUnavailable as error:
            self.doubtful |= error.unknown
            raise
        reached("worker.claimed")
        self.count += len(jobs)
        return jobs

    def room(self, now: float) -> tuple[int, tuple[str, ...]]:
        """Return how many jobs to claim, and the tasks to pass over: unknown ones, and those whose hands are full.

        A claim cannot ask for so many of each kind, so it is as large as fits the mix of the last ones.
        """
        passed_over = self._unknown.excluded(now)
        limits = []
        for kind, names in self._names.items():
            room = self._room_of(is_async=kind)
            if room <= 0:
                passed_over += names
            else:
                share = 1.0 if len(self._names) == 1 else 1 - self._plain if kind else self._plain
                limits.append(int(room / max(share, 0.01)))
        if self._settings.max_jobs is not None:
            limits.append(self._settings.max_jobs - self.count)
        return min([MAX_CLAIM, *limits]) if limits else 0, passed_over

    def _learn(self, jobs: list[ClaimedJob]) -> None:
        if jobs and len(self._names) > 1:
            plain = sum(not (task and task.is_async) for task in map(self._tasks.get, (job.task for job in jobs)))
            self._plain += 0.5 * (plain / len(jobs) - self._plain)

    def _room_of(self, *, is_async: bool) -> int:
        load = self._hands.load(is_async=is_async)
        if is_async:
            return self._settings.async_concurrency - load
        ahead = self.pace.ahead(self._settings.threads)
        return self._settings.threads + ahead - load if self._hands.low() else 0

"""The scheduler service: wait until something is due, plan it, dispatch it; any number of them side by side."""

from __future__ import annotations

import logging
import math
import os
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from random import Random

from nuvom import __version__
from nuvom._clock import SYSTEM_CLOCK, Clock
from nuvom._crashpoint import reached
from nuvom._schedule import Overlap, ScheduleEnvelope
from nuvom.scheduler.crowding import Crowding
from nuvom.scheduler.dispatch import DONE_BY_OTHERS, Dispatched, FiveMethods, OneStore, dispatch_all, joined
from nuvom.scheduler.plan import quarantined
from nuvom.scheduler.resting import Resting
from nuvom.scheduler.zones import Retiming
from nuvom.stores.base import Listener, SchedulerBackend, Store
from nuvom.stores.housekeeping import Housekeeping
from nuvom.stores.outage import Outage
from nuvom.stores.values import PlanItem, Retention, WorkerInfo

LONGEST_WAIT = 0.5  # seconds: a stop that comes by signal and a step of the wall clock are seen within it
LONGEST_REST = 5.0  # seconds without a look at the store while nothing is heard of it: each costs a server two queries
STUCK = 60.0  # seconds with due work and none done, after which the service restarts its parts
CLOCK_STEP = 1.0  # seconds of difference between wall and monotonic time that are worth a line
_STEPPED = 0.01  # the same that are worth a look

log: logging.Logger = logging.getLogger("nuvom.scheduler")


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerSettings:
    """How a scheduler works; durations in seconds."""

    first: int = 100  # schedules planned at once when some become due, so that the first jobs start soon
    batch: int = 1_000  # the most planned at once: it doubles while there are more
    poll: float = 1.0  # how often a backend of five methods is looked at
    lease: float = 30.0
    keep: Retention = field(default_factory=Retention)


class SchedulerService:
    """Turns due schedules into jobs.

    `step()` does one round and never sleeps, so that a drain or a simulation can drive it. `run()` repeats it until it
    is told to stop, holds a lease under a worker row meanwhile, prunes between dispatches, and outlives its store's
    absence. A service runs once at a time: `run()` during a `run()` raises RuntimeError, after one it starts anew.
    """

    def __init__(
        self,
        store: Store,
        backend: SchedulerBackend | None = None,
        settings: SchedulerSettings | None = None,
        clock: Clock = SYSTEM_CLOCK,
        random: Random | None = None,
    ) -> None:
        self._store = store
        self._settings = settings or SchedulerSettings()
        self._clock = clock
        self._random = random or Random()
        self._way = OneStore(store) if backend is None else FiveMethods(backend, store.ledger)
        self._poll = math.inf if backend is None else self._settings.poll
        self._longest_rest = LONGEST_REST if backend is None else max(LONGEST_REST, self._poll)
        self._retiming = Retiming(store, self._way, clock, listed=backend is None)
        self._crowding = Crowding(store.ledger, clock)
        self._resting = Resting()
        self._first = self._batch = min(self._settings.first, self._settings.batch)
        self._applied = 0
        self._stuck_since: float | None = None
        self._running = threading.Lock()
        self._listener: Listener | None = None
        self._worker: WorkerInfo | None = None
        self._beat_at = 0.0
        self._look_at = -math.inf  # when to look at the store, whatever is heard of it
        self._housekeeping = Housekeeping(store, self._settings.keep, self._random.random, log)
        self._outage = Outage(
            self._random.random, log, gone="cannot dispatch, trying again: %s", back="dispatching again"
        )

    def step(self) -> float:
        """Dispatch at most one batch of what is due.

        Returns:
            Seconds until there is something to do again, 0 when more is due now, infinity when nothing is scheduled.

        Raises:
            StoreUnavailable: the store is away; what was done is done, what was not is still due.

        """
        self._crowding.step()
        if self._retiming.step():
            self._dispatch_some()
            return 0.0
        return self._dispatch_some()

    def _dispatch_some(self) -> float:
        now = self._store.now()
        at = self._clock.monotonic()
        resting = self._resting.count(at)
        limit = self._batch + resting  # what rests is due too, and must not hide the others
        found = self._way.due(now, limit)
        reached("scheduler.due")
        fresh = [each for each in found if not self._resting.rests(each, at)] if resting else found
        if not fresh:
            return self._idle(now, at, found)
        round_ = self._dispatched(fresh, now)
        self._watch(round_, at)
        self._batch = min(2 * self._batch, self._settings.batch)
        if len(found) >= limit or round_.refused or round_.failed or resting:
            return 0.0 if round_.applied else self._contended()
        self._batch = self._first
        return self._until_next(self._store.now())

    def run(self, stop: threading.Event, *, drain: bool = False) -> None:
        """Serve until `stop` is set, which is seen within half a second, or at once after `wake()`.

        Args:
            stop: ends it.
            drain: whether it ends by itself when nothing is due.

        Raises:
            RuntimeError: this service runs already.

        """
        with self._exclusively():
            try:
                while not stop.is_set():
                    pause = self._survive()
                    if drain and self._nothing_due():
                        break
                    self._wait(pause, stop)
            finally:
                self._leave()

    def wake(self) -> None:
        """End the wait of `run()` from another thread."""
        listener = self._listener
        if listener is not None:
            listener.wake()

    def _dispatched(self, envelopes: Sequence[ScheduleEnvelope], now: datetime) -> Dispatched:
        """Plan and dispatch; what is refused is read anew and planned once more, then it backs off."""
        first = self._planned(envelopes, now)
        changed = [each for refusal in first.refused if (each := self._way.anew(refusal)) is not None]
        again = self._planned(changed, self._store.now()) if changed else Dispatched(0, [], [])
        self._rest(envelopes, first)
        self._rest(changed, again)
        both = joined(first, again)
        self._applied += both.applied
        return both

    def _rest(self, envelopes: Sequence[ScheduleEnvelope], round_: Dispatched) -> None:
        """Leave what was refused or failed alone for a while; what fails by itself is taken out of the running."""
        at = self._clock.monotonic()
        if refused := {each.schedule_id for each in round_.refused}:
            for each in envelopes:
                if each.id in refused:
                    self._resting.add(each, at, self._applied)
        for item, error in round_.failed:
            self._failed(item, error, at)

    def _planned(self, envelopes: Sequence[ScheduleEnvelope], now: datetime) -> Dispatched:
        asked = {each.id: each.overlap for each in envelopes if each.overlap is not Overlap.ALLOW}
        items = self._retiming.plan(envelopes, now, self._way.blocked(asked) if asked else frozenset())
        reached("scheduler.plan")
        for item in items:
            if item.quarantine is not None:
                log.error("schedule %s is taken out of the running: %s", _called(item), item.quarantine)
        self._crowding.saw(items)
        return dispatch_all(self._way, items, now)

    def _failed(self, item: PlanItem, error: Exception, at: float) -> None:
        reason = f"it cannot be stored: {type(error).__name__}: {error}"
        failure = self._resting.add(item.envelope, at, self._applied)
        if failure.first:
            log.warning("schedule %s was not dispatched and is tried again: %s", _called(item), reason)
        elif failure.own:
            log.error("schedule %s is taken out of the running: %s", _called(item), reason)
            dispatch_all(self._way, [quarantined(item.envelope, reason)], self._store.now())

    def _idle(self, now: datetime, at: float, found: Sequence[ScheduleEnvelope]) -> float:
        self._batch = self._first
        if not found:
            self._stuck_since = None
            return self._until_next(now) or 0.001  # it became due since
        # What rests is due and hides the next due time, so look again soon; the limit of `due` grew by what rests.
        return min(0.1, self._resting.ends(at))

    def _until_next(self, now: datetime) -> float:
        seconds = self._way.next_due(now)
        return min(self._poll, math.inf if seconds is None else max(seconds, 0.0))

    def _contended(self) -> float:
        """Return a short wait by chance, so that schedulers side by side do not plan the same batch again and again."""
        return self._random.uniform(0.0, 0.02)

    def _watch(self, round_: Dispatched, at: float) -> None:
        """Restart the parts when work was due for a minute and none got done: alive and deaf is the worst failure."""
        if round_.applied or any(each.reason in DONE_BY_OTHERS for each in round_.refused):
            self._stuck_since = None
        elif self._stuck_since is None:
            self._stuck_since = at
        elif at - self._stuck_since > STUCK:
            log.error("schedules are due and none was dispatched for %.0f s; starting afresh", at - self._stuck_since)
            self._stuck_since = None
            self._resting = Resting()
            self._close_listener()

    def _survive(self) -> float:
        """Do one round of service; whatever is wrong, the answer is how long to wait before the next."""
        try:
            self._beat()
            at = self._clock.monotonic()
            if at >= self._look_at:
                self._look_at = -math.inf  # an error must not leave it ahead
                self._look_at = at + min(self.step(), self._longest_rest)
            now = self._clock.monotonic()
            self._housekeeping.step(now, busy=self._look_at <= at)
        except Exception as error:  # noqa: BLE001  # a service never exits because something else is broken
            return self._outage.begin(error, self._clock.monotonic())
        self._outage.end(now)
        return max(0.0, min(self._look_at - now, self._housekeeping.pause))

    def _nothing_due(self) -> bool:
        """Whether all is dispatched that can be; what rests after failures does not count."""
        if self._outage.lasts:
            return False
        try:
            due_in = self._way.next_due(self._store.now())
        except Exception:  # noqa: BLE001  # the next round meets it again, and says it
            return False
        return due_in is None or due_in > 0 or self._resting.count(self._clock.monotonic()) > 0

    def _beat(self) -> None:
        """Hold the lease, and the listener whose address its row carries."""
        at = self._clock.monotonic()
        if self._worker is not None and self._listener is not None:
            if at < self._beat_at:
                return
            if self._worker.id not in self._store.workers.heartbeat([self._worker.id]):
                self._beat_at = at + self._settings.lease / 3
                return
            log.warning("the lease of scheduler %s ran out; it goes on under a new id", self._worker.id)
        self._register(at)

    def _register(self, at: float) -> None:
        if self._listener is None:
            self._listener = self._store.listener("scheduler")
        last, self._worker = self._worker, None
        if last is not None:
            self._store.workers.unregister(last.id)
        worker = WorkerInfo(
            id=f"{self._random.getrandbits(128):032x}",
            kind="scheduler",
            host=socket.gethostname(),
            pid=os.getpid(),
            version=__version__,
            address=self._listener.address,
        )
        self._store.workers.register(worker)
        self._worker, self._beat_at = worker, at + self._settings.lease / 3
        log.info("scheduler %s serves %s", worker.id, self._store.url)

    def _wait(self, pause: float, stop: threading.Event) -> None:
        pause = min(pause, LONGEST_WAIT) if not self._outage.lasts else pause
        if pause <= 0:
            return
        wall, at = self._clock.now(), self._clock.monotonic()
        if self._listener is None or self._outage.lasts:
            self._look_at = -math.inf
            stop.wait(pause)
        else:
            self._listen(self._listener, pause, stop)
        step = (self._clock.now() - wall).total_seconds() - (self._clock.monotonic() - at)
        if abs(step) > _STEPPED:
            self._look_at = -math.inf
        if abs(step) > CLOCK_STEP:
            log.warning("the wall clock moved by %+.1f s", step)

    def _listen(self, listener: Listener, pause: float, stop: threading.Event) -> None:
        try:
            if listener.wait(pause):
                self._look_at = -math.inf
        except Exception as error:  # noqa: BLE001  # the next beat opens another
            self._close_listener()
            stop.wait(self._outage.begin(error, self._clock.monotonic()))

    @contextmanager
    def _exclusively(self) -> Iterator[None]:
        if not self._running.acquire(blocking=False):
            raise RuntimeError("this scheduler service runs already; make another one to run two")
        try:
            yield
        finally:
            self._running.release()

    def _leave(self) -> None:
        worker, self._worker = self._worker, None
        self._close_listener()
        if worker is None or self._outage.lasts:
            return  # the lease of a store that is away runs out by itself
        try:
            self._store.workers.unregister(worker.id)
        except Exception as error:  # noqa: BLE001  # the lease then runs out by itself
            log.warning("scheduler %s could not end its lease: %s", worker.id, error)

    def _close_listener(self) -> None:
        self._look_at = -math.inf  # what would have been heard from now on
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()


def _called(item: PlanItem) -> str:
    return item.envelope.name or item.envelope.id

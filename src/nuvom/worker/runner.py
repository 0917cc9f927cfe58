"""One process of a worker: it claims jobs, hands them out, and records how they ended."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from random import Random

from nuvom._clock import SYSTEM_CLOCK, Clock
from nuvom._hooks import NO_HOOKS, Hooks
from nuvom._job import ClaimedJob
from nuvom.errors import StoreError
from nuvom.stores.base import Store
from nuvom.stores.housekeeping import Housekeeping
from nuvom.stores.outage import Outage
from nuvom.stores.values import TaskRow
from nuvom.worker.claims import Claims
from nuvom.worker.deaf import Deafness
from nuvom.worker.draining import nothing_left
from nuvom.worker.execution import Prepared, Runnable, World
from nuvom.worker.failures import Failures
from nuvom.worker.hands import Hands, Pool
from nuvom.worker.holdings import Holdings
from nuvom.worker.lanes import Work
from nuvom.worker.lease import Lease
from nuvom.worker.lifespan import Life
from nuvom.worker.peek import REST, Peek
from nuvom.worker.settings import WorkerSettings
from nuvom.worker.solitude import Phase, Solitude
from nuvom.worker.stopping import Stops, Warden
from nuvom.worker.unknown import UnknownTasks
from nuvom.worker.watch import ScheduleWatch

NAP = 1.0  # seconds of sleep, at most: the wall clock may be set, and durations are read anew after each
UNSTARTED = 1.0  # seconds after its claim that a job nobody has begun goes back
LONGEST_LEAVE = 60.0  # seconds, where nobody hurries a process
LAST_TRIES = 1.5  # seconds past its end for which a stopping process waits for a store that is away
_NEVER = float("inf")

log: logging.Logger = logging.getLogger("nuvom.worker")

Wait = Callable[[float], bool]


class Runner:
    """The loop of one process, as steps: `run` repeats them, a simulation may call `step` itself.

    Args:
        store: where the jobs are.
        tasks: what can be run, by name and alias.
        settings: queues, threads, limits.
        rows: what is reported of the tasks.
        clock: the host's, or a virtual one.
        random: chance of its own: tasks may seed the global one.
        hands: who runs jobs; threads and an event loop by default.
        wait: how to sleep; the store's listener by default.
        life: what the jobs share, entered by `run` before the first and left after the last.
        hooks: the app's, around each attempt.
        registered: called with each worker id under which this process comes to hold jobs.
        retires: called with the reason when it takes no more jobs because it has run as many as it may.
        warden: who ends this process when a stop does not reach a job.
        beats: whether the runner extends its own lease, because no supervisor does.
        elsewhere: opens the store that has the schedules, where that is another one.
    """

    def __init__(
        self,
        store: Store,
        tasks: Mapping[str, Runnable],
        settings: WorkerSettings,
        *,
        rows: Sequence[TaskRow] = (),
        clock: Clock = SYSTEM_CLOCK,
        random: Random | None = None,
        hands: Callable[[World], Hands] | None = None,
        wait: Wait | None = None,
        life: Life | None = None,
        hooks: Hooks = NO_HOOKS,
        registered: Callable[[str], None] | None = None,
        retires: Callable[[str], None] | None = None,
        warden: Warden | None = None,
        beats: bool = False,
        elsewhere: Callable[[], Store] | None = None,
    ) -> None:
        random = random or Random()
        self._store = store
        self._settings = settings
        self._rows = rows
        self._clock = clock
        self._tasks = {name: Prepared.of(task) for name, task in tasks.items()}
        self._bell = threading.Event()
        self._wait = wait or self._listen
        self._retires = retires
        self._life = life or Life(None)
        self.lease: float = settings.lease
        self._stops = Stops(warden)
        world = World(clock.now, random.random, self._life, self._stops, hooks)
        self._hands = hands(world) if hands else Pool(settings.threads, world, self.wake)
        self._lease = Lease(store, settings.lease, random, beats=beats, registered=registered)
        self._unknown = UnknownTasks(self._tasks, settings.unknown_task)
        self._claims = Claims(store.jobs, self._tasks, self._unknown, self._hands, settings, clock)
        self._solitude = Solitude()
        self._deafness = Deafness(store.jobs, settings, self._claims, clock.monotonic())
        self._outage = Outage(random.random, log)
        self._housekeeping = Housekeeping(store, settings.keep, random.random, log)
        self._watch = ScheduleWatch(store, clock.monotonic(), elsewhere)
        self._failures = Failures(store.jobs, self._tasks, self._hands.submit)
        self._holdings = Holdings(store, self._hands, self._stops, clock.monotonic())
        self._stop_at: float | None = None
        self._peek = Peek(store, clock.monotonic())
        self._unstarted_at = clock.monotonic()
        self.ended: bool = False
        self.drained: bool = False  # it ended because nothing was left to do

    def wake(self) -> None:
        """End the sleep, from any thread."""
        self._bell.set()
        listener = self._lease.listener
        if listener is not None:
            listener.wake()

    def stop(self, grace: float) -> None:
        """Claim nothing more and end when the running jobs have, at the latest in `grace` seconds; from any thread."""
        stop_at = self._clock.monotonic() + grace
        self._stop_at = stop_at if self._stop_at is None else min(self._stop_at, stop_at)
        self.wake()

    def retire(self) -> None:
        """Claim nothing more and end when the running jobs have, however long that takes; from any thread."""
        self.stop(_NEVER)

    @property
    def holding(self) -> bool:
        """Whether jobs still run here; once it has ended, they go on until the process does."""
        return bool(self._holdings.jobs)

    def lease_lost(self) -> None:
        """Look at once whether the lease still lives, because a supervisor says that it does not; from any thread."""
        self._lease.suspect()
        self.wake()

    def run(self) -> None:
        """Work until stopped; raises LifespanError where the lifespan of its jobs does not begin."""
        self._life.enter(self._hands.submit)
        try:
            woken = True
            while not self.ended:
                pause = self.step(woken=woken)
                woken = pause > 0 and self._hands.sleep(self._wait, pause)
        finally:
            self._failures.close(self._left())
            self._life.leave(self._left())

    def _left(self) -> float:
        """Return for how many seconds the users' code may still be waited for, after the last job."""
        left = 0.0 if self._stop_at is None else self._stop_at - self._clock.monotonic()
        return min(max(left, 0.0), LONGEST_LEAVE) + LAST_TRIES / 2

    def close(self) -> bool:
        """Let go of threads and listener; False when a job still holds a thread."""
        if self._lease.listener is not None:
            self._lease.listener.close()
        self._stops.close()
        return self._hands.close(0.2)

    def step(self, *, woken: bool = True) -> float:
        """Do what there is to do now; returns how many seconds to sleep at most.

        Args:
            woken: whether the sleep before was ended by something that happened.
        """
        now = self._clock.monotonic()
        self._collect()
        if self._stop_at is not None and self._may_leave(now, self._stop_at):
            self.ended = True
            return 0.0
        if now < self._outage.until:
            return min(self._outage.until - now, NAP)
        try:
            pause = self._turn(now, woken=woken)
        except StoreError as error:
            return self._outage.begin(error, now)
        self._outage.end(now)
        return pause

    def _turn(self, now: float, *, woken: bool) -> float:
        names = tuple(self._tasks)
        worker = self._lease.id or self._lease.begin(self._settings.queues, names, self._rows, now)
        self._flush(worker, now)
        self._holdings.ask(worker, now, woken=woken)
        if self._stop_at is not None:
            return self._wind_down(worker, now, self._stop_at)
        if self._begins_anew(now):
            return 0.0
        self._housekeeping.step(now)
        self._watch.step(now)
        self._failures.look(now)
        # Before all other reads, which would stand between a wake-up and the start of a job.
        may_claim = self._solitude.phase is Phase.OPEN and not self._claims.doubtful
        again = self._claim(worker, now) if may_claim else 0.0
        if self._spent():
            return 0.0
        if woken:
            self._peek.no_later_than(now + REST if self._claims.likely else self._claims.look_at)
        if self._look_around(now):
            again = 0.0
        self._return_unstarted(now)
        if now >= self._deafness.look_at and self._deaf(now):
            return 0.0
        if self._settings.drain and self._drained(now):
            return 0.0
        if self._claims.doubtful or self._solitary(worker, now):
            return self._pause(now, NAP)
        return self._pause(now, again)

    # Outcomes.

    def _collect(self) -> None:
        plain = self._hands.collect(is_async=False)
        if plain:  # coroutines wait while others run, so their durations say nothing of threads
            self._claims.pace.measure(len(plain), sum(seconds for _, seconds in plain))
        self._holdings.accept(plain)
        self._holdings.accept(self._hands.collect(is_async=True))

    def _flush(self, worker: str, now: float, *, force: bool = False) -> None:
        flushed = self._holdings.flush(worker, now, force=force)
        if flushed.refused:
            self._lease.suspect()
        if flushed.later:
            self._peek.no_later_than(now)
        if flushed.failed:
            self._failures.note(flushed.failed)

    def _return_unstarted(self, now: float) -> None:
        """Put back jobs for which no thread was free in time, free of charge."""
        if now < self._unstarted_at or not self._hands.waiting():
            return
        self._unstarted_at = now + UNSTARTED / 4
        if self._holdings.put_back(now - UNSTARTED):
            self._claims.pace.blocked()

    # Claims.

    def _claim(self, worker: str, now: float) -> float:
        """Claim jobs where there is room; returns after how long to try again."""
        claimed = self._claims.take(worker, now)
        self._hand_out(claimed.jobs, now)
        if claimed.fruitless:
            self._solitude.look_soon()
            self._lease.suspect()
        return claimed.again

    def _hand_out(self, jobs: Sequence[ClaimedJob], now: float) -> None:
        work: list[Work] = []
        tasks, held = self._tasks, self._holdings.jobs
        for job in jobs:
            task = tasks.get(job.task)
            if task is None:
                self._holdings.outcomes.append(self._unknown.meet(job, now, self._clock.now(), self._is_live))
            else:
                held[job.ref] = job
                work.append((job, task, now))
        if work:
            self._hands.give(work, short=self._claims.pace.short)

    def _spent(self) -> bool:
        """Retire after the last job that this process may run."""
        limit = self._settings.max_jobs
        if limit is None or self._claims.count < limit:
            return False
        if self._retires is not None:
            self._retires(f"it has taken as many jobs as it may ({limit:,})")
        self.retire()
        return True

    def _is_live(self, task: str) -> bool:
        try:
            return any(worker.alive and task in worker.tasks for worker in self._store.workers.list())
        except StoreError:
            return True  # nobody knows: the job is left for later

    def _solitary(self, worker: str, now: float) -> bool:
        """See to suspects; True while nothing else may be claimed."""
        solitude = self._solitude
        match solitude.phase:
            case Phase.OPEN:
                if not solitude.wants_look(now):
                    return False
                found = self._claims.suspects_ready()
                solitude.looked(now, found=found)
                if found:
                    self._holdings.put_back()
                return found
            case Phase.EMPTYING if self._load():
                return not solitude.gave_up(now)
            case Phase.EMPTYING:
                jobs = self._claims.take_suspect(worker, now)
                solitude.claimed(now, got=bool(jobs))
                self._hand_out(jobs, now)
                return bool(jobs)
            case Phase.ALONE:
                if self._load() or self._holdings.outcomes:
                    return True
                solitude.ended()
                return False

    def _drained(self, now: float) -> bool:
        """Stop where nothing is left to do; returns whether that is so."""
        if self._holdings or self._load():
            return False
        self.drained = nothing_left(self._store.jobs, self._settings, self._unknown.excluded(now))
        if self.drained:
            self.stop(0.0)
        return self.drained

    def _deaf(self, now: float) -> bool:
        """Start the parts afresh where work was left lying; a lease that holds jobs is kept."""
        loaded = self._load() > 0
        may_claim = not self._claims.doubtful and not (loaded and self._solitude.phase is Phase.ALONE)
        if not self._deafness.noticed(now, may_claim=may_claim, loaded=loaded):
            return False
        self._claims.forget()
        self._solitude = Solitude()
        if not (loaded or self._holdings):
            self._lease.renew()
        return True

    def _load(self) -> int:
        return self._hands.load(is_async=False) + self._hands.load(is_async=True)

    # Leases, times and the end.

    def _look_around(self, now: float) -> bool:
        """Do what no wake-up announces; returns whether there are more ready jobs now."""
        found = self._peek.step(now)
        if found.rescued:
            self._solitude.look_soon()
        if found.ready:
            self._claims.hint()
        return found.ready

    def _pause(self, now: float, pause: float) -> float:
        """Return how long to sleep: at most until the next thing that nobody announces."""
        ends = [self._peek.at, self._lease.next_beat(), self._holdings.next_turn(now)]
        if self._hands.waiting():
            ends.append(self._unstarted_at)
        if self._solitude.phase is Phase.EMPTYING:
            ends.append(now + (self._solitude.left(now) if self._load() else 0.0))
        return max(0.0, min(pause, NAP, min(ends) - now))

    def _begins_anew(self, now: float) -> bool:
        """Give up an id whose lease ran out, or that may hold jobs which never came here."""
        if self._lease.lost(now):
            self._holdings.forget()
            return True
        if not self._claims.doubtful or self._holdings:
            return False
        self._lease.end()
        self._claims.doubtful = False
        return True

    def _wind_down(self, worker: str, now: float, stop_at: float) -> float:
        """End: what nobody began goes back, what runs may end until `stop_at`.

        What still runs then is put back by whoever sees this process end, and not before: it would run twice at once.
        """
        if stop_at == _NEVER:  # it retires: what it has claimed is its own
            self._return_unstarted(now)
        else:
            self._holdings.put_back()
        self._flush(worker, now, force=True)
        if self.holding and now < stop_at:
            return max(0.0, min(NAP, stop_at - now, self._holdings.next_turn(now) - now))
        if not self.holding:
            self._lease.end()
        self.ended = True
        return 0.0

    def _may_leave(self, now: float, stop_at: float) -> bool:
        """Whether to end without the store: it was never reached, or it stays away at the end."""
        if self._lease.id is None:
            return True
        return self._outage.lasts and (now >= stop_at + LAST_TRIES or not self._holdings)

    def _listen(self, seconds: float) -> bool:
        if self._lease.listener is not None and not self._outage.lasts:
            try:
                heard = self._lease.listener.wait(seconds)
                if heard and not self._bell.is_set():  # then it was not a job of our own that ended
                    self._claims.announce()
                self._bell.clear()
                return heard
            except StoreError as error:
                self._outage.begin(error, self._clock.monotonic())
                return True
        rang = self._bell.wait(seconds)
        self._bell.clear()
        return rang

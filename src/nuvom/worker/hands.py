"""Who runs jobs: threads for plain functions, and one event loop for coroutine functions."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Collection, Coroutine, Sequence
from concurrent.futures import Future
from queue import SimpleQueue
from time import monotonic, perf_counter, sleep
from typing import Any, Protocol, TypeVar

from nuvom._job import ClaimedJob
from nuvom.worker.coroutines import Coroutines
from nuvom.worker.execution import World, execute
from nuvom.worker.lanes import Done, Lane, Work, corrupt

T = TypeVar("T")

_STALL = 0.005  # seconds without a start after which the next thread helps


class Hands(Protocol):
    """Where jobs go and outcomes come from; used by one thread, the one that talks to the store."""

    def give(self, work: Sequence[Work], *, short: bool) -> None:
        """Take jobs to run, in this order; `short` are those that end sooner than another thread would wake."""
        ...

    def collect(self, *, is_async: bool) -> list[Done]:
        """Return what ended since the last call."""
        ...

    def load(self, *, is_async: bool) -> int:
        """Return how many jobs were given and neither collected nor taken back."""
        ...

    def waiting(self) -> int:
        """Return how many jobs nobody has begun."""
        ...

    def low(self) -> bool:
        """Whether so few jobs wait that it is time to claim more."""
        ...

    def take_back(self, claimed_before: float) -> list[ClaimedJob]:
        """Return jobs that nobody has begun, of those claimed before then; nobody will begin them."""
        ...

    def ask_to_stop(self, wanted: Collection[tuple[int | str, int]]) -> list[ClaimedJob]:
        """Stop jobs (ref, attempt) that run; returns those of them that nobody has begun, and nobody will begin."""
        ...

    def sleep(self, wait: Callable[[float], bool], seconds: float) -> bool:
        """Call `wait` unless there is something to collect; an outcome ends it. Returns what `wait` returned."""
        ...

    def submit(self, coroutine: Coroutine[Any, Any, None]) -> Future[None]:
        """Begin to run a coroutine in the event loop of coroutine functions."""
        ...

    def close(self, timeout: float) -> bool:
        """Let the threads end; False when a job still holds one."""
        ...


def _first(queue: deque[T]) -> T | None:
    try:
        return queue[0]
    except IndexError:
        return None


class Pool:
    """Threads and an event loop; both start with their first job.

    Threads take one job at a time from what they share. Of short jobs one thread runs a whole batch, because waking
    another costs more than running a job; a guard wakes the next one as soon as jobs wait and none begins.
    """

    def __init__(self, threads: int, world: World, wake: Callable[[], None]) -> None:
        self._size = threads
        self._world = world
        self._wake = wake
        self._sleeping = False
        self._low = 0
        self._plain = Lane()
        self._coroutines = Coroutines(world, self._ended)
        self._async = self._coroutines.lane
        self._calls: SimpleQueue[None] = SimpleQueue()  # what the threads sleep on
        self._guarded = threading.Event()
        self._threads: list[threading.Thread] = []
        self._closing = False

    def give(self, work: Sequence[Work], *, short: bool) -> None:
        """Hand plain jobs to the threads, the others to the event loop."""
        plain = [item for item in work if not item[1].is_async]
        coroutines = [item for item in work if item[1].is_async] if len(plain) < len(work) else []
        if plain:
            self._start_threads()
            self._plain.give(plain)
            self._low = len(self._plain.inbox) // 2
            self._call(1 if short else len(plain))
            if short:
                self._guarded.set()
        if coroutines:
            self._coroutines.give(coroutines)

    def collect(self, *, is_async: bool) -> list[Done]:
        """Return what ended since the last call."""
        return (self._async if is_async else self._plain).collect()

    def load(self, *, is_async: bool) -> int:
        """Return how many jobs were given and neither collected nor taken back."""
        return (self._async if is_async else self._plain).load

    def waiting(self) -> int:
        """Return how many jobs nobody has begun."""
        return len(self._plain.inbox) + len(self._async.inbox)

    def low(self) -> bool:
        """Whether at most half of the jobs that were last given to the threads still wait."""
        return len(self._plain.inbox) <= self._low

    def take_back(self, claimed_before: float) -> list[ClaimedJob]:
        """Return jobs that nobody has begun, of those claimed before then."""
        return self._take_back(lambda work: work[2] < claimed_before)

    def ask_to_stop(self, wanted: Collection[tuple[int | str, int]]) -> list[ClaimedJob]:
        """Stop jobs that run, return those that nobody has begun; who is just beginning one is asked again later."""
        taken = self._take_back(lambda work: (work[0].ref, work[0].attempt) in wanted)
        for ref, attempt in wanted:
            self._world.stops.cancel(ref, attempt)
        return taken

    def sleep(self, wait: Callable[[float], bool], seconds: float) -> bool:
        """Wait, to be woken by an outcome only while asleep: a wake-up for each would cost more than the job."""
        self._sleeping = True
        try:
            # Looked at after the flag is up: whoever ends a job now sees the flag, and who ended one before is seen.
            return False if self._worth_waking() else wait(seconds)
        finally:
            self._sleeping = False

    def submit(self, coroutine: Coroutine[Any, Any, None]) -> Future[None]:
        """Begin to run a coroutine in the event loop."""
        return self._coroutines.submit(coroutine)

    def close(self, timeout: float) -> bool:
        """Let the threads and the loop end; False when a job still holds one after `timeout` seconds."""
        self._closing = True
        for _ in self._threads:
            self._calls.put(None)
        self._guarded.set()
        self._coroutines.close()
        everyone = [*self._threads, *([self._coroutines.thread] if self._coroutines.thread else [])]
        deadline = monotonic() + timeout
        for thread in everyone:
            thread.join(max(0.0, deadline - monotonic()))
        return not any(thread.is_alive() for thread in everyone)

    def _take_back(self, wanted: Callable[[Work], bool]) -> list[ClaimedJob]:
        taken = self._plain.take_back(wanted)
        self._call(len(self._plain.inbox))  # a thread that looked meanwhile saw nothing and went to sleep
        return taken + self._async.take_back(wanted)

    def _worth_waking(self) -> bool:
        return bool(self._async.outbox) or (bool(self._plain.outbox) and len(self._plain.inbox) <= self._low)

    def _ended(self) -> None:
        if self._sleeping:
            self._rouse()

    def _rouse(self) -> None:
        self._sleeping = False
        self._wake()

    def _start_threads(self) -> None:
        if self._threads:
            return
        for number in range(1, self._size + 1):
            self._threads.append(threading.Thread(target=self._serve, name=f"nuvom-{number}", daemon=True))
        self._threads.append(threading.Thread(target=self._guard, name="nuvom-guard", daemon=True))
        for thread in self._threads:
            thread.start()

    def _call(self, threads: int) -> None:
        """Wake as many threads; a call is heard even by who is just going to sleep, so no job is overlooked."""
        for _ in range(min(threads, self._size) - self._calls.qsize()):
            self._calls.put(None)

    def _guard(self) -> None:
        """Call a thread each time that none begins a job for a while, although jobs wait."""
        inbox = self._plain.inbox
        while not self._closing:
            self._guarded.wait()
            self._guarded.clear()
            seen = None
            while (first := _first(inbox)) is not None and not self._closing:
                if first is seen:
                    self._call(1)
                seen = first
                sleep(_STALL)

    def _serve(self) -> None:
        while not self._closing:
            self._calls.get()
            self._work()

    def _work(self) -> None:
        """Run jobs until none waits."""
        world, inbox, outbox = self._world, self._plain.inbox, self._plain.outbox
        take, put, pid = inbox.popleft, outbox.append, os.getpid()
        while not self._closing:
            try:
                job, task, _ = take()
            except IndexError:
                return
            began = perf_counter()
            try:
                outcome = execute(job, task, world)
            except BaseException as error:  # noqa: BLE001 - a thread that dies is a worker that is alive and deaf
                outcome = corrupt(job, error)
            if os.getpid() != pid:
                os._exit(0)  # the task forked and returned in both processes: this copy has no worker around it
            put((outcome, perf_counter() - began))
            if self._sleeping and len(inbox) <= self._low:
                self._rouse()

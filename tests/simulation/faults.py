"""A store as one process sees it: each call may be late, fail, be done and said to have failed, or be the last."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from nuvom.errors import StoreUnavailable
from nuvom.stores.base import Store
from tests.simulation.kernel import Gone, Kernel, Process

READS = frozenset(
    "now has_ready has_suspects next_wakeup get attempts counts queues list tasks fence occurrences occurrence "
    "open_runs requested outdated_zones due by_name upcoming next_due blocked fences".split()
)

# What was read before these may be out of date when they are made: there processes meet.
PREPARED = frozenset(
    "schedules.apply schedules.update schedules.upsert ledger.request jobs.finish "
    "ledger.deliver ledger.raise_fence keeper_schedules.advance keeper_schedules.follow".split()
)


@dataclass
class Odds:
    """How often a call goes wrong, and how; a share of all calls."""

    crash: float = 0.0
    fail: float = 0.0
    unknown: float = 0.0
    pause: float = 0.0
    meet: float = 0.0  # how often a process is paused before a call that was prepared by reading
    longest: float = 10.0  # seconds of a pause, at most
    deaf: float = 0.0  # how often a sleeper misses what wakes it
    startled: float = 0.0  # how often it wakes early for nothing
    late: float = 1.0  # by which factor sleeps are longer than was asked for, at most
    slow: int = 100  # microseconds that a call takes

    @property
    def total(self) -> float:
        return self.crash + self.fail + self.unknown + self.pause


CALM = Odds()


class Chance:
    """Draws what befalls the calls and sleeps of all processes."""

    def __init__(self, kernel: Kernel, odds: Odds) -> None:
        self.kernel = kernel
        self.odds = odds
        self.pauses = self.unknown = 0

    def through(self, process: Process, name: str, call: Callable[[], Any], *, reads: bool) -> Any:
        """Make a call, and whatever goes wrong with it."""
        kernel, odds = self.kernel, self.odds
        if process.doomed or kernel.finished:
            raise Gone
        kernel.spend(odds.slow)
        drawn = kernel.random.random()
        if drawn >= odds.total:
            if name in PREPARED and kernel.random.random() < odds.meet:
                return self._pause(process, name, call, after=False)
            return call()
        after = kernel.random.random() < 0.5
        if drawn < odds.crash:
            return self._crash(process, name, call, after=after)
        if drawn < odds.crash + odds.fail or (reads and drawn < odds.total - odds.pause):
            kernel.note(process, f"{name} fails")
            raise StoreUnavailable(f"{name}: the simulated store is away")
        if drawn < odds.total - odds.pause:
            return self._unknown(process, name, call, done=after)
        return self._pause(process, name, call, after=after)

    def sleep(self, process: Process, seconds: float, ear: threading.Event | None) -> bool:
        """Sleep, with timers that are late, wake-ups that get lost and others that mean nothing."""
        random, odds = self.kernel.random, self.odds
        if odds.late > 1.0:
            seconds *= random.uniform(1.0, odds.late)
        if ear is not None and odds.deaf and random.random() < odds.deaf:
            process.sleep(seconds)
            return False
        if odds.startled and random.random() < odds.startled:
            process.sleep(seconds * random.random() / 10, ear)
            return True
        return process.sleep(seconds, ear)

    def _crash(self, process: Process, name: str, call: Callable[[], Any], *, after: bool) -> Any:
        if after:
            call()
        return process.crash(f"{'after' if after else 'before'} {name}")

    def _unknown(self, process: Process, name: str, call: Callable[[], Any], *, done: bool) -> Any:
        self.unknown += 1
        if done:
            call()
        self.kernel.note(process, f"{name} has an unknown fate ({'done' if done else 'not done'})")
        raise StoreUnavailable(f"{name}: the connection was lost", unknown=True)

    def _pause(self, process: Process, name: str, call: Callable[[], Any], *, after: bool) -> Any:
        result = call() if after else None
        self.pauses += 1
        seconds = self.kernel.random.choice((0.01, 0.5, self.odds.longest))
        self.kernel.note(process, f"is paused {'after' if after else 'before'} {name} for {seconds:g} s")
        process.sleep(seconds)
        self.kernel.note(process, "goes on")
        return result if after else call()


class Face:
    """One face of a store; its methods go through chance and past the eyes of who watches."""

    def __init__(self, seen: SeenStore, name: str, real: Any) -> None:
        self._seen = seen
        self._name = name
        self._real = real

    def __getattr__(self, method: str) -> Any:
        call = partial(self._seen.call, self._name, method, getattr(self._real, method))
        self.__dict__[method] = call
        return call


Watch = Callable[[Process, str, str, Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]


class SeenStore:
    """A `nuvom.stores.base.Store` of one process.

    Args:
        process: whose.
        real: the store.
        chance: what befalls calls.
        watch: who looks at them.
        prefix: before the names of its faces.
        notes_time: whether what it says of the time is what the process takes for now.
    """

    shared = True

    def __init__(
        self,
        process: Process,
        real: Store,
        chance: Chance,
        watch: Watch,
        *,
        prefix: str = "",
        notes_time: bool = True,
    ) -> None:
        self.process = process
        self.real = real
        self.url = real.url
        self.jobs = Face(self, f"{prefix}jobs", real.jobs)
        self.workers = Face(self, f"{prefix}workers", real.workers)
        self.ledger = Face(self, f"{prefix}ledger", real.ledger)
        self.schedules = Face(self, f"{prefix}schedules", real.schedules)
        self._own = Face(self, f"{prefix}store", real)
        self._notes_time = notes_time
        self._chance = chance
        self._watch = watch

    def call(self, face: str, method: str, real: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Make a call of a face."""
        watched = partial(self._watch, self.process, face, method, real, args, kwargs)
        return self._chance.through(self.process, f"{face}.{method}", watched, reads=method in READS)

    def now(self) -> datetime:
        now = self.real.now()
        if self._notes_time:
            self.process.read_at = now
        return now

    def listener(self, kind: str) -> Any:
        return SeenListener(self.process, self.real.listener(kind), self._chance)

    def prune(self, keep: Any) -> bool:
        pruned: bool = self._own.prune(keep)
        return pruned

    def maintain(self) -> None:
        """Do nothing: what the engine cleans up is not what is simulated."""


class SeenListener:
    """An ear whose waits take virtual time."""

    def __init__(self, process: Process, real: Any, chance: Chance) -> None:
        self._process = process
        self._real = real
        self._chance = chance
        self.address = real.address
        self.wake = real.wake

    def wait(self, timeout: float) -> bool:
        return self._chance.sleep(self._process, timeout, self._real._event)

    def close(self) -> None:
        self._real.close()


class Bell:
    """A `threading.Event` as far as services wait for one, in virtual time."""

    def __init__(self, process: Process, chance: Chance) -> None:
        self._process = process
        self._chance = chance
        self._event = threading.Event()
        self.set, self.clear, self.is_set = self._event.set, self._event.clear, self._event.is_set

    def wait(self, timeout: float) -> bool:
        return self._event.is_set() or self._chance.sleep(self._process, timeout, None)

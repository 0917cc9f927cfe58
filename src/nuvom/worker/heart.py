"""The supervisor's talk with the store, in a thread of its own: beats for living children, releases of dead ones."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from random import random
from typing import NamedTuple

from nuvom.errors import StoreError
from nuvom.stores.base import Store
from nuvom.stores.outage import Outage
from nuvom.worker.hard_ends import HardEnd

log: logging.Logger = logging.getLogger("nuvom.worker")


class Dead(NamedTuple):
    """A process that has ended: how, whether its jobs may be to blame, and those whose outcome is known."""

    worker_id: str
    cause: str
    charged: bool = True
    ends: Sequence[HardEnd] = ()


class Heart:
    """Beats every third of a lease for the ids that `alive` names, and releases at once what it is told is dead.

    Args:
        open_store: opens a store of its own, which waits as long as it takes.
        lease: seconds.
        alive: the ids to beat for, asked anew each time.
        lost: called with an id whose lease had run out.
    """

    def __init__(
        self, open_store: Callable[[], Store], lease: float, alive: Callable[[], list[str]], lost: Callable[[str], None]
    ) -> None:
        self._open_store = open_store
        self._period = lease / 3
        self._alive = alive
        self._lost = lost
        self._store: Store | None = None
        self._outage = Outage(random, log)
        self._dead: list[Dead] = []
        self._bell = threading.Event()
        self._closing = False
        self._beat_at = 0.0
        self._thread = threading.Thread(target=self._run, name="nuvom-heart", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def release(self, dead: Dead) -> None:
        """End the lease of a process seen dead, soon."""
        self._dead.append(dead)
        self._bell.set()

    def close(self, timeout: float) -> None:
        """End after what is to be released was, at the latest in `timeout` seconds."""
        self._closing = True
        self._bell.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        while not (self._closing and not self._dead):
            self._bell.clear()
            self._bell.wait(self._beat())
        if self._store is not None:
            self._store.close()

    def _beat(self) -> float:
        """Release and beat where it is time to; returns how long to sleep."""
        now = time.monotonic()
        if now < self._outage.until and not self._closing:
            return self._outage.until - now
        try:
            if self._store is None:
                store = self._open_store()
                store.workers.heartbeat([])  # opens it: a file that is deleted from now on is missed, and not made anew
                self._store = store
            self._release(self._store)
            if now >= self._beat_at and (ids := self._alive()):
                for worker_id in self._store.workers.heartbeat(ids):
                    self._lost(worker_id)
                self._beat_at = now + self._period
        except StoreError as error:
            return self._outage.begin(error, now)
        except Exception:  # a heart that stops while its process goes on is the worst failure
            log.exception("a beat failed; the next one follows")
            return min(1.0, self._period)
        self._outage.end(now)
        if self._closing:
            return 0.0
        left = self._beat_at - now
        return left if left > 0 else self._period

    def _release(self, store: Store) -> None:
        while self._dead:
            dead = self._dead.pop(0)
            try:
                store.jobs.finish(dead.worker_id, [end.outcome(store.now()) for end in dead.ends])
                freed = store.workers.release(dead.worker_id, dead.cause, charged=dead.charged)
            except StoreError:
                self._dead.insert(0, dead)  # for any other error no beat may wait: the lease runs out by itself
                raise
            if freed:
                log.warning("%d jobs of a process that has ended run again elsewhere (%s)", freed, dead.cause)

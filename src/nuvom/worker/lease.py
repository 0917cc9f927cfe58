"""The id under which a process holds jobs: registered, kept alive, found lost, given up."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Sequence
from random import Random

from nuvom import __version__
from nuvom.stores.base import Listener, Store
from nuvom.stores.values import TaskRow, WorkerInfo

_PROBE = 1.0  # seconds between looks whether the lease lives, at least

log: logging.Logger = logging.getLogger("nuvom.worker")


class Lease:
    """A process's row among the workers. An id is never used twice; times are monotonic seconds.

    Args:
        store: where the row is.
        seconds: how long it lives without a beat.
        beats: whether it is extended from here; else a supervisor does it.
        registered: called with each new id.
        random: chance of its own: tasks may seed the global one.
    """

    def __init__(
        self, store: Store, seconds: float, random: Random, *, beats: bool, registered: Callable[[str], None] | None
    ) -> None:
        self._store = store
        self._period = seconds / 3
        self._random = random
        self._beats = beats
        self._registered = registered
        self._beat_at = self._probe_at = 0.0
        self._suspicious = False
        self.listener: Listener | None = None
        self.id: str | None = None

    def begin(self, queues: tuple[str, ...] | None, tasks: tuple[str, ...], rows: Sequence[TaskRow], now: float) -> str:
        """Register under a new id, and report the tasks."""
        if self.listener is None:
            self.listener = self._store.listener("worker")
        info = WorkerInfo(
            id=f"{self._random.getrandbits(128):032x}",
            kind="worker",
            host=socket.gethostname(),
            pid=os.getpid(),
            version=__version__,
            queues=queues,
            tasks=tasks,
            address=self.listener.address,
        )
        self._store.workers.register(info)
        self.id = info.id
        self._beat_at, self._suspicious = now + self._period, False
        if self._registered is not None:
            self._registered(info.id)
        if rows:
            self._store.workers.remember_tasks(rows)
        return info.id

    def suspect(self) -> None:
        """Look soon whether it still lives: something hints that it does not."""
        self._suspicious = True

    def lost(self, now: float) -> bool:
        """Extend it, or look whether it lives, where it is time to; True when it ran out."""
        beat = self._beats and now >= self._beat_at
        if self.id is None or not (beat or (self._suspicious and now >= self._probe_at)):
            return False
        self._suspicious = False
        self._probe_at, self._beat_at = now + _PROBE, now + self._period
        if self.id not in self._store.workers.heartbeat([self.id]):
            return False
        log.warning("the lease of this process ran out: its jobs were given to others, it goes on as a new worker")
        self.id = None
        return True

    def end(self) -> None:
        """Give it up; whatever it still holds in the store is put back, free of charge."""
        if self.id is not None:
            self._store.workers.unregister(self.id)
            self.id = None

    def renew(self) -> None:
        """Give it up with its listener; the next one has one of its own."""
        self.end()
        listener, self.listener = self.listener, None
        if listener is not None:
            listener.close()

    def next_beat(self) -> float:
        """Return when it wants to be extended from here."""
        return self._beat_at if self._beats else float("inf")

"""The parent of services: it starts processes, beats for those that live, replaces those that die, and ends them."""

from __future__ import annotations

import logging
import os
import selectors
import signal
import time
from collections.abc import Callable, Sequence
from random import random

from nuvom.stores.base import Store
from nuvom.worker.child import Child, ChildSpec
from nuvom.worker.heart import Heart

STEADY = 5.0  # seconds that a child must live for its end to be no failure of its start
LONGEST = 10.0  # seconds between two starts of a child that does not come up
MARGIN = 3.0  # seconds beyond the grace after which a child is killed

log: logging.Logger = logging.getLogger("nuvom.worker")


class Place:
    """Where one child is to run: the child, or when the next one starts."""

    def __init__(self, spec: ChildSpec) -> None:
        self.spec = spec
        self.child: Child | None = None
        self.start_at: float = 0.0
        self.failures: int = 0

    def vacate(self, child: Child, now: float) -> float:
        """Note that its child ended; returns in how many seconds the next one starts."""
        self.child = None
        steady = child.orderly or (child.worker_id is not None and now - child.started_at >= STEADY)
        self.failures = 0 if steady else self.failures + 1
        pause = 0.0 if steady else min(LONGEST, 0.1 * 2 ** min(self.failures - 1, 16)) * (0.5 + random() / 2)
        self.start_at = now + pause
        return pause


class Supervisor:
    """Children of one service; `run` returns when all have ended after SIGTERM or SIGINT.

    Args:
        children: what each child is.
        open_store: opens a store for the beats, which waits as long as it takes.
        lease: seconds.
        grace: seconds for running jobs to end in after the first signal; a second signal ends it.
    """

    def __init__(
        self, children: Sequence[ChildSpec], open_store: Callable[[], Store], *, lease: float, grace: float
    ) -> None:
        self._places = [Place(spec) for spec in children]
        self._grace = grace
        self._heart = Heart(open_store, lease, self._living, self._tell_lost)
        self._selector = selectors.DefaultSelector()
        self._signals = 0
        self._kill_at = float("inf")

    def run(self) -> None:
        """Supervise until told to stop; in the main thread, whose signals it takes."""
        reader, writer = os.pipe()
        for end in (reader, writer):
            os.set_blocking(end, False)
        taken = [signal.SIGTERM, signal.SIGINT, signal.SIGCHLD]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup(1) asks to outlive the terminal
            taken.append(signal.SIGHUP)
        # The handler does nothing: the number of the signal comes through the pipe, between two turns of the loop.
        before = {number: signal.signal(number, lambda *_: None) for number in taken}
        wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        self._selector.register(reader, selectors.EVENT_READ)
        self._heart.start()
        try:
            self._supervise(reader)
        finally:
            for place in self._places:  # only where something unforeseen ended the loop
                if place.child is not None:
                    place.child.kill()
            self._heart.close(MARGIN)
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._selector.close()
            os.close(reader)
            os.close(writer)

    def _supervise(self, reader: int) -> None:
        while not self._signals or any(place.child for place in self._places):
            now = time.monotonic()
            if not self._signals:
                self._start(now)
            elif now >= self._kill_at:
                self._kill()
            for key, _ in self._selector.select(self._pause(now)):
                if key.data is None:
                    self._take_signals(os.read(reader, 64))
                elif not key.data.hear():
                    self._selector.unregister(key.fileobj)  # its end is seen by its exit
            self._bury(time.monotonic())

    def _start(self, now: float) -> None:
        for place in self._places:
            if place.child is None and now >= place.start_at:
                place.child = Child(place.spec)
                self._selector.register(place.child.line, selectors.EVENT_READ, place.child)
                log.info("%s process %d started", place.spec.kind, place.child.pid)

    def _pause(self, now: float) -> float | None:
        if self._signals:
            return max(0.0, self._kill_at - now)
        starts = [place.start_at for place in self._places if place.child is None]
        return max(0.0, min(starts) - now) if starts else None

    def _take_signals(self, numbers: bytes) -> None:
        for number in numbers:
            if number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                self._signals += 1
                self._stop(0.0 if self._signals > 1 else self._grace)

    def _stop(self, grace: float) -> None:
        log.info("stopping: running jobs have %g s to end", grace) if grace else log.info("stopping now")
        self._kill_at = min(self._kill_at, time.monotonic() + grace + MARGIN)
        for place in self._places:
            if place.child is not None:
                place.child.tell(stop=grace)

    def _kill(self) -> None:
        self._kill_at = time.monotonic() + MARGIN
        for place in self._places:
            if place.child is not None:
                log.error("%s process %d did not end in time: it is killed", place.spec.kind, place.child.pid)
                place.child.kill()

    def _bury(self, now: float) -> None:
        """Release what dead children held, and say when others take their places."""
        for place in self._places:
            child = place.child
            if child is None or (cause := child.observe()) is None:
                continue
            if child.line in self._selector.get_map():
                self._selector.unregister(child.line)
            child.last_words()
            if child.worker_id is not None and not child.orderly:
                self._heart.release(child.worker_id, cause)
            pause = place.vacate(child, now)
            if not (child.orderly and self._signals):
                log.log(
                    logging.INFO if child.orderly else logging.ERROR,
                    "%s process %d ended: %s%s; %s",
                    child.kind,
                    child.pid,
                    cause,
                    f" ({child.failure})" if child.failure else "",
                    "none follows: stopping" if self._signals else f"the next one starts in {pause:.1f} s",
                )

    def _living(self) -> list[str]:
        children = [place.child for place in self._places]
        return [child.worker_id for child in children if child and child.worker_id and not child.stopped]

    def _tell_lost(self, worker_id: str) -> None:
        for place in self._places:
            if place.child is not None and place.child.worker_id == worker_id:
                place.child.tell(lease="lost")

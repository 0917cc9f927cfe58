"""The parent of services: it starts processes, beats for those that live, replaces those that die, and ends them."""

from __future__ import annotations

import logging
import os
import selectors
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from nuvom.stores.base import Store
from nuvom.worker import memory, orphans
from nuvom.worker.child import Child, ChildSpec, Sentence
from nuvom.worker.hard_ends import SOON
from nuvom.worker.heart import Heart
from nuvom.worker.place import Place
from nuvom.worker.signals import Distinct, passed_over, pipe

MARGIN = 3.0  # seconds beyond the time that it was given after which a child is killed
_NEVER = float("inf")

_STOPPED = (
    "%s process %d was stopped (SIGSTOP) and nobody takes its place: `kill -CONT %d` lets it go on, `kill -KILL %d` "
    "lets another one begin; its jobs run again where a live worker sees its lease end"
)

log: logging.Logger = logging.getLogger("nuvom.worker")


class Supervisor:
    """Children of one service; `run` returns when all have ended after SIGTERM or SIGINT, or have nothing left to do.

    Args:
        children: what each child is.
        open_store: opens a store for the beats, which waits as long as it takes.
        lease: seconds.
        grace: seconds for running jobs to end in after the first signal; a second signal ends it.
        max_memory: bytes that a worker may hold before another one takes its place.
    """

    def __init__(
        self,
        children: Sequence[ChildSpec],
        open_store: Callable[[], Store],
        *,
        lease: float,
        grace: float,
        max_memory: int | None = None,
    ) -> None:
        self._places = [Place(spec) for spec in children]
        self._grace = grace
        self._heart = Heart(open_store, lease, self._living, self._tell_lost)
        self._selector = selectors.DefaultSelector()
        self._distinct = Distinct()
        self._signals = 0
        self._kill_at = _NEVER
        self._max_memory = max_memory
        self._weigh_at = _NEVER if max_memory is None else 0.0
        self._overweight: dict[int, float] = {}  # when the grace of a child that holds too much ends, by its pid
        self._adopts = orphans.are_ours()

    def run(self) -> bool:
        """Supervise until told to stop, in the main thread, whose signals it takes; False: nothing was left to do."""
        with self._taking_signals() as reader:
            self._selector.register(reader, selectors.EVENT_READ)
            self._heart.start()
            try:
                self._supervise(reader)
            finally:
                for child in self._children():  # only where something unforeseen ended the loop
                    child.kill(Sentence("its supervisor failed", charged=False))
                self._heart.close(MARGIN)
                self._selector.close()
        return self._signals > 0

    @contextmanager
    def _taking_signals(self) -> Iterator[int]:
        reader, writer = pipe()
        taken = [signal.SIGTERM, signal.SIGINT, signal.SIGCHLD]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup(1) asks to outlive the terminal
            taken.append(signal.SIGHUP)
        wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)  # first: what comes in between is not lost
        before = {number: signal.signal(number, passed_over) for number in taken}
        try:
            yield reader
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(wakeup)
            os.close(reader)
            os.close(writer)

    def _supervise(self, reader: int) -> None:
        while self._children() or not (self._signals or all(place.over for place in self._places)):
            now = time.monotonic()
            if not self._signals:
                self._start(now)
            self._end_overdue(now)
            for key, _ in self._selector.select(self._pause(now)):
                if key.data is None:
                    self._take_signals(os.read(reader, 64))
                elif not key.data.hear():
                    self._selector.unregister(key.fileobj)  # its end is seen by its exit
            self._succeed(time.monotonic())
            self._bury(time.monotonic())

    def _children(self) -> list[Child]:
        return [child for place in self._places for child in place.children()]

    def _start(self, now: float) -> None:
        for place in self._places:
            if now >= place.wants:
                child = place.start()
                self._selector.register(child.line, selectors.EVENT_READ, child)
                log.info("%s process %d started", child.kind, child.pid)

    def _succeed(self, now: float) -> None:
        """Let others take the places of those that retire, which end beside them."""
        for place in self._places:
            child = place.child
            if child is not None and child.retires is not None:
                pause = place.succeed(child, now, at_once=child.pid not in self._overweight)
                log.log(
                    logging.WARNING if pause else logging.INFO,
                    "%s process %d retires: %s; %s",
                    child.kind,
                    child.pid,
                    child.retires,
                    "none follows: stopping" if self._signals else f"the next one starts in {pause:.1f} s",
                )

    def _pause(self, now: float) -> float | None:
        children = self._children()
        moments = [
            child.ends.next() - (0.0 if child.retires else SOON)
            for child in children
            if child.sentence is None and not child.stopped
        ]
        moments += [child.ended_at + MARGIN for child in children if child.ended_at and child.sentence is None]
        moments += [self._weigh_at, self._kill_at if children else _NEVER]
        if not self._signals:
            moments += [place.wants for place in self._places]
        following = min(moments)
        return None if following == _NEVER else max(0.0, following - now)

    # What ends.

    def _end_overdue(self, now: float) -> None:
        if now >= self._kill_at:
            self._kill_at = now + MARGIN
            for child in self._children():
                self._kill(child, Sentence("it did not end in time when its worker was stopped", charged=False))
        for child in self._children():
            if child.ended_at is not None and now >= child.ended_at + MARGIN:
                self._kill(child, Sentence("something of it went on after its jobs had ended", charged=False))
            elif not child.stopped and child.ends.next() - SOON <= now:
                self._end_jobs(child, now)
        if now >= self._weigh_at:
            self._weigh_at = now + memory.LOOK
            self._weigh(now)

    def _end_jobs(self, child: Child, now: float) -> None:
        """End a child for jobs that do not end, unless they have meanwhile; its successor starts a moment before."""
        child.hear_all()
        if child.ends.next() - SOON <= now and child.retires is None:
            child.retire("it runs a job that does not stop")
        if ends := child.ends.due(now):
            names = ", ".join(f"{end.job.id}, attempt {end.job.attempt}" for end in ends)
            self._kill(child, Sentence(f"it ran jobs that did not stop: {names}", charged=False, ends=ends))

    def _weigh(self, now: float) -> None:
        """Let workers retire that hold too much memory; kill those that hold far too much, or do not come to an end."""
        limit = self._max_memory or 0
        workers = {child.pid: child for child in self._children() if child.kind == "worker"}
        for pid, size in memory.held(list(workers)).items():
            child = workers[pid]
            if size <= limit:
                continue
            if child.retires is None:
                child.retire(f"it holds {memory.shown(size)}, more than --max-memory allows ({memory.shown(limit)})")
            until = self._overweight.setdefault(pid, now + self._grace)
            if size > memory.FAR * limit or now >= until:
                cause = f"its process held {memory.shown(size)}, --max-memory allows {memory.shown(limit)}"
                self._kill(child, Sentence(f"{cause}; it was killed", charged=True))

    def _kill(self, child: Child, sentence: Sentence) -> None:
        if child.sentence is None:
            log.error("%s process %d is killed: %s", child.kind, child.pid, sentence.cause)
            child.kill(sentence)

    def _bury(self, now: float) -> None:
        """Release what dead children held, and say when others take their places."""
        for place in self._places:
            for child in list(place.children()):
                ran = not child.stopped
                if (cause := child.observe()) is not None:
                    self._bury_one(place, child, cause, now)
                elif child.stopped and ran:
                    log.warning(_STOPPED, child.kind, child.pid, child.pid, child.pid)
        if self._adopts:
            orphans.reap({child.pid for child in self._children()})

    def _bury_one(self, place: Place, child: Child, cause: str, now: float) -> None:
        if child.line in self._selector.get_map():
            self._selector.unregister(child.line)
        child.hear_all()
        child.line.close()
        self._overweight.pop(child.pid, None)
        if (dead := child.dead(cause)) is not None:
            self._heart.release(dead)
        pause = place.vacate(child, now)
        if child.orderly and (self._signals or pause is None):
            return
        follows = "another has its place" if pause is None else f"the next one starts in {pause:.1f} s"
        log.log(
            logging.INFO if child.orderly else logging.ERROR,
            "%s process %d ended: %s%s; %s",
            child.kind,
            child.pid,
            cause,
            f" ({child.failure})" if child.failure else "",
            "none follows: stopping" if self._signals else follows,
        )

    # Signals and beats.

    def _take_signals(self, numbers: bytes) -> None:
        ending = [number for number in numbers if number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]
        for _ in self._distinct.of(ending, time.monotonic()):
            self._signals += 1
            self._stop(0.0 if self._signals > 1 else self._grace)

    def _stop(self, grace: float) -> None:
        log.info("stopping: running jobs have %g s to end", grace) if grace else log.info("stopping now")
        self._kill_at = min(self._kill_at, time.monotonic() + grace + MARGIN)
        for child in self._children():
            child.tell(stop=grace)

    def _living(self) -> list[str]:
        return [child.worker_id for child in self._children() if child.worker_id and not child.stopped]

    def _tell_lost(self, worker_id: str) -> None:
        for child in self._children():
            if child.worker_id == worker_id:
                child.tell(lease="lost")

"""Stopping what runs in this process: when its time is up or somebody asks, and never anything but that attempt."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from dataclasses import replace
from time import monotonic
from typing import NamedTuple, Protocol, cast

from nuvom import _current
from nuvom._current import Running
from nuvom._job import JobError, Progress, Verdict
from nuvom.errors import JobCancelled, JobTimedOut
from nuvom.worker.error_text import describe

YIELD = 0.5  # seconds after its limit in which a stop must reach a job
CLEANING = 5.0  # seconds after its limit that a job which was reached has to end
COOPERATION = 10.0  # seconds that a job has to end when somebody asked it to stop
_LOOK = 0.05
_UNBEGUN = 0.002  # seconds: a limit so short that its job is just about to begin
_NEVER = float("inf")


class Fate(NamedTuple):
    """What is recorded of an attempt that had to be ended together with its process."""

    verdict: Verdict
    again: float | None = None  # seconds until it is tried again
    retries: int = 0
    limit: float | None = None  # seconds that it was allowed


class Warden(Protocol):
    """Who ends this process when a stop does not reach a job: a supervisor, for nobody else can in every case."""

    def watch(self, running: Running, seconds: float, fate: Fate) -> None:
        """Be ready to end the process when the job has not ended in `seconds`; said again, the earlier end holds."""
        ...

    def extend(self, running: Running, seconds: float) -> None:
        """Give a job `seconds` from now: the stop has reached it."""
        ...

    def forget(self, running: Running) -> None:
        """Let it go: it has ended."""
        ...


class Nobody:
    """No warden: what does not stop goes on."""

    def watch(self, running: Running, seconds: float, fate: Fate) -> None:
        """Do nothing."""

    def extend(self, running: Running, seconds: float) -> None:
        """Do nothing."""

    def forget(self, running: Running) -> None:
        """Do nothing."""


class _Watched:
    """A job that has a limit: when its time is up, and when it was asked to stop for that."""

    __slots__ = ("due", "stopped_at")

    def __init__(self, due: float) -> None:
        self.due = due
        self.stopped_at = _NEVER


class Stops:
    """The jobs that run in this process, and a thread that stops those whose time is up.

    An exception that is sent into a thread arrives some instructions later. So that it meets no other job, whoever
    sends it marks the attempt first, then looks whether it is still alive, and sends under a lock; the thread takes its
    attempt out of `alive` first, then looks for the mark, and under the lock clears what has not arrived. An attempt is
    sent one exception at most, so whatever is done again after it arrived is not interrupted again.
    """

    def __init__(self, warden: Warden | None = None) -> None:
        self._warden = warden or Nobody()
        self._lock = threading.Lock()
        self._watched: dict[Running, _Watched] = {}
        self._bell = threading.Event()
        self._thread: threading.Thread | None = None
        self._wake_at = _NEVER
        self._closing = False
        self.alive: set[Running] = set()  # whoever runs a job adds it just before the call
        self.reports: dict[Running, Progress] = {}

    def limit(self, running: Running, seconds: float, fate: Fate) -> None:
        """Stop a job that is about to begin when it has not ended in `seconds`."""
        running.marked = True
        self._warden.watch(running, seconds + YIELD, fate)
        due = monotonic() + seconds
        self._watched[running] = _Watched(due)
        if self._thread is None or not self._thread.is_alive():  # a fork leaves it behind
            self._start()
        if due < self._wake_at:
            self._bell.set()

    def end(self, running: Running) -> None:
        """Note that a job has ended, in its own thread: no stop reaches anything that this thread does from now on."""
        self.alive.discard(running)
        if not running.marked:
            return
        with self._lock:
            if running.stop is not None and isinstance(running.home, int):
                _send(running.home, None)
        self._watched.pop(running, None)
        self._warden.forget(running)

    def cancel(self, ref: int | str, attempt: int) -> bool:
        """Ask a job to stop because somebody wants it; False when it does not run here (yet)."""
        for running in list(self.alive):
            if running.job.ref == ref and running.job.attempt == attempt:
                if running.stop is None:
                    running.marked = True
                    self._warden.watch(running, COOPERATION, Fate(Verdict.CANCELLED))
                    if not self._ask(running, JobCancelled):
                        self._warden.forget(running)
                return True
        return False

    def take_reports(self) -> dict[Running, Progress]:
        """Return what jobs reported since the last call, the newest report of each."""
        taken: dict[Running, Progress] = {}
        while self.reports:
            running, progress = self.reports.popitem()
            taken.setdefault(running, progress)
        return taken

    def close(self) -> None:
        """Let the thread end."""
        self._closing = True
        self._bell.set()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._serve, name="nuvom-stops", daemon=True)
                self._thread.start()

    def _serve(self) -> None:
        while not self._closing:
            self._bell.clear()
            self._wake_at = _NEVER  # whoever comes while we look rings
            now = monotonic()
            following = min((self._look(*each, now) for each in list(self._watched.items())), default=_NEVER)
            self._wake_at = following
            self._bell.wait(None if following == _NEVER else max(0.0, following - now))

    def _look(self, running: Running, watched: _Watched, now: float) -> float:
        """Do what it is time to do about a job; returns when to look again."""
        if now < watched.due:
            return watched.due
        if running.stop is None:
            watched.stopped_at = now
            return now + (_LOOK if self._ask(running, JobTimedOut) else _UNBEGUN)
        if running.stop is JobCancelled or now > watched.stopped_at + YIELD:
            return _NEVER
        if not running.reached:
            return now + _LOOK
        if running in self.alive:
            self._warden.extend(running, CLEANING - (now - watched.stopped_at))
        watched.due = _NEVER
        return _NEVER

    def _ask(self, running: Running, reason: type[JobCancelled | JobTimedOut]) -> bool:
        with self._lock:
            if running not in self.alive:
                return False
            if running.stop is not None:
                return True
            running.stop = reason
            if isinstance(running.home, int):
                _send(running.home, _SENT[reason])
            elif isinstance(running.home, asyncio.Task):
                with suppress(RuntimeError):  # the loop was closed
                    running.home.get_loop().call_soon_threadsafe(self._cancel, running)
            return True

    def _cancel(self, running: Running) -> None:
        if running in self.alive and isinstance(running.home, asyncio.Task):
            running.reached = True
            running.home.cancel()


def reason(running: Running, error: BaseException, limit: float | None) -> JobError:
    """Say why an attempt ended with an exception: its own error, its limit, or because it was asked to stop."""
    if is_cancelled(running, error):
        return replace(describe(error, "cancelled"), message="it was asked to stop, and did")
    ours = isinstance(error, JobTimedOut) or _is_our_cancel(running, error)
    if running.stop is not JobTimedOut or not ours:
        return describe(error, "error")
    how = "its coroutine was cancelled" if _is_our_cancel(running, error) else "JobTimedOut was raised in it"
    return replace(describe(error, "timeout"), message=f"{too_long(limit)}: {how}")


def is_cancelled(running: Running, error: BaseException) -> bool:
    """Whether an exception that left a task says that it stopped because it was asked to."""
    return isinstance(error, JobCancelled) or (running.stop is JobCancelled and _is_our_cancel(running, error))


def too_long(limit: float | None) -> str:
    """Say that an attempt took longer than its timeout."""
    return f"it ran for longer than its timeout of {limit:g} s"


def _is_our_cancel(running: Running, error: BaseException) -> bool:
    return isinstance(error, asyncio.CancelledError) and running.reached


def _arrive(_error: BaseException) -> None:
    """Note that a stop has arrived: an exception that was sent into a thread is made by the thread that it meets."""
    running = _current.running()
    if running is not None:
        running.reached = True


def _sent(kind: type[BaseException]) -> type[BaseException]:
    """Return a class like `kind` that notes its arrival; users see what they catch, and nothing of where it is from."""
    said = {"__init__": _arrive, "__module__": kind.__module__, "__doc__": kind.__doc__}
    return cast("type[BaseException]", type(kind.__name__, (kind,), said))


_SENT = {JobCancelled: _sent(JobCancelled), JobTimedOut: _sent(JobTimedOut)}


def _send(thread: int, exception: type[BaseException] | None) -> None:
    import ctypes  # where nothing is ever stopped it is not needed

    send = ctypes.pythonapi.PyThreadState_SetAsyncExc
    what = ctypes.py_object() if exception is None else ctypes.py_object(exception)  # the empty one is NULL
    send(ctypes.c_ulong(thread), what)
